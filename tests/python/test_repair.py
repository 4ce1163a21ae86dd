"""State that is gone or spoilt is set aside and built anew: from the log, and what is in flight."""

import json
import shutil
from pathlib import Path

import pytest
from killing import TASK_ID, House, Killed, killed_at, upstream

from orchestrator import clock
from orchestrator.decide import limits
from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import Seen, Turn
from orchestrator.state import inflight, repair, usage
from orchestrator.state.journal import DECISIONS, USAGE, Journal
from orchestrator.state.ledger import Ledger

STEPS = 14  # as test_recover.py counts them
SPOILT = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "a bit flipped": lambda text: text.replace('"', "\u0002", 1),
    "NaN": lambda text: text.replace('"schema": 1', '"schema": NaN'),
    "negative": lambda text: text.replace('"windows": {', '"windows": {"cost_usd/day": {"2": -1},'),
    "a string for a number": lambda text: text.replace('"schema": 1', '"schema": "1"'),
    "a key twice": lambda text: text.replace('"schema": 1', '"schema": 1, "schema": 1'),
    "another shape": lambda _: '{"schema": 1, "windows": [], "reservations": {}}',
    "no object": lambda _: "[]",
    "a reservation without its day": lambda text: text.replace(
        '"reservations": {',
        '"reservations": {"a": {"requests": 1, "tokens": 1, "cost_micro_usd": 1, "at_ms": 1,'
        ' "account": "x", "model": "x", "metered": true, "done": [0, 0, 0]}',
    ),
    "a reset that is none": lambda text: text.replace(
        '"observations": {',
        '"observations": {"cost_usd/day": {"x": {"used": 1, "own": 1, "slot": 1,'
        ' "observed_at_ms": 1, "resets_at_ms": "soon"}}',
    ),
    "NUL bytes": lambda text: "\0" * len(text),
}


@pytest.fixture(scope="module")
def server():
    with upstream() as made:
        yield made


@pytest.fixture
def house(tmp_path, server):
    """Make a house whose first provider is down, so that a task takes two attempts."""
    server.upstream.reset()
    fault = {"kind": "status", "status": 500, "times": "always"}
    server.upstream.play({"providers": {"codex": {"faults": [fault]}}})
    return House(tmp_path / "my place", server)


def file_of(house, name="claude"):
    return Path(usage.path_of(house.state, name))


def windows_of(books):
    return [each["windows"] for each in books]


def ledger_of(house):
    told = []
    return Ledger(house.state, house.config, house.logs, told.append), told


@pytest.mark.parametrize("kind", SPOILT)
def test_rows_21_to_24_a_spoilt_file_is_kept_aside_and_built_anew(house, kind):
    house.run()
    before, text = house.books(), file_of(house).read_text()
    spoilt = SPOILT[kind](text)
    assert spoilt != text
    file_of(house).write_text(spoilt)
    with pytest.raises(UnsoundError, match=r"claude_usage\.json: "):
        usage.load(house.state, house.config.providers["claude"], clock.now_ms())
    ledger, told = ledger_of(house)
    ledger.mend()
    assert windows_of(house.books()) == windows_of(before)
    (aside,) = Path(house.state).glob("claude_usage.json.corrupt-*")
    assert aside.read_text() == spoilt
    assert aside.name in told[0]


def test_row_24_a_byte_order_mark_is_no_damage(house):
    house.run()
    before = house.books()
    file_of(house).write_bytes(b"\xef\xbb\xbf" + file_of(house).read_bytes())
    ledger_of(house)[0].mend()
    assert house.books() == before


def test_row_24_a_file_of_a_future_version_is_refused_and_left_alone(house):
    house.run()
    text = file_of(house).read_text().replace('"schema": 1', '"schema": 2')
    file_of(house).write_text(text)
    with pytest.raises(StorageError, match="was written by a newer version"):
        ledger_of(house)[0].mend()
    assert file_of(house).read_text() == text
    assert not list(Path(house.state).glob("*.corrupt-*"))


def test_a_file_that_is_gone_is_no_fresh_budget(house):
    house.run()
    before = house.books()
    file_of(house).unlink()
    ledger, told = ledger_of(house)
    ledger.held("none", "claude")
    assert windows_of(house.books()) == windows_of(before)
    assert told == []  # so it is with every first start


@pytest.mark.parametrize("name", ["codex", "claude"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("place", range(1, STEPS))
def test_killed_at_any_step_with_a_spoilt_file_nothing_is_lost_or_counted_twice(
    house, place, after, name
):
    with killed_at(place, after=after), pytest.raises(Killed):
        house.run()
    if file_of(house, name).exists():
        file_of(house, name).write_text("{")
    house.recover()
    ledger_of(house)[0].mend()
    usages = house.log(USAGE)
    assert [line["task_id"] for line in house.log(DECISIONS)] == [TASK_ID]
    assert len({line["attempt_id"] for line in usages}) == len(usages)
    assert not [held for books in house.books() for held in books["reservations"]]
    assert not inflight.any_listed(house.state)
    recorded = sum(line["cost_usd"] for line in usages)
    assert house.spent_micro_usd() == round(recorded * 1_000_000)
    assert house.spent_micro_usd() >= house.upstream.books.totals()["total_cost_micro_usd"]


def test_a_running_calls_reservation_and_turns_survive_a_rebuild(house):
    """What it reserved and what its turns took is in its in-flight file."""
    with killed_at(8, after=False), pytest.raises(Killed):  # the second attempt is over
        house.run()
    (path,) = Path(inflight.folder_of(house.state)).iterdir()
    attempt_id = f"{TASK_ID}-2"
    done, held = Turn(2, 300, 4000), Turn(1, 500, 6000)
    note = {"step": "turn", "attempt_id": attempt_id}
    note |= {"done": done._asdict(), "held": held._asdict()}
    noted = path.read_bytes().rstrip(b"\0") + json.dumps(note).encode() + b"\n"
    path.write_bytes(noted)
    file_of(house).write_text("{")
    now_ms = clock.now_ms()
    claude = house.config.providers["claude"]
    found = repair.rebuilt(house.state, house.logs, claude, now_ms, "UTC")
    assert repair.money_of(found)[f"day {clock.iso(now_ms)[:10]}"] == 4000
    row = found["reservations"][attempt_id]
    assert [row[name] for name in held._fields] == list(held)
    assert row["done"] == list(done)
    file_of(house).write_text(json.dumps(found))
    ledger, _ = ledger_of(house)
    assert ledger.renew(attempt_id, "claude", done, held) is None  # it was noted, and is booked
    assert house.spent_micro_usd() == 4000
    ledger.settle(attempt_id, "claude", Turn(3, 310, 4100))
    assert house.spent_micro_usd() == 4100


def test_an_attempt_that_got_no_room_is_held_by_no_books_that_are_built_anew(house):
    """It stays in the in-flight file of its task, which goes on with another provider."""
    ledger, _ = ledger_of(house)
    key = limits.Payer("openai", "priced", metered=True)
    ledger.reserve("other", "codex", Turn(1, 10, 5_000_000), key)
    with killed_at(7, after=False), pytest.raises(Killed):  # the second attempt is under way
        house.run()
    ledger.settle("other", "codex", Turn(1, 10, 0))
    file_of(house, "codex").write_text("{")
    ledger.mend()
    assert json.loads(file_of(house, "codex").read_text())["reservations"] == {}
    house.recover()
    assert [line["provider"] for line in house.log(USAGE)] == ["claude"]


def test_what_rotation_moved_away_is_still_spent(house):
    house.run()
    before = house.books()
    log = Path(Journal(house.logs).path(USAGE))
    log.rename(f"{log}.1")
    file_of(house).unlink()
    ledger_of(house)[0].mend()
    assert windows_of(house.books()) == windows_of(before)
    assert house.spent_micro_usd() > 0


def test_a_logged_day_that_is_none_spoils_no_books(house):
    house.run()
    log = Path(Journal(house.logs).path(USAGE))
    log.write_text(log.read_text().replace('"booked_day": "2', '"booked_day": "x'))
    ledger_of(house)[0].mend(anew=True)
    assert house.spent_micro_usd() == 0
    assert all(house.books())


def test_outside_figures_of_a_file_that_is_spoilt_elsewhere_are_kept(house):
    house.run()
    ledger, _ = ledger_of(house)
    seen = Seen("cost_usd", None, "day", None, 4_000_000, None, "bill", clock.now_ms())
    ledger.observe("claude", [seen])
    document = json.loads(file_of(house).read_text())
    kept = document["observations"]
    document["windows"] = {"cost_usd/day": {"x": 1}}
    file_of(house).write_text(json.dumps(document))
    ledger.mend()
    assert json.loads(file_of(house).read_text())["observations"] == kept != {}


def test_rows_25_26_a_log_with_torn_lines_and_nul_blocks_gives_what_is_whole(house):
    house.run()
    before = house.books()
    log = Path(Journal(house.logs).path(USAGE))
    whole = log.read_bytes().splitlines(keepends=True)
    torn = [
        whole[0][:50] + b"\n",
        b"\0" * 70_000 + b"\n",
        b'"claude"\n',
        b'{"provider": "claude"}\n',
    ]
    torn += [whole[0], whole[1][:-40]]
    log.write_bytes(b"".join([*torn[:4], whole[1], *torn[4:]]))
    shutil.rmtree(inflight.folder_of(house.state))
    ledger, _ = ledger_of(house)
    assert ledger.mend(anew=True)
    assert windows_of(house.books()) == windows_of(before)


def test_files_and_log_that_agree_are_told_so_and_what_differs_is_named(house):
    house.run()
    found = ledger_of(house)[0].mend()
    assert all(repair.money_of(held) == repair.money_of(told) for held, told in found.values())
    document = json.loads(file_of(house).read_text())
    day = next(iter(document["windows"]["cost_usd/day"]))
    document["windows"]["cost_usd/day"][day] += 5
    file_of(house).write_text(json.dumps(document))
    held, told = ledger_of(house)[0].mend()["claude"]
    assert repair.money_of(held)[f"day {day}"] == repair.money_of(told)[f"day {day}"] + 5
    ledger_of(house)[0].mend(anew=True)
    held, told = ledger_of(house)[0].mend()["claude"]
    assert repair.money_of(held) == repair.money_of(told)
