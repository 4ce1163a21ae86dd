"""The cascade, every branch of seed 002 section 4.1: primary, fallbacks, nobody."""

import pytest
import world
from world import MICRO, NOW_MS, daily, decide, full_usage, limit

RATE = limit(amount=100, block=80)
BUDGET = daily(1)
ORDER = "explain the fix"  # gemini 15, codex 3, claude 0


def known(**settings):
    made = [world.provider(name, limits=[RATE, BUDGET]) for name in world.NAMES]
    return world.config(*made, **settings)


def full(*names, row=RATE):
    return {name: full_usage(row) for name in names}


def test_the_primary_is_taken_when_it_is_available():
    found = decide(ORDER, known())
    assert found.chosen.provider == "gemini"
    assert found.reason == "primary available"
    assert [c.provider for c in found.candidates] == ["gemini", "codex", "claude"]
    assert [route.provider for route in found.chain] == ["gemini", "codex", "claude"]
    assert (found.ready, found.no_room, found.retry_at_ms) == (True, False, None)


def test_a_blocked_primary_falls_back_to_the_next_by_score():
    found = decide(ORDER, known(), full("gemini"))
    assert found.chosen.provider == "codex"
    assert found.reason == "primary blocked (requests_percent >= 80%), using fallback"
    assert [route.provider for route in found.chain] == ["codex", "claude"]


def test_a_blocked_first_fallback_gives_way_to_the_second():
    found = decide(ORDER, known(), full("gemini", "codex"))
    assert found.chosen.provider == "claude"
    assert found.reason == (
        "primary (requests_percent >= 80%) and fallback 1 blocked, using fallback 2"
    )


def test_a_blocked_fallback_changes_nothing_while_the_primary_has_room():
    found = decide(ORDER, known(), full("codex", "claude"))
    assert (found.chosen.provider, found.reason) == ("gemini", "primary available")
    assert [route.provider for route in found.chain] == ["gemini"]


def priced(**usd):
    """Make a world where what a million tokens cost differs by provider."""
    made = known()
    return made._replace(prices={f"{n}-medium": world.price(cost, cost) for n, cost in usd.items()})


def test_all_blocked_is_refused_naming_the_cheapest_and_when_there_is_room():
    made = priced(codex=3, gemini=2, claude=1)
    usages = full("codex", "gemini") | {"claude": full_usage(RATE, at_ms=NOW_MS - 20_000)}
    found = decide(ORDER, made, usages)
    assert found.no_room
    assert found.chosen.provider == "claude"
    assert found.reason == "emergency: all providers blocked"
    assert found.chain == ()
    assert NOW_MS + 40_000 <= found.retry_at_ms <= NOW_MS + 41_000


def test_there_is_room_again_when_the_last_row_of_a_provider_has_some():
    both = full_usage(RATE)
    both["windows"] |= full_usage(BUDGET)["windows"]
    found = decide(ORDER, known(), full("codex", "gemini", row=BUDGET) | {"claude": both})
    midnight_ms = NOW_MS + 2 * 3_600_000
    assert found.retry_at_ms == midnight_ms


def test_force_runs_the_provider_that_the_refusal_named():
    made = priced(codex=3, gemini=1, claude=2)
    refused = decide("fix it", made, full(*world.NAMES))
    forced = decide("fix it", made, full(*world.NAMES), force=True)
    assert refused.chosen.provider == forced.chosen.provider == "gemini"
    assert (forced.no_room, forced.ready) == (False, True)
    assert [route.provider for route in forced.chain] == ["gemini"]
    assert forced.reason == "emergency: all providers blocked"


def test_force_changes_nothing_while_somebody_has_room():
    usages = full("gemini")
    assert decide(ORDER, known(), usages, force=True) == decide(ORDER, known(), usages)


NOT_READY = dict.fromkeys(world.NAMES, ("the client is not installed",))


def test_nobody_ready_is_recommended_as_if_all_were_but_not_ready():
    found = decide(ORDER, known(), unready=NOT_READY)
    assert found.chosen.provider == "gemini"
    assert (found.ready, found.no_room) == (False, False)
    assert found.chain == ()
    assert [c.blocks[0].kind for c in found.candidates] == ["readiness"] * 3


def test_a_provider_that_is_not_ready_is_passed_over():
    found = decide(ORDER, known(), unready={"gemini": NOT_READY["gemini"]})
    assert found.chosen.provider == "codex"
    assert "not installed" in found.reason
    assert found.ready


def test_ready_but_full_is_no_room_even_when_others_are_not_ready():
    unready = {name: NOT_READY[name] for name in ("gemini", "claude")}
    found = decide(ORDER, known(), full("codex"), unready)
    assert (found.no_room, found.chosen.provider) == (True, "codex")
    assert found.retry_at_ms > NOW_MS


def test_force_does_not_run_what_is_not_ready():
    unready = {name: NOT_READY[name] for name in ("gemini", "claude")}
    found = decide(ORDER, known(), full("codex"), unready, force=True)
    assert [route.provider for route in found.chain] == ["codex"]
    assert not decide(ORDER, known(), unready=NOT_READY, force=True).ready


@pytest.mark.parametrize(
    ("prices", "winner", "reason"),
    [
        ({"codex": 2, "gemini": 1, "claude": 3}, "gemini", "cheaper of equal scores"),
        ({"codex": 2, "gemini": 2, "claude": 1}, "claude", "cheaper of equal scores"),
        ({"codex": 1, "gemini": 1, "claude": 1}, "codex", "primary available"),
        ({"codex": 2, "gemini": 1, "claude": 1}, "gemini", "cheaper of equal scores"),
    ],
)
def test_equal_scores_go_by_cost_and_equal_cost_by_order(prices, winner, reason):
    found = decide("nothing of the kind", priced(**prices))
    assert (found.chosen.provider, found.reason) == (winner, reason)


@pytest.mark.parametrize(("margin", "winner"), [(0, "gemini"), (11, "gemini"), (12, "codex")])
def test_tie_margin_widens_what_is_equal(margin, winner):
    made = priced(codex=1, gemini=2, claude=3)
    made = made._replace(settings={**made.settings, "tie_margin": margin})
    assert decide(ORDER, made).chosen.provider == winner  # gemini is 12 points ahead of codex


def test_a_budget_the_task_may_exceed_is_noted():
    usages = {"gemini": full_usage(BUDGET, amount=MICRO - 1)}
    assert decide(ORDER, known(), usages).notes[-1] == "this task may exceed the daily budget"
    assert "budget" not in " ".join(decide(ORDER, known()).notes)


def test_the_same_question_gets_the_same_answer():
    assert decide(ORDER, known(), full("codex")) == decide(ORDER, known(), full("codex"))
