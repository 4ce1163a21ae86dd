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

COUNTED = {"tokens": ("input_tokens", "output_tokens"), "requests": ("num_model_requests",)}


def headers(key: str) -> dict[str, str]:
    """Return the headers that carry the key."""
    return {"authorization": f"Bearer {key}"}


def figure(api: Json, wanted: Wanted, fetch: Fetch) -> Figure | None:
    """Return what was used; raises ValueError for a report of another shape."""
    params = wanted.bucketed(("start_time", str(wanted.start_ms // 1000)))
    if wanted.metric != "cost_usd":
        told = results(fetch(Query(api["usage_url"], params)))
        return sum(whole(row.get(part)) for row in told for part in COUNTED[wanted.metric]), None
    if not wanted.days or "cost_url" not in api:
        return None
    amounts = [row.get("amount") for row in results(fetch(Query(api["cost_url"], params)))]
    if not all(isinstance(a, dict) and a.get("currency") == "usd" for a in amounts):
        raise ValueError("an amount is not in USD")
    return money([micro_usd(amount["value"], 1) for amount in amounts if amount]), None
