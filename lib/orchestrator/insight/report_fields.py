"""Which fields of the logs a report reads, and what may be in them.

A line written before a field existed lacks it: that is no error. What is there has to be right.
"""

from __future__ import annotations

import json
import math
from typing import Any

from orchestrator import clock
from orchestrator.config.documents import no_constant
from orchestrator.decide.lines import SCHEMA
from orchestrator.records import Json
from orchestrator.state.journal import DECISIONS, USAGE
from orchestrator.state.logfile import MAX_LINE

MOST_USD, MOST_COUNT = 999_999, 10**15  # in one line; more is a mistake
FIELDS: dict[str, dict[str, str]] = {
    USAGE: {
        "schema": "schema",
        "timestamp": "moment",
        "task_id": "text",
        "role": "text",
        "provider": "text",
        "model": "text",
        "tier": "text",
        "escalated_from": "text",
        "account": "text",
        "billing": "text",
        "complexity": "number",
        "requests": "count",
        "input_tokens": "count",
        "output_tokens": "count",
        "cached_input_tokens": "count",
        "cache_write_tokens": "count",
        "cost_usd": "money",
        "cost_notional_usd": "money",
        "cost_source": "text",
        "booked_day": "day",
        "latency_ms": "number",
        "success": "flag",
        "fallback_used": "flag",
    },
    DECISIONS: {
        "schema": "schema",
        "timestamp": "moment",
        "session_id": "text",
        "task_id": "text",
        "run_id": "text",
        "repository": "text",
        "task_classification.complexity": "number",
        "task_classification.tier": "text",
        "recommendation.cost_estimate": "money",
        "recommendation.agent_assigned": "text",
        "execution_metrics.status": "text",
        "execution_metrics.provider": "text",
        "execution_metrics.cost_actual": "money",
        "execution_metrics.cost_notional_usd": "money",
        "execution_metrics.unpriced_attempts": "count",
    },
}


def wrong(log: str, line: bytes) -> str | None:
    """Tell what is wrong with a line, as `field: what it is`; None for a sound one."""
    if len(line) > MAX_LINE:
        return f"the line is longer than {MAX_LINE} bytes"
    try:
        document = json.loads(line.decode("utf-8"), parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({error})"
    if not isinstance(document, dict):
        return "it is not a JSON object"
    for path, kind in FIELDS[log].items():
        value, reason = _value(document, path)
        reason = reason or _unfit(kind, value)
        if reason:
            return f"{path} is {_shown(value)}; {reason}"
    return None


def _value(document: Json, path: str) -> tuple[Any, str | None]:
    outer, _, inner = path.rpartition(".")
    if not outer:
        return document.get(path), None
    group = document.get(outer)
    if group is not None and not isinstance(group, dict):
        return group, f"{outer} has to be an object"
    return (group or {}).get(inner), None


def _unfit(kind: str, value: Any) -> str | None:
    """Say what was expected where a value is no such thing."""
    if value is None:
        return "it has to be there" if kind == "moment" else None
    if kind == "moment":
        return None if _is_moment(value) else "a moment like 2026-11-20T09:30:00.000Z belongs there"
    if kind == "day":
        return None if _is_moment(f"{value}T00:00:00Z") else "a day like 2026-11-20 belongs there"
    if kind == "text":
        return None if isinstance(value, str) else "text belongs there"
    if kind == "flag":
        return None if isinstance(value, bool) else "true or false belongs there"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "a number belongs there"
    if kind == "schema":
        return None if value <= SCHEMA else f"newer than {SCHEMA}: use the program that wrote it"
    most = MOST_USD if kind == "money" else MOST_COUNT
    return None if 0 <= value <= most else f"it has to be from 0 to {most}"


def _is_moment(value: Any) -> bool:
    try:
        clock.parse(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def _shown(value: Any) -> str:
    text = "missing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
