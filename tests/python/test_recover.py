"""Killed at any step, a task is finished by the next start: settled once, recorded once."""

import contextlib
import shutil

import pytest
from killing import TASK_ID, House, Killed, killed_at, upstream

from orchestrator.state import inflight
from orchestrator.state.journal import DECISIONS, USAGE

# note: begin; attempt, reserve, outcome, settle, append: of each of two attempts; final, append,
# close. A test below holds this count.
STEPS = 1 + 2 * 5 + 3
PLACES = [(place, after) for place in range(STEPS) for after in (False, True)]


@pytest.fixture(scope="module")
def server():
    with upstream() as made:
        yield made


def house_of(folder, server):
    """Make a house whose first provider is down, so that a task takes two attempts."""
    server.upstream.reset()
    fault = {"kind": "status", "status": 500, "times": "always"}
    server.upstream.play({"providers": {"codex": {"faults": [fault]}}})
    return House(folder / "my place", server)


def killed(house, place, *, after):
    with killed_at(place, after=after), pytest.raises(Killed):
        house.run()


def check(house):
    """Hold the invariants of the commit protocol."""
    decisions, usages = house.log(DECISIONS), house.log(USAGE)
    assert [line["task_id"] for line in decisions] == [TASK_ID]
    attempts = decisions[0]["execution_metrics"]["attempts"]
    assert [a["attempt_id"] for a in attempts] == [line["attempt_id"] for line in usages]
    assert len({line["attempt_id"] for line in usages}) == len(usages)
    assert not [held for books in house.books() for held in books["reservations"]]
    assert not inflight.any_listed(house.state)
    recorded = sum(line["cost_usd"] for line in usages)
    assert house.spent_micro_usd() == round(recorded * 1_000_000)
    billed = house.upstream.books.totals()["total_cost_micro_usd"]
    assert house.spent_micro_usd() >= billed


def test_an_undisturbed_task_makes_as_many_steps_as_are_tried_here(tmp_path, server):
    house = house_of(tmp_path, server)
    with killed_at(None) as made:
        assert house.run().exit_code == 0
    assert len(made) == STEPS
    assert not house.recover()
    check(house)
    assert [line["outcome"] for line in house.log(USAGE)] == ["SERVER", "ok"]


@pytest.mark.parametrize(("place", "after"), PLACES)
def test_a_task_killed_at_any_step_is_finished_by_the_next_start(tmp_path, server, place, after):
    house = house_of(tmp_path, server)
    killed(house, place, after=after)
    begun = place > 0 or after
    over = (place, after) == (STEPS - 1, True)
    left = house.folder / "left"
    shutil.copytree(inflight.folder_of(house.state), left)
    assert house.recover() is not over
    if begun:
        check(house)
    status = [line["execution_metrics"]["status"] for line in house.log(DECISIONS)]
    finished = place > STEPS - 3 or (place == STEPS - 3 and after)
    assert status == (["success" if finished else "interrupted"] if begun else [])
    before = house.books(), house.log(DECISIONS), house.log(USAGE)
    assert not house.recover()
    shutil.copytree(left, inflight.folder_of(house.state), dirs_exist_ok=True)
    house.recover()
    assert (house.books(), house.log(DECISIONS), house.log(USAGE)) == before


@pytest.mark.parametrize("place", range(1, STEPS))
def test_a_recovery_killed_at_any_step_is_finished_by_the_next(tmp_path, server, place):
    house = house_of(tmp_path, server)
    killed(house, place, after=False)
    saved = tmp_path / "saved"
    shutil.copytree(house.folder, saved)
    for again in range(99):
        for after in (False, True):
            shutil.rmtree(house.folder)
            shutil.copytree(saved, house.folder)
            with killed_at(again, after=after) as made, contextlib.suppress(Killed):
                house.recover()
            house.recover()
            check(house)
        if len(made) <= again:
            break


def test_a_call_of_a_provider_that_is_no_longer_configured_is_settled_all_the_same(
    tmp_path, server
):
    house = house_of(tmp_path, server)
    killed(house, 8, after=False)  # the second attempt is over, nobody has noted it
    everything = house.config
    rest = {name: made for name, made in everything.providers.items() if name != "claude"}
    house.config = everything._replace(providers=rest)
    assert house.recover()
    house.config = everything
    check(house)
    assert house.spent_micro_usd() > 0


def test_a_torn_last_step_never_happened(tmp_path, server):
    house = house_of(tmp_path, server)
    killed(house, 7, after=False)
    folder = inflight.folder_of(house.state)
    (path,) = house.folder.glob("state/.state/inflight/*.jsonl")
    with path.open("a") as file:
        file.write('{"step": "outcome", "rest": {"requ')
    assert folder in str(path)
    assert house.recover()
    check(house)


@pytest.mark.parametrize(("name", "left"), [("orchestrate-made", False), ("somebody's", True)])
def test_what_an_attempt_wrote_before_its_client_was_started_is_removed(
    tmp_path, server, name, left
):
    house = house_of(tmp_path, server)
    folder = tmp_path / name
    folder.mkdir()
    (folder / "mcp.json").write_text("a secret", "utf-8")
    line = {"task_id": TASK_ID, "recommendation": {"cost_estimate": None}}
    running = inflight.begin(house.state, TASK_ID, "coder", line=line, offsets={})
    running.note("private", folder=str(folder))
    running.release()
    assert house.recover()
    assert folder.exists() == left
