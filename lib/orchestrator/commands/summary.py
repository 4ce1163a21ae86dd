"""`summary`: the tasks of the log, one line each, and what they cost by provider."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from orchestrator.commands import screen
from orchestrator.commands.recommendation import dollars
from orchestrator.config import environment
from orchestrator.errors import UsageError
from orchestrator.records import Json
from orchestrator.state.journal import DECISIONS, USAGE
from orchestrator.state.logfile import complete_lines


def main(arguments: list[str]) -> int:
    """Read the two logs once, line by line, and print both lists; what is no JSON is skipped."""
    if arguments:
        raise UsageError("summary takes no arguments; ORCHESTRATE_LOGS names another folder")
    _, at = environment.surroundings(os.environ)
    screen.out("Tasks")
    for line in _records(os.path.join(at.logs, DECISIONS)):
        screen.out(f"  {_task(line)}")
    totals: dict[str, list[float]] = {}  # what is unpriced is counted beside each sum
    for line in _records(os.path.join(at.logs, USAGE)):
        row = totals.setdefault(line["provider"], [0] * 7)
        row[0] += 1
        row[1] += bool(line["success"])
        row[2] += line["input_tokens"] + line["output_tokens"]
        for column, name in ((3, "cost_usd"), (5, "cost_notional_usd")):
            row[column] += line[name] or 0
            row[column + 1] += line[name] is None
    screen.out("\nCost by provider     calls  done     tokens      billed   on a plan")
    totals["all"] = [sum(column) for column in zip(*totals.values(), strict=True)] or [0] * 7
    for name, (calls, done, tokens, *money) in totals.items():
        screen.out(
            f"  {name:<16} {calls:>8.0f} {done:>5.0f} {tokens:>10,.0f} "
            f"{_sum(*money[:2]):>11} {_sum(*money[2:]):>11}"
        )
    return 0


def _sum(amount: float | None, unpriced: float) -> str:
    """Write a sum of money; with calls that nobody priced in it, it is at least that."""
    if not unpriced:
        return dollars(amount)
    return f"≥{dollars(amount)}" if amount else dollars(None)


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
    cost = _sum(done.get("cost_actual"), done.get("unpriced_attempts", 0)) if tried else "-"
    text = " ".join(line["task_description"].split())[:44]
    return f"{line['timestamp'][11:19]}  {done['status']:<11}  {cost:>8}  {text:<44}  {went}"
