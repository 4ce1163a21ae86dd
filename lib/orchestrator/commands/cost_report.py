"""`cost-report`: the report by the words of seed 001, as a command and as Python classes."""

from __future__ import annotations

import os
from typing import NamedTuple

from orchestrator import clock
from orchestrator.commands import report as reports
from orchestrator.commands import screen
from orchestrator.errors import UsageError
from orchestrator.insight.report import Wanted, made
from orchestrator.records import Json

COMMANDS = {"report": (), "summary": ("--summary",), "provider-breakdown": ("--detailed",)}
HELP = """\
python3 lib/cost_report.py report [--days N] [--verbose] [--json]
python3 lib/cost_report.py summary [--days N]
python3 lib/cost_report.py provider-breakdown --provider P [--days N]

The last 7 days, or COST_REPORT_DAYS, when --days is left out; scripts/report.sh --help lists
every option, all of which are known here, too."""


class CostReport(NamedTuple):
    """A report; money in USD, latency in milliseconds, the whole of it in `document`."""

    total_requests: int
    successful_requests: int
    failed_requests: int
    success_rate: float  # percent
    total_cost: float  # billed
    notional_cost: float  # on plans, at list prices
    baseline_cost: float
    savings: float
    savings_percent: float
    avg_latency_ms: float
    provider_breakdown: list[Json]
    document: Json


class CostReportGenerator:
    """Makes reports of one log: a usage log, or the folder of the logs; ours when none is named."""

    def __init__(self, log_path: str | None = None) -> None:
        """Keep where the log is; raises ConfigError."""
        self._here = reports.here(os.environ)
        self._log = self._here.logs if log_path is None else os.fspath(log_path)

    def generate_report(self, days: int | None = None) -> CostReport:
        """Make the report of the last days; raises UsageError, UnsoundLogError and StorageError."""
        now_ms = clock.now_ms()
        period = reports.period_of(reports.Asked(days), self._here, now_ms)
        document = made(self._here.config, Wanted(self._log, period), now_ms)
        savings = document["savings"] or {}
        return CostReport(
            total_requests=document["total_requests"],
            successful_requests=document["successful_requests"],
            failed_requests=document["failed_requests"],
            success_rate=document["success_percent"] or 0.0,
            total_cost=document["total_cost_usd"],
            notional_cost=document["total_notional_usd"],
            baseline_cost=savings.get("baseline_usd", 0.0),
            savings=savings.get("savings_usd", 0.0),
            savings_percent=savings.get("savings_percent") or 0.0,
            avg_latency_ms=document["average_latency_ms"] or 0.0,
            provider_breakdown=document["by_provider"],
            document=document,
        )

    def print_report(self, report: CostReport, verbose: bool = False) -> None:  # noqa: FBT001, FBT002 the seed's signature
        """Print a report, every table of it when `verbose`."""
        reports.shown(report.document, "page", detailed=verbose)


def main(arguments: list[str]) -> int:
    """Run one of COMMANDS; raises UsageError, and what a report raises."""
    if {"-h", "--help"} & set(arguments):
        screen.out(HELP)
        return 0
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        raise UsageError(f"name a command: {', '.join(COMMANDS)}")
    if name == "provider-breakdown" and not any(word.startswith("--provider") for word in rest):
        raise UsageError("provider-breakdown needs --provider P")
    return reports.main([*COMMANDS[name], *rest])
