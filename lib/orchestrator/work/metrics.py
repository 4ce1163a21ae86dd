"""The execution metrics of a task, from its attempts (seed 002, section 10.1)."""

from __future__ import annotations

from orchestrator import clock
from orchestrator.records import Json


def finished(line: Json, attempts: list[Json], status: str, result: str) -> Json:
    """Add up the attempts; the last one says which route it was and what was wrong."""
    last = attempts[-1] if attempts else {}
    actual, notional = _sum(attempts, "cost_usd"), _sum(attempts, "cost_notional_usd")
    unpriced = sum(a.get("cost_source") == "unpriced" for a in attempts)
    estimate = line["recommendation"]["cost_estimate"]
    input_tokens = sum(a["input_tokens"] for a in attempts)
    output_tokens = sum(a["output_tokens"] for a in attempts)
    start, end = (attempts[0]["start_time"], last["end_time"]) if attempts else (None, None)
    seconds = (clock.parse(end) - clock.parse(start)) / 1000 if start and end else 0.0
    retry = [a["retry_at"] for a in attempts if a.get("retry_at")]
    left_tiers = {a.get("escalated_from") for a in attempts} - {None}  # a fallback climbs no more
    return {
        "status": status,
        "outcome": result,
        "provider": last.get("provider"),
        "model": last.get("model"),
        "transport": last.get("transport"),
        "start_time": start,
        "end_time": end,
        "execution_time_seconds": seconds,
        "tokens_used": input_tokens + output_tokens,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_actual": actual,
        "cost_notional_usd": notional,
        "cost_source": last.get("cost_source"),
        "unpriced_attempts": unpriced,
        "cost_estimate_vs_actual": None
        if estimate is None or unpriced
        else round((actual or 0) + (notional or 0) - estimate, 6),
        "attempts": attempts,
        "escalations": len(left_tiers),
        "fallback_used": any(a.get("fallback_used") for a in attempts),
        "error": last.get("error"),
        "error_class": last.get("error_class"),
        "retry_at": min(retry, default=None),
    }


def _sum(attempts: list[Json], name: str) -> float | None:
    """Add up what is known in USD; None where that is nothing, for it may have cost something."""
    amounts = [a.get(name, 0.0) for a in attempts]
    total = sum(amount for amount in amounts if amount is not None)
    return None if None in amounts and not total else round(total, 6)
