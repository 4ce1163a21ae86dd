"""What happened to the nodes of a plan adds up to the same for everybody who follows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.progress import Progress
from orchestrator.decide.schedule import DONE, FAILED, HELD, READY, RUNNING, WAITING, Item

ITEMS = [Item((), "codex", 1.0), Item((), "gemini", 2.0), Item((0,), "claude", 3.0)]
DONE_ROW = {
    "task_id": "t-1",
    "status": "success",
    "outcome": "delivered",
    "seconds": 1.5,
    "cost_usd": 0.25,
    "cost_notional_usd": 0.5,
    "branch": None,
    "repository": "/shop",
}
FAILED_ROW = {**DONE_ROW, "status": "failed", "outcome": "failed"}


def told(*events, items=ITEMS, spent=0):
    """Let things happen: each is a name, a place, and more; a second passes between two."""
    found = Progress(items, {}, spent)
    for at, (event, place, *more) in enumerate(events):
        record = {"at_ms": 1000 * at, "event": event, "place": place}
        found.apply(record | (more[0] if more else {}))
    return found


def claimed(place, worker="w"):
    return ("claimed", place, {"worker": worker})


def allotted(place, micro_usd):
    return ("allotted", place, {"micro_usd": micro_usd})


CLAIM = claimed(0)
ENDED_BADLY = ("ended", 0, FAILED_ROW)


@pytest.mark.parametrize(
    ("events", "states"),
    [
        ([], [READY, READY, WAITING]),
        ([CLAIM], [RUNNING, READY, WAITING]),
        ([CLAIM, ("ended", 0, DONE_ROW)], [DONE, READY, READY]),
        ([CLAIM, ENDED_BADLY], [FAILED, READY, WAITING]),
        ([CLAIM, ("returned", 0)], [READY, READY, WAITING]),
        ([CLAIM, ("held", 0, {"until_ms": 5})], [HELD, READY, WAITING]),
        ([CLAIM, ("lost", 0, {"counts": True})], [READY, READY, WAITING]),
        ([CLAIM, ENDED_BADLY, ("reopened", 0)], [READY, READY, WAITING]),
        ([CLAIM, ("moved", 0, {"provider": "gemini"})], [RUNNING, READY, WAITING]),
        # what comes late changes nothing: it is over
        ([CLAIM, ("ended", 0, DONE_ROW), ("returned", 0)], [DONE, READY, READY]),
        ([CLAIM, ("ended", 0, DONE_ROW), ("lost", 0, {"counts": True})], [DONE, READY, READY]),
        ([CLAIM, ("ended", 0, DONE_ROW), ("reopened", 0)], [DONE, READY, READY]),
    ],
)
def test_every_event_leads_to_the_state_that_it_tells_of(events, states):
    assert told(*events).schedule.state == states


@pytest.mark.parametrize(
    ("events", "spent", "held"),
    [
        ([CLAIM, allotted(0, 70)], 5, {0: 70}),
        ([CLAIM, allotted(0, 70), ("ended", 0, DONE_ROW)], 250_005, {}),
        ([CLAIM, allotted(0, 70), ("ended", 0, {**DONE_ROW, "cost_usd": None})], 5, {}),
        ([CLAIM, allotted(0, 70), ("returned", 0)], 5, {}),
        ([CLAIM, allotted(0, 70), ("returned", 0, {"cost_usd": 0.1})], 100_005, {}),
        ([CLAIM, allotted(0, 70), ("held", 0, {"until_ms": 1, "cost_usd": 2e-6})], 7, {}),
        # what nobody counted may have been spent
        ([CLAIM, allotted(0, 70), ("lost", 0, {"counts": True})], 75, {}),
        ([CLAIM, allotted(0, 70), ("lost", 0, {"counts": True, "cost_usd": 3e-6})], 8, {}),
        ([CLAIM, allotted(0, 70), ("lost", 0, {"counts": False, "cost_usd": None})], 5, {}),
        ([CLAIM, ("lost", 0, {"counts": True})], 5, {}),
        # paid twice is paid twice
        ([CLAIM, ENDED_BADLY, ("reopened", 0), CLAIM, ("ended", 0, DONE_ROW)], 500_005, {}),
    ],
)  # fmt: skip
def test_what_is_spent_is_what_was_counted_and_what_nobody_could_count(events, spent, held):
    found = told(*events, spent=5)
    assert (found.spent, found.allotted) == (spent, held)


def test_money_of_plans_and_seconds_of_all_tries_are_summed():
    again = ("returned", 0, {"cost_notional_usd": 0.25, "seconds": 2.0})
    found = told(CLAIM, again, CLAIM, ("ended", 0, DONE_ROW))
    assert (found.on_plan, found.seconds, found.spent) == (750_000, 3.5, 250_000)


def test_a_thousand_tenths_of_a_cent_are_a_dollar_to_the_micro_dollar():
    row = {**DONE_ROW, "cost_usd": 0.001}
    events = [e for at in range(1000) for e in (claimed(at), ("ended", at, row))]
    assert told(*events, items=[Item((), "codex", 1.0)] * 1000).spent == 1_000_000


def test_who_runs_what_and_since_when():
    found = told(claimed(1, "a"), claimed(0, "b"))
    assert (found.worker, found.since_ms) == ({1: "a", 0: "b"}, {1: 0, 0: 1000})
    for gone in (("ended", 0, DONE_ROW), ("returned", 0), ("held", 0, {"until_ms": 9})):
        assert told(claimed(1, "a"), claimed(0, "b"), gone).worker == {1: "a"}


def test_tries_are_counted_where_something_was_sent_and_begin_anew_with_another_chance():
    tried = ("held", 0, {"until_ms": 1, "tried": True})
    found = told(CLAIM, tried, CLAIM, tried, CLAIM, ("held", 0, {"until_ms": 1}))
    assert found.tries == [2, 0, 0]
    found = told(CLAIM, tried, CLAIM, ENDED_BADLY, ("reopened", 0))
    assert found.tries == [0, 0, 0]


def test_deaths_of_workers_are_counted_where_they_are_the_nodes_fault():
    counts, not_counts = ("lost", 0, {"counts": True}), ("lost", 0, {"counts": False})
    assert told(CLAIM, counts, CLAIM, not_counts, CLAIM, counts).lost == [2, 0, 0]


def test_results_outcomes_and_branches_are_known_by_their_place():
    row = {**DONE_ROW, "branch": "orchestrate/x", "outcome": "verified"}
    found = told(
        CLAIM, ("ended", 0, row), claimed(1), ("ended", 1, {**FAILED_ROW, "task_id": None})
    )
    assert found.told == {("t-1", 0), (None, 1)}
    assert found.outcome == {0: "verified", 1: "failed"}
    assert found.branch == {0: ("/shop", "orchestrate/x")}
    assert told(CLAIM, ENDED_BADLY, ("reopened", 0)).outcome == {}


def test_what_can_not_be_packed_stays_alone():
    found = told(CLAIM, ("returned", 0, {"single": True}), claimed(1), ("returned", 1))
    assert found.single == {0}


AGAIN = [("began", 90_001), ("claimed", 90_101)]


@pytest.mark.parametrize(
    ("moments", "wall_ms"),
    [
        ([("began", 1000), ("claimed", 1500), ("returned", 4000)], 3000),
        # a clock that is set back
        ([("began", 1000), ("claimed", 1500), ("returned", 1400)], 500),
        # the hours between two runs are none of either
        ([("began", 0), ("claimed", 100), ("returned", 900), *AGAIN], 1000),
        # nor is what the next run puts in order first
        ([("began", 0), ("claimed", 900), ("began", 90_000), ("lost", 90_000), *AGAIN], 1000),
        ([("began", 0), ("claimed", 900), ("began", 90_000), ("ended", 90_000), *AGAIN], 1000),
        (
            [
                ("began", 0),
                ("claimed", 100),
                ("ended", 900),
                ("began", 90_000),
                ("reopened", 90_000),
                *AGAIN,
            ],
            1000,
        ),
    ],
)
def test_the_time_it_took_is_that_of_its_runs(moments, wall_ms):
    found = Progress(ITEMS, {}, 0)
    more = {"worker": "w", "counts": False, **FAILED_ROW}
    for event, at_ms in moments:
        found.apply({"at_ms": at_ms, "event": event, "place": 0, **more})
    assert abs(found.wall_ms - wall_ms) <= 1  # the moment at which a run begins
    assert found.runs == sum(event == "began" for event, _ in moments)


@pytest.mark.parametrize(
    "record", [{}, {"event": "?", "place": 0, "at_ms": 0}, {"event": "claimed"}]
)
def test_what_is_no_event_is_refused_and_counts_for_nothing(record):
    found = told(CLAIM)
    with pytest.raises(KeyError):
        found.apply(record)
    assert (found.happened, found.schedule.state) == (1, [RUNNING, READY, WAITING])


ROWS = st.fixed_dictionaries(
    {
        "cost_usd": st.none() | st.integers(0, 10**7).map(lambda micro: micro / 1_000_000),
        "counts": st.booleans(),
        "micro_usd": st.integers(0, 10**7),
        "ok": st.booleans(),
    }
)


@given(st.lists(st.tuples(st.sampled_from("clearh"), st.integers(0, 5), ROWS), max_size=40))
def test_whatever_happens_all_who_follow_know_the_same_and_no_money_is_lost(steps):
    """Each step is a letter for what happens; only what can happen to a node does."""
    items = [Item((), "codex", 1.0)] * 6
    first, second, spent = Progress(items, {}, 7), Progress(items, {}, 7), 7
    records = []

    def happen(event, place, **facts):
        records.append({"at_ms": len(records), "event": event, "place": place, **facts})
        first.apply(records[-1])

    for what, place, row in steps:
        state, cost = first.schedule.state[place], row["cost_usd"]
        if what == "c" and state == READY:
            happen("claimed", place, worker="w")
        elif state != RUNNING:
            continue
        elif what == "a":
            happen("allotted", place, micro_usd=row["micro_usd"])
        elif what == "l":
            spent += first.allotted.get(place, 0)
            happen("lost", place, counts=row["counts"])
        elif what in "rh":
            spent += round(1_000_000 * (cost or 0))
            name, more = ("held", {"until_ms": 0}) if what == "h" else ("returned", {})
            happen(name, place, cost_usd=cost, **more)
        elif what == "e":
            spent += round(1_000_000 * (cost or 0))
            ended = DONE_ROW if row["ok"] else FAILED_ROW
            happen("ended", place, **ended | {"cost_usd": cost})
    for record in records:
        second.apply(record)
    assert first.spent == second.spent == spent
    running = {at for at, state in enumerate(first.schedule.state) if state == RUNNING}
    assert first.worker.keys() == running >= first.allotted.keys()
    left = ("schedule", "_on")
    assert {k: v for k, v in vars(first).items() if k not in left} == {
        k: v for k, v in vars(second).items() if k not in left
    }
    assert first.schedule.state == second.schedule.state
