"""Which days a report is about: days of the zone, the last one included."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from orchestrator.decide import windows
from orchestrator.errors import UsageError

MOST_DAYS = 36_500
_AGO = re.compile(r"(\d{1,5}) days? ago")


class Period(NamedTuple):
    """Days from `since` to `until`, both `YYYY-MM-DD` and both included."""

    since: str
    until: str
    label: str

    @property
    def days(self) -> int:
        """Count the days."""
        first, last = dt.date.fromisoformat(self.since), dt.date.fromisoformat(self.until)
        return (last - first).days + 1


def last_days(count: int, now_ms: int, zone: str) -> Period:
    """Make the period of so many days that ends today."""
    today = windows.day_of(now_ms, zone)
    label = "today" if count == 1 else f"last {count} days"
    return Period(before(today, count - 1), today, label)


def this_month(now_ms: int, zone: str) -> Period:
    """Make the period from the first of the month until today."""
    today = windows.day_of(now_ms, zone)
    return Period(f"{today[:7]}-01", today, "this month")


def between(since: str | None, until: str | None, days: int, now_ms: int, zone: str) -> Period:
    """Make a period of two days that were named; `days` before `until` where `since` is None.

    Raises UsageError.
    """
    today = windows.day_of(now_ms, zone)
    last = today if until is None else _day("--until", until, today)
    first = before(last, days - 1) if since is None else _day("--since", since, today)
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}; exchange them")
    return Period(first, last, "")


def bounds_ms(period: Period, zone: str) -> tuple[int, int]:
    """Tell when a period begins and when it is over, in epoch milliseconds."""
    return _midnight(period.since, zone), _midnight(before(period.until, -1), zone)


def _midnight(day: str, zone: str) -> int:
    """Find the first moment of a day in the zone: noon of UTC is in it, or next to it."""
    noon = int(dt.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)
    for guess in (noon, noon - windows.DAY_MS, noon + windows.DAY_MS):
        if windows.day_of(guess, zone) == day:
            return windows.period_start("day", guess, zone)
    raise UsageError(f"{day} does not exist in {zone}; name another day")


def before(day: str, count: int) -> str:
    """Name the day so many days before another."""
    return (dt.date.fromisoformat(day) - dt.timedelta(days=count)).isoformat()


def _day(option: str, text: str, today: str) -> str:
    """Read `2026-11-20`, `today`, `yesterday` or `7 days ago` (seed 001, cost monitoring)."""
    words = " ".join(text.lower().split())
    ago = _AGO.fullmatch({"today": "0 days ago", "yesterday": "1 day ago"}.get(words, words))
    if ago and int(ago[1]) <= MOST_DAYS:
        return before(today, int(ago[1]))
    try:
        return dt.date.fromisoformat(words).isoformat()
    except ValueError:
        allowed = "a day like 2026-11-20, 'yesterday' or '7 days ago'"
        raise UsageError(f"{option} is {text!r}; allowed: {allowed}") from None
