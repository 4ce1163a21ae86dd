"""The cost report as one document: everything a page, JSON or CSV shows is in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from orchestrator import clock
from orchestrator.decide import budgets, models, windows
from orchestrator.errors import UsageError
from orchestrator.insight import (
    report_advice,
    report_load,
    report_period,
    report_savings,
    report_tables,
)
from orchestrator.insight.report_period import Period
from orchestrator.insight.report_tables import BREAKDOWNS, Scope, percent, rows, usd
from orchestrator.records import MICRO, Budget, Config, Json, Total
from orchestrator.state.journal import DECISIONS, USAGE

if TYPE_CHECKING:
    import duckdb

SCHEMA = 1
RAN = ("success", "failed", "interrupted")
SLACK_MS = 2 * windows.DAY_MS  # a task is decided before its calls are booked
# Each is a list of rows in the document; `savings_rows` are those of the baseline.
TABLES = (
    *BREAKDOWNS,
    "escalation_by_tier",
    "escalation_by_complexity",
    "estimates",
    "unpriced",
    "savings_rows",
)


class Wanted(NamedTuple):
    """What a report is asked for; `log` is a usage log or the folder of the logs."""

    log: str
    period: Period
    provider: str | None = None
    current_run: bool = False


def logs_of(path: str) -> tuple[str, str]:
    """Name the usage log and the decision log: both in a folder, or beside a usage log."""
    is_log = os.path.isfile(path) or path.endswith(os.path.splitext(USAGE)[1])
    folder = os.path.dirname(path) if is_log else path
    return path if is_log else os.path.join(path, USAGE), os.path.join(folder, DECISIONS)


def made(config: Config, wanted: Wanted, now_ms: int) -> Json:
    """Make the document; raises UsageError, UnsoundLogError, ConfigError and StorageError."""
    zone = str(config.settings["zone"])
    today, period = windows.day_of(now_ms, zone), wanted.period
    from_ms, to_ms = report_period.bounds_ms(period, zone)
    with report_load.opened() as connection:
        usage, decisions = logs_of(wanted.log)
        from_day = min(period.since, f"{today[:7]}-01")
        read = report_load.usage(connection, usage, zone, from_day)
        read += report_load.tasks(connection, decisions, from_ms - SLACK_MS)
        scope = Scope(period, from_ms, to_ms, wanted.provider)
        if wanted.current_run:
            scope = scope._replace(run=report_tables.newest_run(connection))
            if scope.run is None:
                why = f"no task in the {period.days} days until {period.until}"
                raise UsageError(f"{decisions}: {why}; --days looks further back")
        report_tables.choose(connection, scope)
        document = {
            "schema": SCHEMA,
            "timestamp": clock.iso(now_ms),
            "period": {**period._asdict(), "days": period.days, "zone": zone},
            "provider": wanted.provider,
            "run": _named(scope),
            "logs": read,
            **_figures(connection),
            **_simple(connection, config),
            "savings": report_savings.described(connection, config, today),
        }
        found = _spent(connection, config, today)
    if scope.run is not None:
        document["run_projected_usd"] = projected(
            document["total_cost_usd"], document["tasks_run"], document["total_tasks"]
        )
    document["budgets"] = {
        name: {key: value for key, value in row.items() if key != "reserved_usd"}
        for name, row in budgets.described(found, now_ms, zone).items()
    }
    tiers = models.tiers(config)
    document["recommendations"] = list(report_advice.advice(document, found, tiers))
    return document


def projected(cost_usd: float, done: int, tasks: int) -> float | None:
    """Tell what a run will have cost in USD when its other tasks cost as much as those that ran."""
    return round(cost_usd * tasks / done, 6) if done else None


def table(document: Json, name: str) -> list[Json]:
    """Take one of TABLES out of a document."""
    if name == "savings_rows":
        return list(document["savings"]["rows"]) if document["savings"] else []
    return list(document[name])


def booked(log: str, zone: str, accounts: list[str], since: str, until: str) -> dict[str, int]:
    """Sum what was booked as billed by account over days of UTC, in micro-USD."""
    with report_load.opened() as connection:
        usage, _ = logs_of(log)
        report_load.usage(connection, usage, zone, report_period.before(since, 2))
        found = {}
        for account in accounts:
            given = {"account": account, "since": since, "until": until}
            row = connection.execute(report_tables.BY_ACCOUNT, given).fetchone()
            found[account] = round(row[0] * MICRO) if row else 0
        return found


def _named(scope: Scope) -> str | None:
    return None if scope.run is None else scope.run[0] or scope.run[1]


def _figures(connection: duckdb.DuckDBPyConnection) -> Json:
    """Draw all tables, and the figures over all of them."""
    totals = report_tables.totals(connection)
    value = totals["cost_usd"] + totals["cost_notional_usd"]
    statuses = dict(connection.execute(report_tables.STATUSES).fetchall())
    ran = sum(statuses.get(status, 0) for status in RAN)
    tried, fell_back, escalated = _row(connection, report_tables.FELL_BACK)
    shown = report_tables.finished(totals, value)
    money = {"total_cost_usd": usd(totals["cost_usd"])}
    money["total_notional_usd"] = usd(totals["cost_notional_usd"])
    left = ("requests", "tasks", "cost_usd", "cost_notional_usd", "share_percent", "fallbacks")
    estimates = rows(connection, report_tables.ESTIMATES)
    return {
        "total_requests": totals["requests"],
        **money,
        **{name: shown[name] for name in shown if name not in (*left, "escalations")},
        "total_tasks": sum(statuses.values()),
        "tasks_run": ran,
        "tasks_by_status": statuses,
        "task_success_percent": percent(statuses.get("success", 0), ran),
        "fallback_tasks": fell_back,
        "fallback_percent": percent(fell_back, tried),
        "escalated_tasks": escalated,
        "escalation_percent": percent(escalated, tried),
        "estimate": _estimate(estimates),
        **{
            name: [
                report_tables.finished(row, value)
                for row in report_tables.breakdown(connection, each)
            ]
            for name, each in BREAKDOWNS.items()
        },
        "escalation_by_tier": _escalated(connection, report_tables.ESCALATION_BY_TIER),
        "escalation_by_complexity": _escalated(connection, report_tables.ESCALATION_BY_COMPLEXITY),
        "estimates": [_compared(row) for row in estimates],
        "unpriced": rows(connection, report_tables.UNPRICED),
    }


def _simple(connection: duckdb.DuckDBPyConnection, config: Config) -> Json:
    """Count the tasks of the lowest tier, and those of them that began on another."""
    lowest = config.settings["tiers"][0]
    given = {"tier": lowest["name"], "below": lowest["below"]}
    simple, dearer = _row(connection, report_tables.SIMPLE_ON_DEARER, given)
    return {"simple_tasks": simple, "simple_tasks_on_dearer_tiers": dearer}


def _row(connection: duckdb.DuckDBPyConnection, query: str, given: Json | None = None) -> list[int]:
    return [*(connection.execute(query, given or {}).fetchone() or ())]


def _escalated(connection: duckdb.DuckDBPyConnection, query: str) -> list[Json]:
    return [
        {**row, "escalated_percent": percent(row["escalated_tasks"], row["tasks"])}
        for row in rows(connection, query)
    ]


def _estimate(estimates: list[Json]) -> Json:
    """Sum estimates and what became of them over all providers."""
    whole = {name: sum(row[name] for row in estimates) for name in ESTIMATED}
    return _compared(whole)


ESTIMATED = ("tasks", "estimated_usd", "actual_usd")


def _compared(row: Json) -> Json:
    difference = row["actual_usd"] - row["estimated_usd"]
    return {
        **row,
        "estimated_usd": usd(row["estimated_usd"]),
        "actual_usd": usd(row["actual_usd"]),
        "difference_usd": usd(difference),
        "difference_percent": percent(difference, row["estimated_usd"]),
    }


def _spent(connection: duckdb.DuckDBPyConnection, config: Config, today: str) -> tuple[Total, ...]:
    """Tell what the logs say was billed of each budget; all providers count, asked for or not."""
    day, month = report_tables.spent(connection, today)
    spent = {"day": round(day * MICRO), "month": round(month * MICRO)}
    return tuple(Total(budget, spent[_period(budget)], 0) for budget in config.budgets)


def _period(budget: Budget) -> str:
    return budget.row.period or "day"
