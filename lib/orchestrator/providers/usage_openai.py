"""OpenAI's reports: `GET /v1/organization/usage/completions` and `/v1/organization/costs`.

`start_time` is epoch seconds, `input_tokens` includes the cached ones, amounts are USD by UTC days
(platform.openai.com, API reference, Usage).
"""

from __future__ import annotations

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

MOST_BUCKETS = {"1m": 1440, "1h": 168, "1d": 31}


def headers(key: str) -> dict[str, str]:
    """Return the headers that carry the key."""
    return {"authorization": f"Bearer {key}"}


def figure(api: Json, wanted: Wanted, fetch: Fetch) -> Figure | None:
    """Return what was used; raises ValueError for a report of another shape."""
    start = ("start_time", str(wanted.start_ms // 1000))
    if wanted.metric == "cost_usd":
        if not wanted.days or "cost_url" not in api:
            return None
        limit = min(wanted.buckets, 180)
        params = (start, ("bucket_width", "1d"), ("limit", str(limit)))
        told = results(fetch(Query(api["cost_url"], params)))
        amounts = [row.get("amount") for row in told]
        if not all(isinstance(a, dict) and a.get("currency") == "usd" for a in amounts):
            raise ValueError("an amount is not in USD")
        return money([micro_usd(amount["value"], 1) for amount in amounts if amount]), None
    width = wanted.bucket
    limit = min(wanted.buckets, MOST_BUCKETS[width])
    params = (start, ("bucket_width", width), ("limit", str(limit)))
    told = results(fetch(Query(api["usage_url"], params)))
    parts = ("input_tokens", "output_tokens") if wanted.metric == "tokens" else _REQUESTS
    return sum(whole(row.get(part)) for row in told for part in parts), None


_REQUESTS = ("num_model_requests",)
