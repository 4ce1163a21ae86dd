"""What codex writes down of its plan: `token_count` events in `sessions/**/rollout-*.jsonl`.

A window is known by its length, never by its slot: a plan with a weekly window alone has it in the
first one. `rate_limits` is null for whoever pays by key, and may be about another limit than the
plan's own (`limit_id`).
"""

from __future__ import annotations

import math

from orchestrator import clock
from orchestrator.providers.reading import parsed, text_at
from orchestrator.records import Seen

MARK = b'"rate_limits"'  # a line without it need not be parsed
SOURCE = "client records"
PLAN = (None, "codex")  # names of the plan's own limit; others are of single models
MOST_PERCENT = 10_000
HOUR_MINUTES = 60
LATEST_S = 1e11


def figures_of(line: bytes, account: str) -> list[Seen]:
    """Read the windows one line tells of; none where it tells none."""
    document = parsed(line.decode("utf-8", "replace"))
    payload = document.get("payload") if document else None
    if text_at(payload, "type") != "token_count" or not isinstance(payload, dict):
        return []
    told = payload.get("rate_limits")
    if not isinstance(told, dict) or told.get("limit_id") not in PLAN:
        return []
    try:
        at_ms = clock.parse(text_at(document, "timestamp"))
    except (ValueError, OverflowError):
        return []
    slots = (told.get("primary"), told.get("secondary"))
    found = (_window(slot, account, at_ms) for slot in slots if isinstance(slot, dict))
    return [seen for seen in found if seen is not None]


def _window(slot: dict[str, object], account: str, at_ms: int) -> Seen | None:
    used, minutes, reset = (
        _figure(slot.get(name), most)
        for name, most in (
            ("used_percent", MOST_PERCENT),
            ("window_minutes", 525_600),
            ("resets_at", LATEST_S),
        )
    )
    hours = round((minutes or 0) / HOUR_MINUTES)  # older ones tell 299 minutes of five hours
    if used is None or hours < 1:
        return None
    resets_ms = None if reset is None else int(reset * 1000)
    percent = math.ceil(round(used, 6))
    return Seen("percent", hours * 3600, None, account, percent, 100, SOURCE, at_ms, resets_ms)


def _figure(told: object, most: float) -> float | None:
    """Take a number that can be one: no text, no NaN, nothing below zero."""
    if isinstance(told, bool) or not isinstance(told, (int, float)) or not 0 <= told <= most:
        return None
    return float(told)
