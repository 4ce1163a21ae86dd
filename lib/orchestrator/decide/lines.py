"""The two log lines as documents: one per decision, one per attempt (seed 002, section 10.1).

Field names are the seed's; numbers are numbers, money is USD.
"""

from __future__ import annotations

from orchestrator import clock
from orchestrator.decide import budgets
from orchestrator.decide.windows import day_of
from orchestrator.records import Candidate, Decision, Json, Outcome, Route

SCHEMA = 1


def decision(
    found: Decision,
    task_id: str,
    repository: str,
    task: Json,
    now_ms: int,
    zone: str,
) -> Json:
    """Write a decision as the log line it becomes; `task` holds its redacted text and digest."""
    classes, chosen = found.classification, found.chosen
    first = found.chain[0] if found.chain else None
    return {
        "schema": SCHEMA,
        "timestamp": clock.iso(now_ms),
        "session_id": f"session-{day_of(now_ms, 'UTC')}",
        "task_id": task_id,
        "run_id": task_id,
        "node_id": "task",
        "repository": repository,
        "task_description": task["text"],
        "task_sha256": task["sha256"],
        "task_classification": {
            "primary_provider": classes.primary,
            "primary_score": classes.scores[classes.primary],
            "fallback_chain": list(classes.fallback_chain),
            "all_scores": classes.scores,
            "raw_scores": classes.raw_scores,
            "task_type": classes.task_type,
            "complexity": classes.complexity,
            "tier": classes.tier,
            "clear_match": classes.clear,
            "matched": [match._asdict() for match in classes.matched],
        },
        "provider_state_at_recommendation": _states(found.candidates, chosen),
        "budgets": budgets.described(found.totals, now_ms, zone),
        "recommendation": {
            "provider": chosen.provider,
            "model": chosen.model.name if chosen.model else None,
            "transport": first.transport.kind if first else None,
            "account": first.transport.account if first else None,
            "billing": first.transport.billing if first else None,
            "access": found.access,
            "tier": chosen.model.tier if chosen.model else None,
            "strategy": found.strategy,
            "rules": [
                {"name": name, "effect": effect, "reason": why}
                for name, effect, why in found.ruling.applied
            ],
            "provider_reason": found.reason,
            "cost_estimate": _cost(chosen),
            "execution_time_estimate": chosen.estimate.seconds if chosen.estimate else None,
            "estimate_source": chosen.estimate.source if chosen.estimate else None,
            "agent_assigned": found.agent.name,
            "agent_specialization": found.agent.specialization,
            "agent_reason": found.agent.reason,
            "notes": list(found.notes),
            "alternatives": [_alternative(c) for c in found.candidates if c is not chosen],
        },
        "execution_metrics": {
            "status": "refused" if found.no_room else "recommended",
            "outcome": ("outage" if found.outage else "no_room") if found.no_room else None,
            "retry_at": iso(found.retry_at_ms),
        },
    }


def _states(candidates: tuple[Candidate, ...], chosen: Candidate) -> Json:
    """Write the state of each provider, as its best candidate met it, or the one chosen."""
    found: Json = {}
    for candidate in candidates:
        found.setdefault(candidate.provider, state(candidate))
    return found | {chosen.provider: state(chosen)}


def state(candidate: Candidate) -> Json:
    """Write how full a provider was and what kept it out, None where nothing did."""
    block = candidate.blocks[0] if candidate.blocks else None
    return {
        "requests_percent": _rounded(candidate.room.requests_percent),
        "tokens_percent": _rounded(candidate.room.tokens_percent),
        "cost_today": round(candidate.room.cost_today_usd, 6),
        "daily_budget": candidate.room.daily_budget_usd,
        "available": block is None,
        "block_kind": block.kind if block else None,
        "block_reason": block.reason if block else None,
        "retry_at": iso(block.retry_at_ms) if block else None,
    }


def usage(task_id: str, route: Json, outcome: Json, money: Json, now_ms: int, number: int) -> Json:
    """Write one attempt; `route`, `outcome` and `money` as the in-flight file keeps them."""
    return {
        "schema": SCHEMA,
        "timestamp": clock.iso(now_ms),
        "attempt_id": route["attempt_id"],
        "task_id": task_id,
        "story_id": None,
        "role": None,
        "phase": None,
        "iteration": number,
        "provider": route["provider"],
        "model": route["model"],
        "transport": route["transport"],
        "account": route["account"],
        "billing": route["billing"],
        "complexity": route["complexity"],
        "tier": route.get("tier"),
        "escalated_from": route.get("escalated_from"),
        "requests": outcome["requests"],
        "input_tokens": outcome["input_tokens"],
        "output_tokens": outcome["output_tokens"],
        "cached_input_tokens": outcome["cached_input_tokens"],
        "cache_write_tokens": outcome["cache_write_tokens"],
        **money,
        "latency_ms": outcome["latency_ms"],
        "success": outcome["error_class"] is None,
        "fallback_used": route.get("fallback_used", False),
        "outcome": outcome["error_class"] or "ok",
        "error": outcome["error"],
    }


def outcome_facts(outcome: Outcome, started_ms: int, ended_ms: int) -> Json:
    """Write how an attempt ended, as the in-flight file keeps it."""
    failure = outcome.failure
    retry_ms = failure.retry_at_ms if failure else None
    if failure and retry_ms is None and failure.wait_s is not None:
        retry_ms = ended_ms + int(failure.wait_s * 1000)
    return {
        "requests": outcome.spent.requests,
        "input_tokens": outcome.spent.input_tokens,
        "output_tokens": outcome.spent.output_tokens,
        "cached_input_tokens": outcome.spent.cached_input_tokens,
        "cache_write_tokens": outcome.spent.cache_write_tokens,
        "usage_known": outcome.usage_known,
        "error_class": failure.kind if failure else None,
        "error": failure.message if failure else None,
        "used_tools": outcome.used_tools,
        "wall_at": iso(outcome.first_wall_ms),
        "retry_at": iso(retry_ms),
        "start_time": clock.iso(started_ms),
        "end_time": clock.iso(ended_ms),
        "latency_ms": ended_ms - started_ms,
    }


def route_facts(route: Route, complexity: float) -> Json:
    """Write a route, as logs and the in-flight file keep it."""
    return {
        "provider": route.provider,
        "model": route.model,
        "transport": route.transport.kind,
        "account": route.transport.account,
        "billing": route.transport.billing,
        "access": route.access,
        "tier": route.tier,
        "complexity": complexity,
    }


def _alternative(candidate: Candidate) -> Json:
    block = candidate.blocks[0] if candidate.blocks else None
    return {
        "provider": candidate.provider,
        "model": candidate.model.name if candidate.model else None,
        "cost": _cost(candidate),
        "score": candidate.score,
        "available": block is None,
        "reason": block.reason if block else None,
    }


def _cost(candidate: Candidate) -> float | None:
    return candidate.estimate.cost_usd if candidate.estimate else None


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 2)


def iso(at_ms: int | None) -> str | None:
    """Write a moment, None for none."""
    return None if at_ms is None else clock.iso(at_ms)
