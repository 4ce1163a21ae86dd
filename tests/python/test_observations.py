"""What others saw used: it replaces our own figure at its moment, and our calls since are added."""

import pytest
from world import MICRO, NOW_MS, daily, empty_usage, limit, provider

from orchestrator.decide import limits, windows

ROW = limit(amount=100)
PAYER = limits.Payer("account", "model", metered=True)
MINUTE_MS = 60_000


def usage_with(row, used, own=0, at_ms=NOW_MS, booked=0):
    usage = empty_usage()
    usage["observations"][row.name] = {"used": used, "own": own, "observed_at_ms": at_ms}
    if booked:
        usage["windows"][row.name] = {windows.slot_of(row, NOW_MS, "UTC"): booked}
    return usage


@pytest.mark.parametrize(
    ("row", "seen", "own", "booked", "age_ms", "expected"),
    [
        (ROW, 70, 0, 0, 0, 70),
        (ROW, 70, 0, 5, 0, 75),  # our calls since
        (ROW, 70, 20, 25, 0, 75),  # 20 of ours are among the 70
        (ROW, 70, 20, 10, 0, 70),  # some of ours have left the window
        (ROW, 10, 20, 20, 0, 10),  # they know better, even when it is less
        (ROW, -5, 0, 0, 0, 0),
        (ROW, 70, 0, 5, MINUTE_MS - 1, 75),
        (ROW, 70, 0, 5, MINUTE_MS, 5),  # as old as the window: gone
        (ROW, 70, 0, 5, -MINUTE_MS, 75),
        (ROW, 70, 0, 5, -365 * windows.DAY_MS, 5),  # from a clock a year ahead
        (daily(1), 70, 0, 5, 22 * 3_600_000, 75),  # the first moment of the day
        (daily(1), 70, 0, 5, 22 * 3_600_000 + 1, 5),  # the last of yesterday
    ],
)
def test_an_observation_counts_while_its_window_lasts(row, seen, own, booked, age_ms, expected):
    usage = usage_with(row, seen, own, NOW_MS - age_ms, booked)
    assert limits.spent(usage, row, PAYER, NOW_MS, "UTC") == expected


def test_an_observation_blocks_until_it_is_too_old():
    made = provider("x", limits=[ROW])
    usage = usage_with(ROW, 99, at_ms=NOW_MS - 10_000)
    block = limits.room(made, usage, PAYER, NOW_MS, "UTC").blocks[0]
    assert block.retry_at_ms == NOW_MS + 50_000
    assert limits.room(made, usage, PAYER, block.retry_at_ms, "UTC").blocks == ()


def test_observed_money_blocks_until_midnight():
    made = provider("x", limits=[daily(1)])
    usage = usage_with(daily(1), MICRO)
    block = limits.room(made, usage, PAYER, NOW_MS, "UTC").blocks[0]
    assert limits.told_retry(block) == " until 2026-11-21T00:00:00.000Z"
