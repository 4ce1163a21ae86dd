"""The usage reports of the three providers, from the books, behind an admin key.

OpenAI and Anthropic report in buckets of time, page by page; Google tells limits and a time series.
"""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from .account import Minute
from .dialect import Usage
from .document import Document
from .scenario import Scenario
from .upstream import Upstream
from .wire import Reply, json_reply

OPENAI_USAGE, OPENAI_COSTS = "/v1/organization/usage/completions", "/v1/organization/costs"
ANTHROPIC_USAGE = "/v1/organizations/usage_report/messages"
ANTHROPIC_COSTS = "/v1/organizations/cost_report"
GOOGLE_USAGE = re.compile(r"/v3/projects/[^/]+/timeSeries")
GOOGLE_LIMITS = re.compile(r"/v1beta1/projects/[^/]+/services/[^/]+/consumerQuotaMetrics")
WIDTHS = {"1m": 1, "1h": 60, "1d": 1440}  # minutes
DEFAULT_BUCKETS = {"1m": 60, "1h": 24, "1d": 7}
MOST_BUCKETS = {"1m": 1440, "1h": 168, "1d": 31}
OPENAI_MOST_DAYS = 180
CENTS = 10_000  # micro-USD
LIMIT_A_DAY = 10_000
METRICS = {
    "requests": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
    "tokens": "generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count",
}


def get(upstream: Upstream, target: str, headers: Mapping[str, str]) -> Reply | None:
    """Answer a request for a report; None for any other path."""
    path, given = urlsplit(target).path, parse_qs(urlsplit(target).query)
    provider = _provider(path)
    if provider is None:
        return None
    scenario = upstream.scenario(provider)
    status = 200
    body: Document = {}
    if scenario.admin_key is None or _key(provider, headers) != scenario.admin_key:
        status, body = 401, {"error": {"type": "authentication_error", "message": "invalid key"}}
    else:
        try:
            minutes = _with_outside(upstream.books.minutes(provider), scenario)
            body = _report(path, {name: told[0] for name, told in given.items()}, minutes)
        except (KeyError, ValueError) as error:
            status = 400
            body = {"error": {"type": "invalid_request_error", "message": repr(error)}}
    upstream.books.report(target, headers, status)
    return json_reply(status, body)


def _provider(path: str) -> str | None:
    if path in {OPENAI_USAGE, OPENAI_COSTS}:
        return "codex"
    if path in {ANTHROPIC_USAGE, ANTHROPIC_COSTS}:
        return "claude"
    return "gemini" if GOOGLE_USAGE.fullmatch(path) or GOOGLE_LIMITS.fullmatch(path) else None


def _key(provider: str, headers: Mapping[str, str]) -> str:
    if provider == "claude":
        return headers.get("x-api-key", "") if "anthropic-version" in headers else ""
    return headers.get("authorization", "").removeprefix("Bearer ")


def _with_outside(minutes: dict[int, Minute], scenario: Scenario) -> dict[int, Minute]:
    """Add what others used, in this minute."""
    now = minutes.setdefault(int(time.time() // 60), Minute())
    cost = Decimal(scenario.outside_cost_micro_usd or 0)
    now.add(scenario.outside_requests or 0, Usage(scenario.outside_tokens or 0, 0, 0), cost)
    return minutes


def _report(path: str, given: Mapping[str, str], minutes: dict[int, Minute]) -> Document:
    if GOOGLE_LIMITS.fullmatch(path):
        return {"metrics": [_google_limit(name) for name in METRICS.values()]}
    if GOOGLE_USAGE.fullmatch(path):
        return _google_usage(given, minutes)
    costs = path in {OPENAI_COSTS, ANTHROPIC_COSTS}
    width = given.get("bucket_width", "1d")
    if costs and width != "1d":
        message = "costs come by days"
        raise ValueError(message)
    openai = path in {OPENAI_USAGE, OPENAI_COSTS}
    start = int(given["start_time"]) if openai else _epoch_s(given["starting_at"])
    most = OPENAI_MOST_DAYS if path == OPENAI_COSTS else MOST_BUCKETS[width]
    limit = int(given.get("limit", DEFAULT_BUCKETS[width]))
    if not 1 <= limit <= most:
        message = f"limit must be from 1 to {most}"
        raise ValueError(message)
    first = start // 60 // WIDTHS[width] + int(given.get("page", "page_0").removeprefix("page_"))
    last = int(time.time() // 60) // WIDTHS[width]
    numbers = range(first, min(first + limit, last + 1))
    data = [_bucket(path, number, WIDTHS[width], minutes) for number in numbers]
    more = first + limit <= last
    told = int(given.get("page", "page_0").removeprefix("page_")) + limit
    page: Document = {"data": data, "has_more": more, "next_page": f"page_{told}" if more else None}
    return {"object": "page", **page} if openai else page


def _bucket(path: str, number: int, width: int, minutes: dict[int, Minute]) -> Document:
    inside = [used for at, used in minutes.items() if at // width == number]
    results = [_result(path, used) for used in inside]
    start, end = number * width * 60, (number + 1) * width * 60
    if path in {OPENAI_USAGE, OPENAI_COSTS}:
        return {"object": "bucket", "start_time": start, "end_time": end, "results": results}
    return {"starting_at": _rfc3339(start), "ending_at": _rfc3339(end), "results": results}


def _result(path: str, used: Minute) -> Document:
    if path == OPENAI_COSTS:
        amount = {"value": float(used.cost_micro_usd / 1_000_000), "currency": "usd"}
        return {"object": "organization.costs.result", "amount": amount, "line_item": None}
    if path == ANTHROPIC_COSTS:
        amount_cents = str(used.cost_micro_usd / CENTS)
        return {"amount": amount_cents, "currency": "USD", "cost_type": None, "model": None}
    if path == ANTHROPIC_USAGE:
        return {
            "uncached_input_tokens": used.input_tokens - used.cached_tokens,
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "cache_read_input_tokens": used.cached_tokens,
            "output_tokens": used.output_tokens,
            "server_tool_use": {"web_search_requests": 0},
            "model": None,
        }
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": used.input_tokens,
        "input_cached_tokens": used.cached_tokens,
        "output_tokens": used.output_tokens,
        "num_model_requests": used.requests,
        "model": None,
    }


def _google_usage(given: Mapping[str, str], minutes: dict[int, Minute]) -> Document:
    if "net_usage" not in given["filter"]:
        message = "the filter names no known metric"
        raise ValueError(message)
    start, end = given["interval.startTime"], given["interval.endTime"]
    inside = [used for at, used in minutes.items() if at >= _epoch_s(start) // 60]
    amounts = {
        "requests": sum(used.requests for used in inside),
        "tokens": sum(used.input_tokens for used in inside),
    }
    return {"timeSeries": list(_series(amounts, {"startTime": start, "endTime": end})), "unit": "1"}


def _series(amounts: Mapping[str, int], interval: Document) -> Iterator[Document]:
    for name, amount in amounts.items():
        labels = {"quota_metric": METRICS[name], "method": "GenerateContent"}
        yield {
            "metric": {
                "type": "serviceruntime.googleapis.com/quota/rate/net_usage",
                "labels": labels,
            },
            "resource": {"type": "consumer_quota", "labels": {}},
            "metricKind": "DELTA",
            "valueType": "INT64",
            "points": [{"interval": interval, "value": {"int64Value": str(amount)}}],
        }


def _google_limit(metric: str) -> Document:
    buckets = [{"effectiveLimit": str(LIMIT_A_DAY), "defaultLimit": str(LIMIT_A_DAY)}]
    limit: Document = {
        "metric": metric,
        "unit": "1/d/{project}",
        "isPrecise": True,
        "quotaBuckets": buckets,
    }
    return {"metric": metric, "displayName": metric, "consumerQuotaLimits": [limit], "unit": "1"}


def _epoch_s(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _rfc3339(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
