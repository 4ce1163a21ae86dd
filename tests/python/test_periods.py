"""Days and months: each turns once, at midnight of its zone, whatever the clock does."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS, daily, limit

from orchestrator import clock
from orchestrator.decide import windows

DAY = daily(10)
MONTH = limit("cost_usd", period="month", amount=10)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]

moments = st.integers(clock.parse("2024-01-01T00:00:00Z"), clock.parse("2031-01-01T00:00:00Z"))


def used(row, window, at, zone="UTC"):
    return windows.used(window, row, clock.parse(at), zone)


def booked(row, at, amount=5, zone="UTC", window=None):
    at_ms = clock.parse(at)
    return windows.add(window or {}, row, amount, at_ms, at_ms, zone)


@pytest.mark.parametrize(
    ("row", "zone", "last", "first"),
    [
        (DAY, "UTC", "2026-11-20T23:59:59.999Z", "2026-11-21T00:00:00.000Z"),
        (DAY, "UTC", "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00.000Z"),
        (DAY, "UTC", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00.000Z"),
        (DAY, "UTC", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"),
        (DAY, "Europe/Berlin", "2026-11-20T22:59:59.999Z", "2026-11-20T23:00:00.000Z"),
        (DAY, "Europe/Berlin", "2027-03-27T22:59:59.999Z", "2027-03-27T23:00:00.000Z"),
        (DAY, "Europe/Berlin", "2027-03-28T21:59:59.999Z", "2027-03-28T22:00:00.000Z"),  # 23 h
        (DAY, "Europe/Berlin", "2026-10-24T21:59:59.999Z", "2026-10-24T22:00:00.000Z"),
        (DAY, "Europe/Berlin", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00.000Z"),  # 25 h
        (MONTH, "UTC", "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00.000Z"),
        (MONTH, "UTC", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"),
        (MONTH, "Europe/Berlin", "2027-03-31T21:59:59.999Z", "2027-03-31T22:00:00.000Z"),
    ],
)
def test_a_period_ends_at_midnight_of_its_zone(row, zone, last, first):
    window = booked(row, last, zone=zone)
    assert used(row, window, last, zone) == 5
    assert used(row, window, first, zone) == 0
    assert windows.free_at(window, row, 0, clock.parse(last), zone) == clock.parse(first)


@given(moments, st.sampled_from(ZONES), st.sampled_from(["day", "month"]))
def test_the_next_period_is_the_first_moment_of_another_name(at_ms, zone, period):
    row = limit("cost_usd", period=period)
    next_ms = windows.next_period(period, at_ms, zone)
    name = windows.slot_of(row, at_ms, zone)
    assert at_ms < next_ms <= at_ms + (26 if period == "day" else 24 * 32) * 3_600_000
    assert windows.slot_of(row, next_ms, zone) > name
    assert windows.slot_of(row, next_ms - 1, zone) == name


@given(moments, st.sampled_from(ZONES))
def test_the_day_of_a_moment_is_that_of_the_zones_calendar(at_ms, zone):
    local = dt.datetime.fromtimestamp(at_ms // 1000, zoneinfo.ZoneInfo(zone))
    assert windows.day_of(at_ms, zone) == local.date().isoformat()


@pytest.mark.parametrize(("row", "day"), [(DAY, "2026-11-20"), (MONTH, "2026-11")])
def test_a_day_and_a_month_turn_once(row, day):
    """Minute by minute over a midnight, what is used drops to nothing exactly once."""
    start_ms = clock.parse("2026-11-30T12:00:00Z")
    window = {windows.slot_of(row, start_ms, "UTC"): 5}
    seen = [windows.used(window, row, start_ms + m * 60_000, "UTC") for m in range(24 * 60)]
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {5, 0}


def test_a_clock_that_goes_back_over_midnight_reopens_no_day():
    window = booked(DAY, "2026-11-20T23:50:00Z")
    window = booked(DAY, "2026-11-21T00:10:00Z", 3, window=window)
    assert used(DAY, window, "2026-11-20T23:55:00Z") == 5
    assert used(DAY, window, "2026-11-21T00:11:00Z") == 3


def test_spend_of_today_is_kept_after_the_clock_was_ahead_for_days():
    window = {}
    for day in ("2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04", "2026-11-20"):
        window = booked(DAY, f"{day}T10:00:00Z", window=window)
    window = booked(DAY, "2026-11-20T11:00:00Z", window=window)
    assert used(DAY, window, "2026-11-20T12:00:00Z") == 10


def test_a_call_settled_after_midnight_is_booked_on_its_own_day():
    before, after = clock.parse("2026-11-20T23:59:00Z"), clock.parse("2026-11-21T00:01:00Z")
    window = windows.add({}, DAY, 5, before, after, "UTC")
    assert windows.used(window, DAY, before, "UTC") == 5
    assert windows.used(window, DAY, after, "UTC") == 0


def test_only_a_few_periods_are_kept():
    window = {}
    for day in range(40):
        at_ms = NOW_MS + day * windows.DAY_MS
        window = windows.add(window, DAY, 1, at_ms, at_ms, "UTC")
    assert len(window) <= windows.KEPT_PERIODS + 2
