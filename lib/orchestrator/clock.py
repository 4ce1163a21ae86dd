"""Moments as integer epoch milliseconds, and how they are written."""

from __future__ import annotations

import functools
import time


def now_ms() -> int:
    """Read the wall clock once, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def elapsed() -> tuple[str, int]:
    """Read the clock nobody can set: this boot's name, and the milliseconds since it.

    The name is empty where the system has none; the wall clock is then all there is.
    """
    try:
        return _boot(), time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    except (OSError, AttributeError):
        return "", 0


@functools.cache
def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def iso(at_ms: int) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds, `2026-11-20T09:30:00.000Z`."""
    seconds, ms = divmod(at_ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"


def parse(text: str) -> int:
    """Read an RFC 3339 moment, with `Z` or a numeric offset, as epoch milliseconds.

    Raises ValueError when the text is no moment.
    """
    body, offset_s = text.strip(), 0
    if body[-1:] in "Zz":
        body = body[:-1]
    elif len(body) > 6 and body[-6] in "+-" and body[-3] == ":":
        sign = 1 if body[-6] == "+" else -1
        offset_s = sign * (int(body[-5:-3]) * 3600 + int(body[-2:]) * 60)
        body = body[:-6]
    import calendar  # loads datetime and locale: 3 ms the decision path must not pay

    body, _, fraction = body.partition(".")
    seconds = calendar.timegm(time.strptime(body.replace(" ", "T"), "%Y-%m-%dT%H:%M:%S"))
    return (seconds - offset_s) * 1000 + int((fraction + "000")[:3])
