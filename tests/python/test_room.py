"""How full a provider is and what keeps it from starting: thresholds on the exact ratio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import DAY, MICRO, NOW_MS, daily, empty_usage, full_usage, limit, provider

from orchestrator.decide import limits, windows

METERED = limits.Payer("account", "model", metered=True)
SUBSCRIBED = limits.Payer("account", "model", metered=False)


def room(row, used, payer=METERED):
    usage = full_usage(row, limits.key_of(row, payer), amount=used) if used else empty_usage()
    return limits.room(provider("codex", limits=[row]), usage, payer, NOW_MS, "UTC")


@pytest.mark.parametrize(
    ("used", "of", "percent", "blocked"),
    [
        (8499, 10_000, 85, False),  # 84.99
        (8500, 10_000, 85, True),
        (8501, 10_000, 85, True),
        (2549, 3000, 85, False),  # shown as 85 %, and yet below
        (2550, 3000, 85, True),
        (84, 99, 85, False),  # 84.85
        (85, 99, 85, True),
        (0, 100, 85, False),
        (99, 100, 100, False),
        (100, 100, 100, True),
        (250, 100, 100, True),  # another program used the rest
        (0, 0, 85, True),  # a limit of nothing
        (854, 1000, 85.5, False),
        (855, 1000, 85.5, True),
    ],
)
def test_a_row_blocks_at_its_threshold_on_the_exact_ratio(used, of, percent, blocked):
    found = room(limit(amount=of, block=percent), used)
    assert bool(found.blocks) is blocked


@pytest.mark.parametrize(
    ("name", "metric", "percent"),
    [
        ("codex", "requests", 85),
        ("codex", "tokens", 90),
        ("gemini", "requests", 80),
        ("gemini", "tokens", 85),
        ("claude", "requests", 80),
        ("claude", "tokens", 80),
    ],
)
def test_the_seeds_thresholds_are_shipped_and_block(shipped, name, metric, percent):
    made = shipped.providers[name]
    row = next(row for row in made.limits if row.metric == metric)
    at = row.limit * percent // 100
    for used, blocked in ((at - 1, False), (at, True)):
        found = limits.room(made, full_usage(row, amount=used), METERED, NOW_MS, "UTC")
        assert [b.reason for b in found.blocks] == [f"{metric}_percent >= {percent}%"] * blocked


@pytest.mark.parametrize(("name", "usd"), [("codex", 30), ("gemini", 40), ("claude", 30)])
def test_the_daily_budgets_of_the_design_are_shipped(shipped, name, usd):
    row = next(row for row in shipped.providers[name].limits if row.metric == "cost_usd")
    assert (row.period, row.limit, row.block_at_percent) == ("day", usd * MICRO, 100)


@given(st.integers(1, 10**9), st.integers(0, 2 * 10**9), st.floats(1, 100))
def test_what_blocks_ends_when_less_than_the_threshold_is_used(of, used, percent):
    row = limit(amount=of, block=percent)
    found = room(row, used)
    if found.blocks:
        usage = full_usage(row, amount=used)
        after = found.blocks[0].retry_at_ms
        assert after > NOW_MS
        assert limits.room(provider("x", limits=[row]), usage, METERED, after, "UTC").blocks == ()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (limit("requests", block=80), "requests_percent >= 80%"),
        (limit("tokens", block=87.5), "tokens_percent >= 87.5%"),
        (daily(1, block=100), "daily budget used >= 100%"),
        (limit("cost_usd", period="month", block=90), "monthly budget used >= 90%"),
        (limit("requests", period="day", block=80), "requests_percent >= 80%"),
    ],
)
def test_a_block_says_which_row_it_is(row, reason):
    assert [block.reason for block in room(row, row.limit).blocks] == [reason]


def test_money_blocks_until_midnight():
    found = room(daily(1), MICRO)
    assert limits.told_retry(found.blocks[0]) == " until 2026-11-21T00:00:00.000Z"
    assert (found.cost_today_usd, found.daily_budget_usd) == (1.0, 1.0)


def test_money_blocks_nobody_who_pays_by_subscription():
    row = daily(1)
    usage = empty_usage() | {"windows": {row.name: {DAY: 5 * MICRO}}}
    made = provider("codex", limits=[row])
    assert limits.room(made, usage, SUBSCRIBED, NOW_MS, "UTC").blocks == ()
    assert limits.room(made, usage, METERED, NOW_MS, "UTC").blocks != ()


def test_the_fullest_row_of_a_metric_is_shown_and_every_full_row_blocks():
    rows = [limit("tokens", 60, amount=100), limit("tokens", 3600, amount=1000, block=1)]
    usage = empty_usage()
    for row in rows:
        slot = windows.slot_of(row, NOW_MS, "UTC")
        usage["windows"][row.name] = {slot: 50}
    found = limits.room(provider("x", limits=rows), usage, METERED, NOW_MS, "UTC")
    assert found.tokens_percent == 50
    assert found.requests_percent is None
    assert [block.reason for block in found.blocks] == ["tokens_percent >= 1%"]


def test_what_is_reserved_counts_like_what_is_spent():
    row = limit(amount=10, block=80)
    usage = full_usage(row, amount=4)
    held = {"account": "account", "model": "model", "metered": True}
    for number in range(4):
        usage["reservations"][str(number)] = held | {
            "requests": 1,
            "tokens": 5,
            "cost_micro_usd": 5,
        }
    found = limits.room(provider("x", limits=[row]), usage, METERED, NOW_MS, "UTC")
    assert found.requests_percent == 80
    assert found.blocks
