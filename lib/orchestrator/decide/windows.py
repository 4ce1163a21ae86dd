"""Counting what was used in sliding windows and in days and months.

A window is a mapping from slot to amount. A sliding window of `window_s` has 60 slots a window and
every touched slot counts whole, so that any real window holds at most what we counted (error at
most 1/60). A period's slot is its name in the configured zone: `2026-11-20`, `2026-11`.
"""

from __future__ import annotations

import time

from orchestrator.records import Limit

SLOTS = 60
DAY_MS = 86_400_000
KEPT_PERIODS = 8

Window = dict[str, int]


def slot_of(limit: Limit, at_ms: int, zone: str) -> str:
    """Name the slot of `limit` that a call sent at `at_ms` falls into."""
    if limit.period is not None:
        return period_of(limit, day_of(at_ms, zone))
    return str(at_ms // _width_ms(limit))


def period_of(limit: Limit, day: str) -> str:
    """Name the slot of a day, `2026-11-20`, in a row by day or month; empty in a sliding one."""
    return {"day": day, "month": day[:7]}.get(limit.period or "", "")


def used(window: Window, limit: Limit, now_ms: int, zone: str) -> int:
    """Sum what counts against `limit` at `now_ms`."""
    if limit.period is not None:
        return window.get(slot_of(limit, now_ms, zone), 0)
    first = _first_live(limit, now_ms)
    last = _last_live(limit, now_ms)
    return sum(amount for slot, amount in window.items() if first <= int(slot) <= last)


def since(window: Window, limit: Limit, at_ms: int, zone: str) -> int:
    """Sum what was booked in the slot of `at_ms` and later."""
    if limit.period is not None:
        return window.get(slot_of(limit, at_ms, zone), 0)
    first = at_ms // _width_ms(limit)
    return sum(amount for slot, amount in window.items() if int(slot) >= first)


def shifted(window: Window, limit: Limit, by_ms: int) -> Window:
    """Move a sliding window along with a wall clock that was set; no slot becomes older by it."""
    if limit.period is not None:
        return window
    by = -(-by_ms // _width_ms(limit))
    return {str(max(0, int(slot) + by)): amount for slot, amount in window.items()}


def add(window: Window, limit: Limit, amount: int, at_ms: int, now_ms: int, zone: str) -> Window:
    """Return the window with `amount` booked at `at_ms`, without the slots nobody will ask for."""
    return added(window, limit, amount, slot_of(limit, at_ms, zone), now_ms, zone)


def added(window: Window, limit: Limit, amount: int, slot: str, now_ms: int, zone: str) -> Window:
    """Return the window with `amount` in `slot`; see `add`."""
    grown = {**window, slot: window.get(slot, 0) + amount}
    if limit.period is not None:
        kept = {*sorted(grown)[-KEPT_PERIODS:], slot, slot_of(limit, now_ms, zone)}
        return {name: amount for name, amount in grown.items() if name in kept}
    first = _first_live(limit, now_ms)
    return {name: value for name, value in grown.items() if int(name) >= first}


def free_at(window: Window, limit: Limit, target: int, now_ms: int, zone: str) -> int | None:
    """Tell the first moment at which at most `target` is used, when nothing is added; else None."""
    if limit.period is not None:
        return next_period(limit.period, now_ms, zone)
    left = used(window, limit, now_ms, zone)
    if left <= target:
        return now_ms
    width, first = _width_ms(limit), _first_live(limit, now_ms)
    for slot in sorted(int(name) for name in window if int(name) >= first):
        left -= window[str(slot)]
        if left <= target:
            return (slot + 1) * width + _window_ms(limit)
    return None


def day_of(at_ms: int, zone: str) -> str:
    """Name the day of a moment in `zone`, `YYYY-MM-DD`."""
    if zone == "UTC":
        return time.strftime("%Y-%m-%d", time.gmtime(at_ms // 1000))
    import datetime as dt  # the decision path in UTC must not pay for it
    import zoneinfo

    local = dt.datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(zone))
    return local.strftime("%Y-%m-%d")


def next_period(period: str, now_ms: int, zone: str) -> int:
    """Tell when the next day or month begins in `zone`, in epoch milliseconds."""
    return _midnight(period, now_ms, zone, 1)


def period_start(period: str, now_ms: int, zone: str) -> int:
    """Tell when the day or month of a moment began in `zone`, in epoch milliseconds."""
    return _midnight(period, now_ms, zone, 0)


def _midnight(period: str, at_ms: int, zone: str, ahead: int) -> int:
    """Find the first moment of a period, this one's or (`ahead` 1) the next one's."""
    if zone == "UTC" and period == "day":
        return (at_ms // DAY_MS + ahead) * DAY_MS
    year, month, day = (int(part) for part in day_of(at_ms, zone).split("-"))
    if period == "month":
        year, month, day = year + (month + ahead) // 13, (month + ahead - 1) % 12 + 1, 1
    if zone == "UTC":
        return _days(year, month, day) * DAY_MS
    import datetime as dt  # only other zones pay for it
    import zoneinfo

    start = dt.date(year, month, day) + dt.timedelta(days=ahead if period == "day" else 0)
    midnight = dt.datetime.combine(start, dt.time(), zoneinfo.ZoneInfo(zone))
    return int(midnight.timestamp()) * 1000


def _days(year: int, month: int, day: int) -> int:
    """Count the days since 1970-01-01; what loads datetime costs 3 ms the decision has not."""
    year -= month < 3
    leaps = year // 4 - year // 100 + year // 400
    return 365 * year + leaps + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469


def _window_ms(limit: Limit) -> int:
    return (limit.window_s or 0) * 1000


def _width_ms(limit: Limit) -> int:
    return max(1, _window_ms(limit) // SLOTS)


def _first_live(limit: Limit, now_ms: int) -> int:
    """Name the oldest slot that reaches into the window: its end is after `now - window`."""
    return (now_ms - _window_ms(limit)) // _width_ms(limit)


def _last_live(limit: Limit, now_ms: int) -> int:
    """Name the youngest slot that counts; one further ahead stems from a clock that went back."""
    return (now_ms + _window_ms(limit)) // _width_ms(limit)
