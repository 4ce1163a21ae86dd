"""What a usage report is asked for, and how its numbers are read: nothing doubtful is a figure.

Raised for a report of another shape: ValueError or TypeError.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from orchestrator.records import MICRO, Json

DAY_S = 86_400
BUCKETS = {"1m": (60, 1440), "1h": (3600, 168), "1d": (DAY_S, 31)}  # seconds, most in a page
MOST = 10**15


class Wanted(NamedTuple):
    """The metric of a limit row and the time it is about, in epoch milliseconds.

    `days` is set where the time is one of whole days in UTC, as bills have them.
    """

    metric: str
    window_s: int | None
    period: str | None
    start_ms: int
    now_ms: int
    days: bool

    def bucketed(self, start: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """Return the parameters that ask for the time in the widest buckets that fit."""
        if self.metric == "cost_usd" or (self.days and self.period == "month"):
            width = "1d"
        else:
            width = "1m" if self.window_s and self.window_s <= DAY_S else "1h"
        width_s, most = BUCKETS[width]
        needed = -(-(self.now_ms - self.start_ms) // (1000 * width_s)) + 1
        return start, ("bucket_width", width), ("limit", str(min(needed, most)))


class Query(NamedTuple):
    """One GET; the page after it is asked for with `cursor` set to what `following` told."""

    url: str
    params: tuple[tuple[str, str], ...]
    cursor: str = "page"
    following: str = "next_page"


Fetch = Callable[[Query], list[Json]]
Figure = tuple[int, int | None]  # used, and of how much where that is told


def results(pages: list[Json]) -> list[Json]:
    """List the results of all buckets of all pages."""
    found: list[Json] = []
    for page in pages:
        for bucket in objects(page, "data"):
            found += objects(bucket, "results")
    return found


def objects(document: Any, name: str) -> list[Json]:
    """Take a list of objects; one that is not there is empty."""
    listed = document.get(name, []) if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError(f"{name} is no list of objects")
    return listed


def whole(told: Any) -> int:
    """Read a count, also as text; nothing there is 0 in a sum."""
    if told is None:
        return 0
    if isinstance(told, str) and told.isascii() and told.isdigit():
        told = int(told)
    if type(told) is not int or not 0 <= told <= MOST:
        raise ValueError("a count is none")
    return told


def micro_usd(told: Any, per_usd: int) -> Decimal:
    """Read an amount, a number or text, of which `per_usd` make a dollar; credits are below 0."""
    if isinstance(told, bool) or not isinstance(told, (int, float, str)):
        raise TypeError("an amount is none")
    try:
        amount = Decimal(str(told))
    except InvalidOperation:
        raise ValueError("an amount is none") from None
    if not amount.is_finite() or abs(amount) > MOST:
        raise ValueError("an amount is none")
    return amount * MICRO / per_usd


def money(amounts: list[Decimal]) -> int:
    """Sum amounts to whole micro-USD, rounded up; what credits outweigh has cost nothing."""
    return max(0, int(sum(amounts, Decimal(0)).to_integral_value(rounding="ROUND_CEILING")))
