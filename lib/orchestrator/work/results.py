"""What a batch keeps of each node: a line of `results.jsonl`, with its answer."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator import clock
from orchestrator.records import Json
from orchestrator.state.redaction import redact
from orchestrator.work.plan import Plan

MOST_ANSWER = 4 * 1024 * 1024  # characters; the transcript has the rest
DEFERRED = "deferred"


def row(
    plan: Plan, place: int, line: Json, answer: str, secrets: Sequence[str], shares: int = 1
) -> Json:
    """Write the result of a node from its decision line; a shared call is shared evenly."""
    done, chosen = line["execution_metrics"], line["recommendation"]
    kept = redact(answer[:MOST_ANSWER], tuple(secrets))
    names = ("verified", "branch", "tree", "diffstat", "error", "error_class", "transcript")
    return {
        **plan.row(place, done["status"], ""),
        "timestamp": clock.iso(clock.now_ms()),
        "task_id": line["task_id"],
        "repository": line["repository"],
        "outcome": DEFERRED if done["status"] == DEFERRED else done["outcome"],
        "answer": kept,
        "answer_cut": len(answer) > MOST_ANSWER,
        "provider": done["provider"],
        "model": done["model"],
        "transport": done["transport"],
        "agent": chosen["agent_assigned"],
        "tokens": done["tokens_used"] // shares,
        "cost_usd": _share(done["cost_actual"], shares),
        "cost_notional_usd": _share(done["cost_notional_usd"], shares),
        "seconds": done["execution_time_seconds"] / shares,
        "attempts": len(done["attempts"]),
        "fallback_used": done["fallback_used"],
        "packed": shares,
        **{name: done.get(name) for name in names},
    }


def _share(amount: float | None, shares: int) -> float | None:
    return None if amount is None else round(amount / shares, 6)
