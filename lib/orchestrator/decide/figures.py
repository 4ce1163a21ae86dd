"""How full each row is and who says so: every figure with its source and when it was seen.

What nobody told of is None, never 0: our own calls add nothing to the windows of a plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import clock
from orchestrator.decide import limits
from orchestrator.records import MICRO, Json, Limit, Provider

OWN = "own calls"
BILLED = {"percent": "subscription", "cost_usd": "metered"}  # what only such accounts have


def rows(provider: Provider, usage: Json, now_ms: int, settings: Json) -> list[Json]:
    """Describe each row of a provider; money in USD.

    `sources` lists what each source says now, `differ` whether two of them are further apart than
    `poll.differ_percent` of the higher one, which decides.
    """
    zone, differ_percent = str(settings["zone"]), float(settings["poll"]["differ_percent"])
    return [
        _row(usage, limit, payer, now_ms, zone, differ_percent)
        for limit, payer in _counted(provider, usage)
    ]


def is_near(provider: Provider, usage: Json, now_ms: int, zone: str, points: float) -> bool:
    """Tell whether a row is within so many percent points of what blocks it, or over that."""
    for limit, payer in _counted(provider, usage):
        taken = limits.spent(usage, limit, payer, now_ms, zone)
        taken += limits.reserved(usage, limit, payer)
        if taken and taken * 100 >= (limit.block_at_percent - points) * limit.limit:
            return True
    return False


def _counted(provider: Provider, usage: Json) -> Iterator[tuple[Limit, limits.Payer]]:
    """List the counters of a provider: of each account or model where a row has one for each."""
    billed = {(t.account, t.billing): t for t in provider.transports}
    known = {*usage["windows"], *usage["observations"]}
    for limit in provider.limits:
        if limit.scope == "provider":
            yield limit, limits.Payer("", "", metered=True)
        elif limit.scope == "account":
            only = BILLED.get(limit.metric)
            names = dict.fromkeys(name for name, billing in billed if only in (None, billing))
            for name in names:
                yield limit, limits.Payer(name, "", metered=True)
        else:
            for model in provider.models:
                payer = limits.Payer("", model.name, metered=True)
                if limits.key_of(limit, payer) in known:
                    yield limit, payer


def _row(
    usage: Json, limit: Limit, payer: limits.Payer, now_ms: int, zone: str, differ_percent: float
) -> Json:
    own, told = limits.figures(usage, limit, payer, now_ms, zone)
    key = limits.key_of(limit, payer)
    seen = usage["observations"].get(key, {})
    sources = [
        _figure(limit, name, used, seen[name]["observed_at_ms"], seen[name]["resets_at_ms"])
        for name, used in told.items()
    ]
    values = list(told.values())
    held = limits.reserved(usage, limit, payer)
    if limit.metric != "percent":
        sources.append(_figure(limit, OWN, own, now_ms, None))
        values.append(own)
    used = max(told.values(), default=own if values else None)
    apart = max(values, default=0) - min(values, default=0)
    return {
        "row": key,
        "used": None if used is None else _shown(limit, used),
        "reserved": _shown(limit, held),
        "limit": _shown(limit, limit.limit),
        "percent": None if used is None else _percent(limit, used),
        "block_at_percent": limit.block_at_percent,
        "sources": sources,
        "differ": apart * 100 > differ_percent * max(values, default=0),
    }


def _figure(limit: Limit, source: str, used: int, at_ms: int, resets_at_ms: int | None) -> Json:
    return {
        "source": source,
        "used": _shown(limit, used),
        "percent": _percent(limit, used),
        "observed_at": clock.iso(at_ms),
        "resets_at": None if resets_at_ms is None else clock.iso(resets_at_ms),
    }


def _percent(limit: Limit, used: int) -> float:
    return round(100 * used / limit.limit, 2) if limit.limit else 100.0


def _shown(limit: Limit, amount: int) -> float:
    return amount / MICRO if limit.metric == "cost_usd" else amount
