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
A_DAY = "1/d/{project}"  # the unit of a limit over all models; one of each tells nothing of a sum
PAGE_SIZE = ("pageSize", "200")
_ENDINGS = {"requests": ("_requests", "_requests_per_model"), "tokens": ("_token_count",)}


def headers(key: str) -> dict[str, str]:
    """Return the headers that carry the token."""
    return {"authorization": f"Bearer {key}"}


def figure(api: Json, wanted: Wanted, fetch: Fetch) -> Figure | None:
    """Return what was used of the fullest quota, and for a day's row of how much.

    Raises ValueError, TypeError or KeyError for an answer of another shape.
    """
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
    used = {name: n for name, n in totals.items() if name.endswith(_ENDINGS[wanted.metric])}
    bounds: dict[str, int] = {}
    if used and wanted.period == "day" and "limits_url" in api:
        for page in fetch(Query(api["limits_url"], (PAGE_SIZE,), "pageToken", "nextPageToken")):
            bounds |= _limits(page)
    told = [(amount, bounds.get(name)) for name, amount in used.items()]
    return max(told, key=lambda one: (one[0] / (one[1] or UNLIMITED), one[0]), default=None)


def _series(page: Json) -> Iterator[tuple[str, int]]:
    for series in objects(page, "timeSeries"):
        metric = series.get("metric")
        labels = metric.get("labels") if isinstance(metric, dict) else None
        name = labels.get("quota_metric") if isinstance(labels, dict) else None
        for point in objects(series, "points"):
            value = point.get("value")
            if not isinstance(name, str) or not isinstance(value, dict):
                raise TypeError("a point is none")
            yield name, whole(value["int64Value"])


def _limits(page: Json) -> Iterator[tuple[str, int]]:
    """List the quota metrics with a limit a day, and the tightest of it."""
    for row in objects(page, "metrics"):
        told = [
            int(str(bucket.get("effectiveLimit")))
            for limit in objects(row, "consumerQuotaLimits")
            for bucket in objects(limit, "quotaBuckets")
            if limit.get("unit") == A_DAY and str(bucket.get("effectiveLimit")).isdigit()
        ]
        bounds = [limit for limit in told if 0 < limit < UNLIMITED]
        if bounds and isinstance(row.get("metric"), str):
            yield row["metric"], min(bounds)
