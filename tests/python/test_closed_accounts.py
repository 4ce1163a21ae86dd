"""What a decision makes of accounts that are out or used up."""

import pytest
import world
from world import NOW_MS

from orchestrator import records as r
from orchestrator.decide import lines
from orchestrator.records import Breaker

LATER_MS = NOW_MS + 60_000
OUTAGE = Breaker(3, "outage", NOW_MS - 1, LATER_MS, NOW_MS, "SERVER: HTTP 503", "codex")
WALL = Breaker(0, r.CLOCK, NOW_MS - 1, LATER_MS + 1, NOW_MS, "weekly limit", "claude")
PERSON = Breaker(0, r.PERSON, NOW_MS - 1, None, NOW_MS, "no balance", "gemini")
TASK = "fix it"


def decide(known=None, task=TASK, **given):
    return world.decide(task, known, **given)


def everywhere(row):
    return dict.fromkeys(world.NAMES, row)


def test_an_account_that_is_out_is_routed_around_and_the_reason_says_since_when():
    found = decide(breakers={"codex": OUTAGE})
    assert found.chosen.provider != "codex"
    assert found.reason == (
        "primary blocked (outage since 2026-11-20T21:59:59.999Z: SERVER: HTTP 503), using fallback"
    )
    state = {c.provider: lines.state(c) for c in found.candidates}["codex"]
    assert (state["block_kind"], state["retry_at"]) == ("outage", "2026-11-20T22:01:00.000Z")


@pytest.mark.parametrize("row", [OUTAGE, WALL, Breaker(2)])
def test_an_account_whose_probe_is_due_or_whose_wall_is_over_is_chosen_again(row):
    due = row._replace(retry_at_ms=row.retry_at_ms and NOW_MS)
    assert decide(breakers=everywhere(due)).reason == "primary available"


def test_a_provider_with_another_account_stays():
    ways = world.way("plan"), world.way("key")
    known = world.config(world.provider("codex", *ways), world.provider("gemini"))
    found = decide(known, breakers={"plan": WALL})
    assert found.chosen.provider == "codex"
    assert found.chain[0].transport.account == "key"


@pytest.mark.parametrize(
    ("rows", "outage", "retry_at_ms"),
    [
        (everywhere(OUTAGE), True, LATER_MS),
        (everywhere(WALL), False, LATER_MS + 1),
        (everywhere(PERSON), False, None),
        ({"codex": OUTAGE, "gemini": PERSON, "claude": WALL}, False, LATER_MS),
    ],
)
def test_when_all_are_closed_the_first_moment_is_named_and_whether_outages_alone_are_to_blame(
    rows, outage, retry_at_ms
):
    found = decide(breakers=rows)
    assert (found.no_room, found.outage, found.retry_at_ms) == (True, outage, retry_at_ms)
    assert found.reason == "emergency: all providers blocked"


def test_a_full_row_beside_outages_is_no_outage():
    row = world.limit()
    known = world.config(world.provider("codex", limits=[row]), world.provider("gemini"))
    usages = {"codex": world.full_usage(row)}
    found = decide(known, usages=usages, breakers={"gemini": OUTAGE})
    assert (found.no_room, found.outage) == (True, False)


def test_those_left_out_on_purpose_do_not_make_it_anything_but_an_outage():
    found = decide(breakers={"codex": OUTAGE}, provider="codex")
    assert (found.no_room, found.outage) == (True, True)


@pytest.mark.parametrize("row", [OUTAGE, WALL, PERSON])
def test_force_runs_it_all_the_same(row):
    found = decide(breakers=everywhere(row), force=True)
    assert (found.no_room, found.outage, found.ready) == (False, False, True)
    assert found.chain
