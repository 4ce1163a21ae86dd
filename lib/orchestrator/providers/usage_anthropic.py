"""Anthropic's reports: `GET /v1/organizations/usage_report/messages` and `/cost_report`.

`starting_at` is RFC 3339; cached tokens are apart from the uncached ones; requests are not told;
amounts are text, in cents, by UTC days (platform.claude.com, Usage and Cost API).
"""

from __future__ import annotations

from orchestrator import clock
from orchestrator.providers.usage_report import (
    Fetch,
    Figure,
    Query,
    Wanted,
    micro_usd,
    money,
    results,
    whole,
)
from orchestrator.records import Json

CENTS = 100


def headers(key: str) -> dict[str, str]:
    """Return the headers that carry the key."""
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


def figure(api: Json, wanted: Wanted, fetch: Fetch) -> Figure | None:
    """Return what was used; raises ValueError for a report of another shape."""
    params = wanted.bucketed(("starting_at", clock.iso(wanted.start_ms // 1000 * 1000)))
    if wanted.metric == "tokens":
        told = results(fetch(Query(api["usage_url"], params)))
        return sum(_tokens(row) for row in told), None
    if wanted.metric != "cost_usd" or not wanted.days or "cost_url" not in api:
        return None
    told = results(fetch(Query(api["cost_url"], params)))
    if not all(row.get("currency") == "USD" for row in told):
        raise ValueError("an amount is not in USD")
    return money([micro_usd(row.get("amount"), CENTS) for row in told]), None


def _tokens(row: Json) -> int:
    written = row.get("cache_creation") or {}
    if not isinstance(written, dict):
        raise TypeError("cache_creation is no object")
    plain = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
    return sum(whole(row.get(part)) for part in plain) + sum(whole(n) for n in written.values())
