"""The cost report as a program and a module of its own (seed 001, cost report CLI and Python API).

python3 lib/cost_report.py report [--days N] [--verbose] [--json]
python3 lib/cost_report.py summary [--days N]
python3 lib/cost_report.py provider-breakdown --provider P [--days N]
from lib.cost_report import CostReportGenerator

It finds the project's packages by itself: `.venv` where this Python has no DuckDB.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import sys
from typing import Any, NamedTuple

_LIB = os.path.dirname(os.path.abspath(__file__))
_VENV = os.path.join(os.path.dirname(_LIB), ".venv")
_COMMANDS = {"report": (), "summary": ("--summary",), "provider-breakdown": ("--detailed",)}


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
    provider_breakdown: list[dict[str, Any]]
    document: dict[str, Any]


class CostReportGenerator:
    """Makes reports of one log: a usage log, or the folder of the logs; ours when none is named."""

    def __init__(self, log_path: str | None = None) -> None:
        """Keep where the log is; raises ConfigError."""
        _find_packages()
        from orchestrator.commands import report

        self._here = report.here(os.environ)
        self._log = os.fspath(log_path) if log_path is not None else self._here.logs

    def generate_report(self, days: int | None = None) -> CostReport:
        """Make the report of the last days; raises OrchestratorError."""
        from orchestrator import clock
        from orchestrator.commands import report
        from orchestrator.insight.report import Wanted, made

        now_ms = clock.now_ms()
        period = report.period_of(report.Asked(days), self._here, now_ms)
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
        from orchestrator.commands.report import shown

        shown(report.document, "page", detailed=verbose)


def main(arguments: list[str]) -> None:
    """Run one command and end the process with its exit code."""
    from orchestrator.commands import console, screen

    if arguments[:1] in (["-h"], ["--help"]):
        screen.out(str(__doc__))
        sys.exit(0)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name not in _COMMANDS:
        screen.error(f"name a command: {', '.join(_COMMANDS)}")
        sys.exit(2)
    if name == "provider-breakdown" and not any(word.startswith("--provider") for word in rest):
        screen.error("provider-breakdown needs --provider P")
        sys.exit(2)
    console(["report", *_COMMANDS[name], *rest])


def _find_packages() -> None:
    """Make this project's own package and DuckDB importable; this Python's packages come first."""
    if _LIB not in sys.path:
        sys.path.append(_LIB)
    if importlib.util.find_spec("duckdb") is None:
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        sys.path += glob.glob(os.path.join(glob.escape(_VENV), "lib", version, "site-packages"))


def _start() -> None:
    """Go on with the interpreter of the project where this one can't make a report."""
    python = os.path.join(_VENV, "bin", "python")
    ours = os.path.realpath(sys.prefix) == os.path.realpath(_VENV)
    if not ours and importlib.util.find_spec("duckdb") is None and os.access(python, os.X_OK):
        words = [python, "-I", "-X", "utf8", os.path.abspath(__file__), *sys.argv[1:]]
        os.execv(python, words)  # noqa: S606 no shell is wanted
    _find_packages()
    main(sys.argv[1:])


if __name__ == "__main__":
    _start()
