"""Figures from outside: what a provider, a client's records or a person say was used.

A figure of a person replaces ours. All others only ever add to it: they lag, round, or refill while
our own calls still count, so they tell of use outside, never that we used less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.decide import limits, windows
from orchestrator.records import Json, Limit, Provider, Seen

PERSON = "person"
_NEVER = {"observed_at_ms": 0}


def noted(document: Json, provider: Provider, seen: Sequence[Seen], now_ms: int, zone: str) -> Json:
    """Return the usage with figures added, each at every row it is about.

    Of one source the newest figure stands; where sources disagree the highest decides.
    """
    known = dict(document["observations"])
    for each in seen:
        for limit, payer in _rows(provider, each):
            key = limits.key_of(limit, payer)
            at_ms = min(each.observed_at_ms, now_ms)
            before = known.get(key, {})
            # One from further ahead stems from a clock that was set since: it is no newer.
            if at_ms < before.get(each.source, _NEVER)["observed_at_ms"] <= now_ms:
                continue
            entry = _entry(document, limit, payer, each, at_ms, now_ms, zone)
            live = {
                name: old
                for name, old in before.items()
                if limits.ends_at(limit, old, zone) > now_ms
            }
            known[key] = live | {each.source: entry}
    return document | {"observations": known}


def _entry(
    document: Json,
    limit: Limit,
    payer: limits.Payer,
    seen: Seen,
    at_ms: int,
    now_ms: int,
    zone: str,
) -> Json:
    window = document["windows"].get(limits.key_of(limit, payer)) or {}
    own = windows.used(window, limit, now_ms, zone) if window else 0
    used = seen.used if seen.of is None else -(-limit.limit * seen.used // max(1, seen.of))
    if seen.source != PERSON:
        own += limits.reserved(document, limit, payer)
        used = max(own, used)
    resets_at_ms = seen.resets_at_ms
    if resets_at_ms is not None and limit.window_s is not None:
        resets_at_ms = min(resets_at_ms, at_ms + limit.window_s * 1000)
    return {
        "used": max(0, used),
        "own": own,
        "slot": windows.since(window, limit, at_ms, zone) if window else 0,
        "observed_at_ms": at_ms,
        "resets_at_ms": resets_at_ms,
    }


def _rows(provider: Provider, seen: Seen) -> Iterator[tuple[Limit, limits.Payer]]:
    """List the rows a figure is about, for each account where a row counts by account."""
    for limit in provider.limits:
        named = seen.window_s is not None or seen.period is not None
        if limit.metric != seen.metric or (limit.scope == "model") is (seen.model is None):
            continue
        if named and (limit.window_s, limit.period) != (seen.window_s, seen.period):
            continue
        known = [seen.account or ""]
        if limit.scope == "account" and seen.account is None:
            known = sorted({transport.account for transport in provider.transports})
        for account in known:
            yield limit, limits.Payer(account, seen.model or "", metered=True)
