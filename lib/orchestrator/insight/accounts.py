"""What is known of each billing account: open, out, or used up, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator import clock
from orchestrator.decide import breakers
from orchestrator.records import Breaker, Json, Provider


def described(
    rows: Mapping[str, Breaker], providers: Iterable[Provider], now_ms: int, *, others: bool = True
) -> dict[str, Json]:
    """Describe the accounts of providers, then the `others` that something is known of."""
    names = dict.fromkeys(t.account for provider in providers for t in provider.transports)
    known = [*names, *(sorted(rows.keys() - names.keys()) if others else ())]
    return {name: described_row(rows.get(name, breakers.CLOSED), now_ms) for name in known}


def described_row(row: Breaker, now_ms: int) -> Json:
    """Describe one breaker; a wall whose end has come is closed.

    `until` ends a wall by itself, `probe_at` is when one attempt may look whether it has ended;
    a wall that a person ends has neither.
    """
    blocks = breakers.block(row, now_ms) is not None
    probed = row.kind in breakers.PROBED
    if row.kind is None or not (blocks or probed):
        return {"state": "closed", "blocks": False, "failures": row.failures}
    at = None if row.retry_at_ms is None else clock.iso(row.retry_at_ms)
    return {
        "state": row.kind,
        "blocks": blocks,
        "failures": row.failures,
        "since": clock.iso(row.since_ms),
        "until": None if probed else at,
        "probe_at": at if probed else None,
        "error": row.error,
    }
