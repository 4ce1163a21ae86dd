"""When a limit ends, as providers and their clients say it in an error message.

Known sentences: "resets 3:45pm", "resets Mon 12:00am", "resets Oct 6, 1pm (Europe/Berlin)" and
"limit reached|1755806400" (claude); "try again at 3:50 AM", "try again at Nov 24th, 2026 3:50 AM",
"try again in 3 days 2 hours 5 minutes" (codex); "will reset after 18h7m24s" (gemini); "Please retry
in 38.4s" (Gemini). A time of no named zone is of the machine's own.
"""

from __future__ import annotations

import re

from orchestrator.records import LONGEST_WAIT_S

# Minutes are told rounded down: a time that is just over is this minute's, not tomorrow's.
ROUNDED_MS = 120_000
HALF_A_YEAR = 183  # days: a date without a year is the nearest of its name
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS_S = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_AMOUNT = r"\d+(?:\.\d+)? ?(?:days?|hours?|minutes?|seconds?|ms|[dhms])(?![a-z])"
_IN = re.compile(rf"\b(?:again|retry|reset|resets) (?:in|after) ((?:{_AMOUNT}(?:,? (?:and )?)?)+)")
_PART = re.compile(r"(\d+(?:\.\d+)?) ?(ms|[dhms])")
_EPOCH = re.compile(r"limit reached\|(\d{10})\b")
_AT = re.compile(
    r"\b(?:resets(?: at| on)?|try again at) "
    rf"(?:(?P<month>{'|'.join(MONTHS)})[a-z]* (?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"(?:,? (?P<year>\d{{4}}))?(?:,| at)* ?|(?P<weekday>{'|'.join(DAYS)})[a-z]*,? ?)?"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))? ?(?P<half>[ap]m))?(?: \((?P<zone>[^)]+)\))?",
    re.IGNORECASE,
)


def told_ms(message: str, now_ms: int) -> int | None:
    """Read the moment a message tells, in epoch milliseconds; None for none, or for one past."""
    at_ms = _after_ms(message, now_ms)
    if at_ms is None:
        match = _AT.search(message)
        told = {k: v for k, v in match.groupdict().items() if v} if match else {}
        try:
            at_ms = _at_ms(told, now_ms)
        except (KeyError, OSError, OverflowError, ValueError):
            at_ms = None  # no such zone, day or hour
    return checked(at_ms, now_ms)


def checked(at_ms: int | None, now_ms: int) -> int | None:
    """Take a moment that is still to come, and not too far away to be meant; None for others."""
    if at_ms is None or not now_ms < at_ms <= now_ms + LONGEST_WAIT_S * 1000:
        return None
    return at_ms


def wait_s(message: str) -> float | None:
    """Read how long a message asks to wait, in seconds."""
    wait = _IN.search(message)
    if wait is None:
        return None
    return sum(float(n) * _UNITS_S[unit] for n, unit in _PART.findall(wait[1]))


def _after_ms(message: str, now_ms: int) -> int | None:
    """Read a wait, or a moment in epoch seconds."""
    epoch = _EPOCH.search(message)
    if epoch:
        return int(epoch[1]) * 1000
    wait = wait_s(message)
    return None if wait is None else now_ms + int(min(wait, 2 * LONGEST_WAIT_S) * 1000)


def _at_ms(told: dict[str, str], now_ms: int) -> int | None:
    """Find the next moment that fits a time of day, with a date, a weekday, or neither."""
    if not told.keys() & {"hour", "day", "weekday"}:
        return None
    from datetime import datetime, timedelta  # only a wall needs a calendar

    zone = None
    if "zone" in told:
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(told["zone"])
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    hour = int(told.get("hour", "0"))
    if "half" in told and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + 12 * (told.get("half", "am").lower() == "pm")
    at = now.replace(hour=hour, minute=int(told.get("minute", "0")), second=0, microsecond=0)
    if "day" in told:
        month = 1 + MONTHS.index(told["month"].lower())
        at = at.replace(int(told.get("year", now.year)), month, int(told["day"]))
        if "year" not in told and at < now - timedelta(HALF_A_YEAR):
            at = at.replace(at.year + 1)
    elif "weekday" in told:
        at += timedelta(days=(DAYS.index(told["weekday"].lower()) - at.weekday()) % 7)
    at_ms = int(at.timestamp() * 1000)
    if now_ms - ROUNDED_MS < at_ms <= now_ms:
        return at_ms + ROUNDED_MS
    if at_ms > now_ms or "day" in told:
        return at_ms
    return int((at + timedelta(days=7 if "weekday" in told else 1)).timestamp() * 1000)
