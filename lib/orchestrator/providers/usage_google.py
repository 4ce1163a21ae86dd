"""Google Cloud: limits from `consumerQuotaMetrics`, what was used of them from Cloud Monitoring.

The Service Usage API tells limits alone; `serviceruntime.googleapis.com/quota/rate/net_usage` is
the time series of what counted against them (cloud.google.com, Service Usage v1beta1
`services.consumerQuotaMetrics.list`, Monitoring v3 `projects.timeSeries.list`). Several quota
metrics count the same calls, by tier and by model: the highest is taken, never their sum.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import clock
from orchestrator.providers.usage_report import Fetch, Figure, Query, Wanted, objects, whole
from orchestrator.records import Json

UNLIMITED = 10**12  # int64's largest, and -1, stand for none
PAGE_SIZE = ("pageSize", "200")
_ENDINGS = {"requests": ("_requests", "_requests_per_model"), "tokens": ("_token_count",)}


def headers(key: str) -> dict[str, str]:
    """Return the headers that carry the token."""
    return {"authorization": f"Bearer {key}"}


def figure(api: Json, wanted: Wanted, fetch: Fetch) -> Figure | None:
    """Return what was used, and the tightest limit of a day's row; raises ValueError."""
    if wanted.metric not in _ENDINGS:
        return None
    span_s = max(60, (wanted.now_ms - wanted.start_ms) // 1000)
    kind = "serviceruntime.googleapis.com/quota/rate/net_usage"
    params = (
        ("filter", f'metric.type="{kind}" AND resource.labels.service="{api.get("service", "")}"'),
        ("interval.startTime", clock.iso(wanted.start_ms)),
        ("interval.endTime", clock.iso(wanted.now_ms)),
        ("aggregation.alignmentPeriod", f"{span_s}s"),
        ("aggregation.perSeriesAligner", "ALIGN_SUM"),
        PAGE_SIZE,
    )
    totals: dict[str, int] = {}
    for page in fetch(Query(api["usage_url"], params, "pageToken", "nextPageToken")):
        for name, amount in _series(page):
            totals[name] = totals.get(name, 0) + amount
    used = [amount for name, amount in totals.items() if name.endswith(_ENDINGS[wanted.metric])]
    if not used:
        return None
    if wanted.period != "day" or "limits_url" not in api:
        return max(used), None
    pages = fetch(Query(api["limits_url"], (PAGE_SIZE,), "pageToken", "nextPageToken"))
    bounds = [limit for page in pages for limit in _limits(page, wanted.metric, "1/d/")]
    return max(used), min(bounds, default=None)


def _series(page: Json) -> Iterator[tuple[str, int]]:
    for series in objects(page, "timeSeries"):
        metric = series.get("metric")
        labels = metric.get("labels") if isinstance(metric, dict) else None
        name = labels.get("quota_metric") if isinstance(labels, dict) else None
        for point in objects(series, "points"):
            value = point.get("value")
            if not isinstance(name, str) or not isinstance(value, dict):
                raise TypeError("a point is none")
            yield name, whole(value.get("int64Value"))


def _limits(page: Json, metric: str, unit: str) -> Iterator[int]:
    for row in objects(page, "metrics"):
        if not str(row.get("metric", "")).endswith(_ENDINGS[metric]):
            continue
        for limit in objects(row, "consumerQuotaLimits"):
            for bucket in objects(limit, "quotaBuckets"):
                told = str(bucket.get("effectiveLimit", ""))
                fits = str(limit.get("unit", "")).startswith(unit) and told.isdigit()
                if fits and 0 < int(told) < UNLIMITED:
                    yield int(told)
