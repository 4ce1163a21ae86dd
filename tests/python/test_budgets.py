"""Budgets over all providers: what is used of them, what they refuse, and what they change."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st
from world import MICRO, NOW_MS, daily, decide, empty_usage, model, provider, way

from orchestrator.config import load
from orchestrator.decide import budgets, limits
from orchestrator.errors import NoRoomError
from orchestrator.records import Budget, Limit, Threshold, Total, Turn
from orchestrator.state import usage
from orchestrator.state.ledger import Ledger

HOUR_MS = 3_600_000
LADDER = tuple(
    Threshold(float(percent), action, "")
    for percent, action in (
        (50, "log_warning"),
        (75, "downgrade_tier"),
        (90, "cheapest_only"),
        (100, "pause_execution"),
    )
)
KEY = limits.Payer("account", "m", metered=True)
PLAN = limits.Payer("plan", "m", metered=False)


def budget(usd, period="month", thresholds=LADDER, block=100.0):
    return Budget(
        Limit("cost_usd", None, period, round(usd * MICRO), block, "total"), tuple(thresholds)
    )


def spent(usd, slot="2026-11"):
    row = "cost_usd/day" if len(slot) > 7 else "cost_usd/month"
    return empty_usage() | {"windows": {row: {slot: round(usd * MICRO)}}}


def totals(limit_usd, *usd, period="month"):
    slot = world.DAY if period == "day" else world.DAY[:7]
    return budgets.totals(
        [budget(limit_usd, period)], [spent(each, slot) for each in usd], NOW_MS, "UTC"
    )


def test_a_budget_sums_what_all_providers_spent_and_hold():
    held = {"account": "a", "model": "m", "metered": True, "requests": 1, "tokens": 1}
    holding = spent(1) | {"reservations": {"x": {**held, "cost_micro_usd": 7}}}
    free = {**held, "metered": False, "cost_micro_usd": 9 * MICRO}
    books = [holding, spent(2) | {"reservations": {"y": free}}, spent(4, "2026-10"), empty_usage()]
    found = budgets.totals([budget(10)], books, NOW_MS, "UTC")[0]
    assert (found.spent, found.reserved) == (3 * MICRO, 7)


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        (0, None),
        (49.999999, None),
        (50, "log_warning"),
        (74.999999, "log_warning"),
        (75, "downgrade_tier"),
        (89.999999, "downgrade_tier"),
        (90, "cheapest_only"),
        (99.999999, "cheapest_only"),
        (100, "pause_execution"),
        (140, "pause_execution"),
    ],
)
def test_each_threshold_has_its_action_from_its_exact_share_on(usd, expected):
    assert budgets.action(totals(100, usd)) == expected


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_what_a_decision_wrote_of_budgets_is_read_back(used, limit):
    row = Limit("cost_usd", None, "month", limit, 100.0, "total")
    found = (Total(Budget(row, LADDER), used, limit),)
    told = budgets.described(found, NOW_MS, "UTC")
    assert budgets.totals_of([found[0].budget], told) == found


def test_the_strongest_action_of_all_budgets_counts():
    assert budgets.action([*totals(100, 60, period="day"), *totals(100, 80)]) == "downgrade_tier"


def test_a_budget_of_nothing_is_used_up():
    assert budgets.action(totals(0)) == "pause_execution"


@pytest.mark.parametrize(
    ("tier", "action", "expected"),
    [
        ("powerful", None, "powerful"),
        ("powerful", "log_warning", "powerful"),
        ("powerful", "downgrade_tier", "medium"),
        ("medium", "downgrade_tier", "cheap"),
        ("cheap", "downgrade_tier", "cheap"),
        ("powerful", "cheapest_only", "cheap"),
    ],
)
def test_an_action_lowers_the_tier(tier, action, expected):
    assert budgets.lowered(tier, ["cheap", "medium", "powerful"], action) == expected


def test_the_projection_goes_on_as_before():
    total = totals(100, 10)[0]  # in 19 days and 22 hours of 30 days
    assert budgets.projected(total, NOW_MS, "UTC") == pytest.approx(
        10 * MICRO * 720 / 478, rel=1e-6
    )


@given(st.integers(0, 10**9), st.integers(1, 30 * 24 * 60))
def test_a_projection_is_never_below_what_is_spent(used, minutes):
    start_ms = NOW_MS - (19 * 24 + 22) * HOUR_MS
    total = budgets.totals([budget(1)], [spent(used / MICRO)], start_ms, "UTC")[0]
    assert budgets.projected(total, start_ms + minutes * 60_000, "UTC") >= total.spent


LADDER_MODELS = [model(f"x-{tier}", tier) for tier in ("cheap", "medium", "powerful")]


def decided(share, *ways, wishes=None):
    made = provider("codex", *ways, models=LADDER_MODELS)
    known = world.config(made)._replace(budgets=(budget(100),))
    return decide(
        "implement it",
        known,
        totals=totals(100, share),
        **{"tier": None, "complexity": 9.0, **(wishes or {})},
    )


@pytest.mark.parametrize(
    ("share", "ways", "wishes", "expected"),
    [
        (0, (), {}, "x-powerful"),
        (75, (), {}, "x-medium"),
        (90, (), {}, "x-cheap"),
        (75, (way("plan", billing="subscription"),), {}, "x-powerful"),  # it costs nothing
        (75, (way("plan", billing="free"),), {}, "x-powerful"),
        (90, (), {"tier": "powerful"}, "x-powerful"),  # who asks for it gets it
        (90, (), {"model": "x-powerful"}, "x-powerful"),
    ],
)
def test_paid_tasks_get_cheaper_models_as_the_budget_is_used_up(share, ways, wishes, expected):
    found = decided(share, *ways, wishes=wishes)
    assert found.chosen.model.name == expected
    assert any("the budget says" in note for note in found.notes) is (expected != "x-powerful")


def test_a_used_up_budget_refuses_what_is_paid_and_says_until_when():
    found = decided(100)
    assert found.no_room
    assert found.chosen.blocks[0].reason == "total monthly budget used >= 100%"
    assert found.retry_at_ms == NOW_MS + (10 * 24 + 2) * HOUR_MS


def test_a_used_up_budget_leaves_plans_alone():
    assert decided(100, way("plan", billing="subscription")).ready


def test_a_budget_that_pauses_early_gates_there():
    early = [Threshold(80.0, "pause_execution", "")]
    found = budgets.totals([budget(100, thresholds=early, block=80.0)], [spent(80)], NOW_MS, "UTC")
    assert budgets.blocks(found, NOW_MS, "UTC")[0].reason == "total monthly budget used >= 80%"


@pytest.mark.parametrize(
    ("used", "held", "amount", "start", "refused"),
    [
        (0, 0, MICRO, True, None),
        (0, 0, MICRO + 1, True, "one turn may cost $1.0001, more than the limit"),
        (MICRO - 5, 0, 5, True, None),
        (MICRO - 5, 0, 6, True, "has no room for this turn"),
        (0, MICRO - 5, 6, True, "calls that run hold it"),
        (MICRO, 0, 0, True, "budget used >= 100%"),
        (MICRO, 0, 0, False, None),  # a call that runs may end for nothing
    ],
)
def test_a_turn_is_admitted_up_to_the_limit_itself(used, held, amount, start, refused):
    found = budgets.totals([budget(1)], [spent(used / MICRO)], NOW_MS, "UTC")
    found = [total._replace(reserved=held) for total in found]
    block = budgets.admit(found, amount, NOW_MS, "UTC", start=start)
    assert (block is None) if refused is None else refused in block.reason


def books(tmp_path, **limits_usd):
    known = world.config(provider("codex"), provider("claude"))
    rows = tuple(budget(usd, period) for period, usd in limits_usd.items())
    return Ledger(str(tmp_path / "state"), known._replace(budgets=rows))


def test_the_ledger_holds_the_sum_of_all_providers_under_the_budget(tmp_path):
    ledger = books(tmp_path, day=0.10)
    turn = Turn(1, 10, 60_000)
    ledger.reserve("a", "codex", turn, KEY)
    with pytest.raises(NoRoomError, match="total daily budget has no room"):
        ledger.reserve("b", "claude", turn, KEY)
    ledger.settle("a", "codex", Turn(1, 10, 40_000))
    ledger.reserve("b", "claude", turn, KEY)
    with pytest.raises(NoRoomError, match="total daily budget"):
        ledger.reserve("c", "codex", Turn(1, 10, 1), KEY)


def test_the_next_turn_of_a_running_call_is_refused_by_the_sum_too(tmp_path):
    ledger = books(tmp_path, month=0.10)
    ledger.reserve("a", "codex", Turn(1, 10, 50_000), KEY)
    ledger.reserve("b", "claude", Turn(1, 10, 50_000), KEY)
    block = ledger.renew("a", "codex", Turn(1, 10, 40_000), Turn(1, 10, 10_001))
    assert "total monthly budget" in block.reason
    assert ledger.renew("b", "claude", Turn(1, 10, 40_000), Turn(1, 10, 20_000)) is None


def test_a_plan_is_admitted_whatever_the_budget(tmp_path):
    books(tmp_path, day=0.0).reserve("a", "codex", Turn(1, 10, 90_000), PLAN)


def test_money_of_a_provider_that_is_no_longer_configured_counts(tmp_path):
    ledger = books(tmp_path, day=0.10)
    ledger.reserve("a", "claude", Turn(1, 10, 90_000), KEY)
    ledger.settle("a", "claude", Turn(1, 10, 90_000))
    without = world.config(provider("codex"))._replace(budgets=(budget(0.10, "day"),))
    with pytest.raises(NoRoomError, match="total daily budget"):
        Ledger(ledger.folder, without).reserve("b", "codex", Turn(1, 10, 20_000), KEY)


def test_money_is_counted_by_day_and_month_whatever_rows_there_are():
    made = provider("codex", limits=[daily(1)._replace(scope="account")])
    booked = usage.booked(
        empty_usage(), made, Turn(1, 1, 5), KEY, NOW_MS, "2026-11-30", NOW_MS, "UTC"
    )
    assert booked["windows"] == {
        "cost_usd/day": {"2026-11-30": 5},
        "cost_usd/month": {"2026-11": 5},
        "cost_usd/day@account": {"2026-11-30": 5},
    }


def test_the_shipped_budgets_are_those_of_the_seeds():
    from support import ROOT

    known = load.load(str(ROOT / "config"))
    assert [(b.row.period, b.row.limit / MICRO) for b in known.budgets] == [
        ("day", 100),
        ("month", 500),
    ]
    month = known.budgets[1].thresholds
    assert [(t.percent, t.action) for t in month] == [(t.percent, t.action) for t in LADDER]
    assert {t.percent for t in known.budgets[0].thresholds} == {50, 75, 90, 100}
    assert {t.percent for t in known.provider_thresholds} >= {50, 75, 90}


def test_haiku_only_is_another_name_and_a_missing_limit_no_budget():
    row = {"of": "month", "percent": 9, "action": "haiku_only"}
    found = load._thresholds("month", {"thresholds": [row]})
    assert found == (Threshold(9.0, "cheapest_only", ""),)
