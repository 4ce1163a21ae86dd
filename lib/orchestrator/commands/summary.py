"""`summary`: the tasks of the log, one line each, and what they cost by provider."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from orchestrator.commands import screen
from orchestrator.commands.recommendation import dollars
from orchestrator.config import environment, locations
from orchestrator.errors import UsageError
from orchestrator.records import Json
from orchestrator.state.journal import DECISIONS, USAGE
from orchestrator.state.logfile import complete_lines


def main(arguments: list[str]) -> int:
    """Read the two logs once, line by line, and print both lists; what is no JSON is skipped."""
    if arguments:
        raise UsageError("summary takes no arguments; ORCHESTRATE_LOGS names another folder")
    at = locations.locate(environment.read(locations.locate(os.environ).root, os.environ))
    screen.out("Tasks")
    for line in _records(os.path.join(at.logs, DECISIONS)):
        screen.out(f"  {_task(line)}")
    totals: dict[str, list[float]] = {}
    for line in _records(os.path.join(at.logs, USAGE)):
        row = totals.setdefault(line["provider"], [0, 0, 0, 0.0, 0.0])
        row[0] += 1
        row[1] += bool(line["success"])
        row[2] += line["input_tokens"] + line["output_tokens"]
        row[3] += line["cost_usd"]
        row[4] += line["cost_notional_usd"]
    screen.out("\nCost by provider     calls  done     tokens      billed   on a plan")
    totals["all"] = [sum(column) for column in zip(*totals.values(), strict=True)] or [0] * 5
    for name, (calls, done, tokens, billed, notional) in totals.items():
        screen.out(
            f"  {name:<16} {calls:>8.0f} {done:>5.0f} {tokens:>10,.0f} "
            f"{dollars(billed):>11} {dollars(notional):>11}"
        )
    return 0


def _records(path: str) -> Iterator[Json]:
    for line in complete_lines(path):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document


def _task(line: Json) -> str:
    done, advice = line["execution_metrics"], line["recommendation"]
    tried = [f"{a['provider']} {a['error_class'] or 'ok'}" for a in done.get("attempts") or ()]
    went = " -> ".join(tried) or str(advice["provider"])
    cost = dollars(done.get("cost_actual")) if tried else "-"
    text = " ".join(line["task_description"].split())[:44]
    return f"{line['timestamp'][11:19]}  {done['status']:<11}  {cost:>8}  {text:<44}  {went}"
