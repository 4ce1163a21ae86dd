"""Warnings as budgets are used up: once per threshold and period (seed 002, section 8.3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from orchestrator import clock
from orchestrator.decide import budgets, limits, windows
from orchestrator.errors import UnsoundError
from orchestrator.records import MICRO, Budget, Config, Json, Total
from orchestrator.state import files, locks, usage
from orchestrator.state.journal import ALERTS, Journal

SCHEMA = 1
CRITICAL_PERCENT = 90


class Watched(NamedTuple):
    """A budget that is watched: whose it is (`total`, or a provider), and how much is used."""

    owner: str
    total: Total


def raised(
    state: str, log: Journal, config: Config, tell: Callable[[str], None], now_ms: int
) -> None:
    """Warn of every threshold newly come to: each into the log, the highest of a budget to `tell`.

    Raises StorageError or TryLaterError.
    """
    zone = str(config.settings["zone"])
    usages = {p.name: usage.load(state, p, now_ms) for p in usage.everybody(state, config)}
    found = [
        alert
        for each in _watched(config, usages, now_ms, zone)
        for alert in _due(each, now_ms, zone)
    ]
    if not found:
        return
    folder = files.ensure_folder(os.path.join(state, ".state"))
    path = os.path.join(folder, "alerts.json")
    with locks.flocked(f"{path}.lock"):
        told = _told(path)
        fresh = [alert for alert in found if _name(alert) not in told]
        if not fresh:
            return
        for alert in fresh:
            log.append(ALERTS, alert)
        day = windows.day_of(now_ms, zone)
        still = {name for name in told if name.split()[1] in (day, day[:7])}  # others tell, too
        names = sorted(still | {_name(alert) for alert in found})
        files.replace(path, {"schema": SCHEMA, "told": names}, fsync=log.fsync)
    highest = {(alert["budget"], alert["period"]): alert for alert in fresh}
    for alert in highest.values():
        for line in described(alert):
            tell(line)


def described(alert: Json) -> list[str]:
    """Write an alert for people."""
    critical = alert["threshold_percent"] >= CRITICAL_PERCENT
    mark = "🔴 CRITICAL" if critical else "⚠️  WARNING"
    whose = "" if alert["budget"] == "total" else f" of {alert['budget']}"
    period = {"day": "Daily", "month": "Monthly"}.get(alert["period"], alert["period"])
    spent, limit = alert["spent_usd"], alert["limit_usd"]
    lines = [
        f"{mark}: {period} budget{whose} at {alert['percent']:.0f}% (${spent:.2f} / ${limit:.2f})",
        f"    Remaining budget: ${alert['remaining_usd']:.2f}",
        f"    Recommended action: {alert['advice']}",
    ]
    if alert["period"] == "month":
        lines.append(f"    Projected for the month: ${alert['projected_usd']:.2f}")
    return [*lines, f"    Next reset: {alert['resets_at'][:16].replace('T', ' ')} UTC"]


def _watched(
    config: Config, usages: Mapping[str, Json], now_ms: int, zone: str
) -> Iterator[Watched]:
    """List the budgets over all providers, and each provider's own money rows."""
    for total in budgets.totals(config.budgets, usages.values(), now_ms, zone):
        yield Watched("total", total)
    for provider in config.providers.values():
        for limit in provider.limits:
            if limit.metric == "cost_usd" and limit.period and limit.scope == "provider":
                spent = limits.spent(usages[provider.name], limit, budgets.ANYBODY, now_ms, zone)
                budget = Budget(limit, config.provider_thresholds)
                yield Watched(provider.name, Total(budget, spent, 0))


def _due(watched: Watched, now_ms: int, zone: str) -> Iterator[Json]:
    """Write an alert for every threshold that is reached, the lowest first."""
    total, row = watched.total, watched.total.budget.row
    share = budgets.percent(total.spent, row.limit)
    period = row.period or "day"
    for threshold in budgets.reached(total.budget.thresholds, share):
        yield {
            "schema": SCHEMA,
            "timestamp": clock.iso(now_ms),
            "kind": "budget",
            "budget": watched.owner,
            "period": period,
            "slot": windows.slot_of(row, now_ms, zone),
            "threshold_percent": threshold.percent,
            "percent": round(share, 2),
            "spent_usd": total.spent / MICRO,
            "limit_usd": row.limit / MICRO,
            "remaining_usd": max(0, row.limit - total.spent) / MICRO,
            "projected_usd": round(budgets.projected(total, now_ms, zone) / MICRO, 6),
            "action": threshold.action,
            "advice": threshold.advice,
            "resets_at": clock.iso(windows.next_period(period, now_ms, zone)),
        }


def _name(alert: Json) -> str:
    """Name an alert: it is raised once under its name."""
    return f"{alert['budget']} {alert['slot']} {alert['threshold_percent']:g}%"


def _told(path: str) -> list[str]:
    """Read what was told already; of a broken file everything is told once more."""
    try:
        document = files.read_json(path) or {}
    except UnsoundError:
        return []
    told = document.get("told")
    return told if isinstance(told, list) else []
