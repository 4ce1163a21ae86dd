"""What an answer's head tells of rate limits (the providers' pages on rate limits).

`x-ratelimit-{limit,remaining,reset}-{requests,tokens}` of OpenAI, the same words after
`anthropic-ratelimit-` of Anthropic, and the windows of a Claude plan,
`anthropic-ratelimit-unified-{5h,7d}-{utilization,reset}`, a fraction of 1 and epoch seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from orchestrator import clock
from orchestrator.records import Seen

SOURCE = "headers"
MINUTE_S = 60
CLOCKS_MS = 60_000  # by how much the provider's clock may be ahead of ours
PLAN_WINDOWS = {"5h": 18_000, "7d": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def seen_in(headers: Mapping[str, str], account: str, heard_ms: int) -> tuple[Seen, ...]:
    """Read the figures of a head; names are lower case. What is none is left out, never 0.

    A figure that resets later than in a minute is of another window, which is not named.
    """
    found = []
    for metric in ("requests", "tokens"):
        figure = _openai(headers, metric, heard_ms) or _anthropic(headers, metric)
        if figure is not None and figure[2] <= heard_ms + 1000 * MINUTE_S + CLOCKS_MS:
            used, limit, _ = figure
            found.append(Seen(metric, MINUTE_S, None, account, used, limit, SOURCE, heard_ms))
    for name, window_s in PLAN_WINDOWS.items():
        prefix = f"anthropic-ratelimit-unified-{name}-"
        told = _number(headers.get(f"{prefix}utilization", ""))
        reset = _number(headers.get(f"{prefix}reset", ""))
        if told is not None:
            found.append(plan_window(window_s, told, reset, account, SOURCE, heard_ms))
    return tuple(found)


def plan_window(
    window_s: int,
    fraction: float,
    reset_s: float | None,
    account: str | None,
    source: str,
    at_ms: int,
) -> Seen:
    """Make the figure of a plan's window: `fraction` of 1 used, `reset_s` epoch seconds."""
    used = math.ceil(round(fraction * 100, 6))
    resets_ms = None if reset_s is None else int(reset_s * 1000)
    return Seen("percent", window_s, None, account, used, 100, source, at_ms, resets_ms)


def _openai(headers: Mapping[str, str], metric: str, now_ms: int) -> tuple[int, int, int] | None:
    """Return used, limit and the moment of the reset; durations look like `6m0s` and `120ms`."""
    figure = _used(headers, "x-ratelimit-limit-", "x-ratelimit-remaining-", metric)
    text = headers.get(f"x-ratelimit-reset-{metric}", "").strip()
    parts = _DURATION.findall(text)
    if figure is None or not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        return None
    return (*figure, now_ms + int(sum(float(n) * _UNITS_MS[unit] for n, unit in parts)))


def _anthropic(headers: Mapping[str, str], metric: str) -> tuple[int, int, int] | None:
    prefix = f"anthropic-ratelimit-{metric}-"
    figure = _used(headers, f"{prefix}limit", f"{prefix}remaining", "")
    try:
        return None if figure is None else (*figure, clock.parse(headers[f"{prefix}reset"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _used(
    headers: Mapping[str, str], limit_name: str, left_name: str, metric: str
) -> tuple[int, int] | None:
    limit = _number(headers.get(limit_name + metric, ""))
    left = _number(headers.get(left_name + metric, ""))
    if limit is None or left is None or limit <= 0 or left > limit:
        return None
    return int(limit) - int(left), int(limit)


def _number(text: str) -> float | None:
    """Read a figure that can be one: finite and not negative."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e15 else None
