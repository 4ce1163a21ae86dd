"""What becomes of a task in the queue of those that wait, by how its last attempt ended."""

import contextlib

import pytest
import world
from killing import House, Killed, killed_at, upstream

from orchestrator import records as r
from orchestrator.decide import lines
from orchestrator.records import Failure, Route, Wishes
from orchestrator.state.journal import DEFERRED
from orchestrator.work.booking import NOTHING, Booked, Booking
from orchestrator.work.context import Dispatch
from orchestrator.work.trees import Trees


@pytest.fixture(scope="module")
def server():
    with upstream() as made:
        yield made


def ended(house, monkeypatch, kind, access="none", *, used_tools=False):
    """Run the task on one route whose only attempt ends so; returns how it is recorded."""
    failure = Failure(kind, "made up")
    outcome = NOTHING._replace(failure=failure, used_tools=used_tools, usage_known=True)
    facts = lines.outcome_facts(outcome, 0, 0)
    monkeypatch.setattr(Booking, "attempt", lambda *_: Booked(outcome, facts, None))
    house.chain = (house.chain[0]._replace(access=access),)
    result = house.run()
    return result.line["execution_metrics"]["status"], result.exit_code


def test_half_done_work_in_place_of_a_tier_above_is_not_gone_on_from_either():
    blind = Route("codex", "small", world.way("openai", "api", access="none"), "none", 1000)
    climb = Route("codex", "large", world.way("codex"), "edit", 1000)
    line = {"repository": "/repo", "task_description": "Fix it"}
    trees = Trees(None, "1", Dispatch(line, "Fix it", (blind,), Wishes(), ((climb,),)))
    assert trees.may_go_on(NOTHING)
    assert not trees.may_go_on(NOTHING._replace(used_tools=True))


def test_a_task_without_room_waits_unless_it_left_half_done_work_in_place(
    tmp_path, server, monkeypatch
):
    for name, access, used_tools, status in (
        ("none done", "edit", False, "deferred"),
        ("read", "none", True, "deferred"),
        ("half done", "edit", True, "failed"),
    ):
        house = House(tmp_path / name, server)
        found = ended(house, monkeypatch, r.BUDGET, access, used_tools=used_tools)
        assert found == (status, 3), name
        assert [row["event"] for row in house.log(DEFERRED)] == ["queued"] * (status != "failed")


@pytest.mark.parametrize("place", range(11, 15))
@pytest.mark.parametrize("after", [False, True])
def test_one_that_is_done_is_not_run_again_when_its_process_was_killed_at_the_end(
    tmp_path, server, monkeypatch, place, after
):
    house = House(tmp_path, server)
    chain = house.chain
    with monkeypatch.context() as patch:
        ended(house, patch, r.QUOTA)
    house.chain = chain[:1]
    with killed_at(place - 5, after=after), contextlib.suppress(Killed):  # one attempt, not two
        house.run()
    house.recover()
    noted = place > 11 or after
    assert [row["event"] for row in house.log(DEFERRED)] == ["queued"] + ["done"] * noted


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (r.EMPTY, ["queued", "failed"]),  # it was paid for
        (r.TIMEOUT, ["queued", "failed"]),
        (r.AUTH, ["queued"]),
        (r.SERVER, ["queued"]),
        (r.INTERRUPTED, ["queued"]),
    ],
)
def test_one_that_waited_and_had_its_chance_leaves_the_queue(
    tmp_path, server, monkeypatch, kind, left
):
    house = House(tmp_path, server)
    ended(house, monkeypatch, r.QUOTA)
    ended(house, monkeypatch, kind)
    assert [row["event"] for row in house.log(DEFERRED)] == left
