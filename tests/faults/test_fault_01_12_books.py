"""Rows 1 to 12 on single operations: each is made whole or not at all, whatever call fails."""

import shutil

import pytest
from killing import House
from state_works import WORKS, prepare, shown
from sweeping import EVERY, FIRST, calls_of

FAULTS = {"a kill": "signal=SIGKILL", "no space": "error=ENOSPC", "an I/O error": "error=EIO"}


@pytest.mark.parametrize(
    "every", [EVERY, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
@pytest.mark.parametrize("work", WORKS)
def test_rows_01_12_an_operation_is_made_whole_or_not_at_all(tmp_path, server, driver, work, every):
    origin, place = tmp_path / "origin", tmp_path / "my place"

    def begun():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(origin, place)
        return House(place, server, fsync=True)

    house = House(origin, server, fsync=True)
    if work != "reserve":
        prepare(house)
    before = shown(house)
    house = begun()
    _, told, trace = driver.do(work, place)
    assert told[:2] == ["", 0], told
    after = shown(house)
    assert after != before
    points = [(fault, *call) for call in calls_of(trace) for fault in FAULTS]
    chosen = points if every == 1 else points[FIRST % every :: every]
    print(f"{work}: {len(chosen)} of {len(points)} points, from {FIRST % every}")
    for fault, name, k in chosen:
        house = begun()
        _, told, _ = driver.do(work, place, f"inject={name}:{FAULTS[fault]}:when={k}")
        where = f"{fault} at {name} number {k}: {told}"
        assert shown(house) in {before, after}, where
        if told is not None and told[0] == "":
            assert shown(house) == after, where
        elif told is not None:
            assert (told[0], told[1]) == ("StorageError", 7), where
            assert str(place) in told[2], where
