"""`report`: what was spent, on what, what was saved, and what to do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

import click

from orchestrator import clock
from orchestrator.commands import report_csv, report_page, screen
from orchestrator.commands.clicks import options_of
from orchestrator.config import environment, load
from orchestrator.errors import ConfigError, UsageError
from orchestrator.insight import report, report_period
from orchestrator.insight.report_period import MOST_DAYS, Period
from orchestrator.records import Config, Json

DEFAULT_DAYS = 7  # seed 001, cost report CLI
FORMS = ("page", "summary", "json", "csv")


class Asked(NamedTuple):
    """What the options say of days, and the variable that says it where they don't."""

    days: int | None = None
    since: str | None = None
    until: str | None = None
    this_month: bool = False


class Here(NamedTuple):
    """Where a report is made: the configuration, the environment, and the folder of the logs."""

    config: Config
    environment: dict[str, str]
    logs: str


@click.command(add_help_option=False)
@click.option("--days", type=click.IntRange(1, MOST_DAYS))
@click.option("--since")
@click.option("--until")
@click.option("--this-month", is_flag=True)
@click.option("--current-run", is_flag=True)
@click.option("--provider")
@click.option("--detailed", "--verbose", is_flag=True)
@click.option("--json", "form", flag_value="json")
@click.option("--csv", "form", flag_value="csv")
@click.option("--summary", "form", flag_value="summary")
@click.option("--page", "form", flag_value="page", default="page", hidden=True)
@click.option("--table", type=click.Choice(report.TABLES))
@click.option("--reconcile", is_flag=True)
@click.option("--log")
def _options(**given: object) -> Json:
    return dict(given)


def main(arguments: list[str]) -> int:
    """Print a report; raises UsageError, ConfigError, UnsoundLogError and StorageError."""
    given = options_of(_options, arguments, "scripts/report.sh")
    if given["table"] and given["form"] != "csv":
        raise UsageError("--table chooses what --csv writes; add --csv")
    asked = Asked(given["days"], given["since"], given["until"], given["this_month"])
    there = here(os.environ)
    now_ms = clock.now_ms()
    period = period_of(asked, there, now_ms)
    if given["reconcile"]:
        from orchestrator.commands import reconcile  # HTTP and locks: no other report needs them

        return reconcile.run(
            there, given["log"] or there.logs, period, as_json=given["form"] == "json"
        )
    wanted = report.Wanted(
        given["log"] or there.logs, period, given["provider"], given["current_run"]
    )
    document = report.made(there.config, wanted, now_ms)
    if given["provider"] and not document["total_requests"]:
        _check_provider(there.config, given["provider"])
    shown(document, str(given["form"]), given["table"], detailed=given["detailed"])
    return 0


def here(own: Mapping[str, str]) -> Here:
    """Find the configuration and the logs; raises ConfigError."""
    environ, at = environment.surroundings(own)
    config = environment.adjusted(load.load(at.config), environ)
    return Here(config, environ, at.logs)


def period_of(asked: Asked, there: Here, now_ms: int) -> Period:
    """Choose the days; `COST_REPORT_DAYS` holds where no option does. Raises UsageError."""
    zone = str(there.config.settings["zone"])
    named = asked.since is not None or asked.until is not None
    if [asked.since is not None, asked.this_month, asked.days is not None].count(True) > 1:
        raise UsageError("--days, --since and --this-month exclude each other; give one of them")
    if asked.this_month:
        if named:
            raise UsageError("--this-month ends today; use --since and --until for other days")
        return report_period.this_month(now_ms, zone)
    days = asked.days or _days(there.environment)
    if named:
        return report_period.between(asked.since, asked.until, days, now_ms, zone)
    return report_period.last_days(days, now_ms, zone)


def shown(document: Json, form: str, table: str | None = None, *, detailed: bool = False) -> None:
    """Print a report in one of FORMS."""
    names = (table,) if table else report.TABLES
    if form == "json":
        screen.data({**document, "savings_rows": report.table(document, "savings_rows")})
        return
    safe = screen.harmless_in(document)
    if form == "csv":
        tables = {name: report.table(safe, name) for name in names}
        screen.out(report_csv.written(tables))
        return
    if form == "summary":
        screen.out(report_page.summary(safe))
        return
    tables = {name: report.table(safe, name) for name in names}
    paint = screen.painter(sys.stdout)
    lines = report_page.page(safe, tables, screen.columns(), paint, detailed=detailed)
    screen.out("\n".join(lines), painted=True)


def _days(environ: Mapping[str, str]) -> int:
    told = environ.get("COST_REPORT_DAYS")
    if told is None:
        return DEFAULT_DAYS
    days = environment.number("COST_REPORT_DAYS", told, MOST_DAYS)
    if days < 1 or days != int(days):
        raise ConfigError([f"COST_REPORT_DAYS: is {told!r}: whole days from 1 to {MOST_DAYS}"])
    return int(days)


def _check_provider(config: Config, name: str) -> None:
    """Refuse a provider that neither the configuration nor these days of the log know."""
    if name not in config.providers:
        known = ", ".join(config.providers)
        raise UsageError(f"--provider {name!r} is not known in these days; configured: {known}")
