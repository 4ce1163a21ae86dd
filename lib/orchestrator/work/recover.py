"""Finish what dead owners left behind, from the first step missing of the commit protocol.

reserve -> run -> outcome -> settle -> usage line -> decision line -> unlink.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence

from orchestrator import clock
from orchestrator import records as r
from orchestrator.config.prices import version_of
from orchestrator.decide import lines
from orchestrator.providers import descendants, process
from orchestrator.records import Config, Json, Turn
from orchestrator.state import deferred, files, inflight, logfile
from orchestrator.state.inflight import InFlight
from orchestrator.state.journal import BEGINNING, DECISIONS, USAGE, Journal
from orchestrator.state.ledger import Ledger
from orchestrator.work import metrics, settlement


def run(state: str, logs: str, config: Config) -> list[Json]:
    """Recover every task whose owner is dead; returns their decision lines.

    A call whose owner died settles at its reservation and is recorded as interrupted.
    """
    ledger = Ledger(state, config, logs)
    log = Journal(logs, fsync=bool(config.settings["fsync"]))
    found = []
    for running, steps in inflight.orphans(state):
        found.append(_replay(running, steps, ledger, log) if steps else {})
        running.close()
    for folder in (state, os.path.join(state, ".state")):
        files.sweep(folder)
    return found


def _replay(running: InFlight, steps: list[Json], ledger: Ledger, log: Journal) -> Json:
    begin = steps[0]
    line, offsets = begin["line"], begin["offsets"]
    attempts: list[Json] = []
    ended = next((step for step in steps if step["step"] == "final"), {"line": None})
    final, leaves, results = ended["line"], ended.get("leaves"), ended.get("results")
    outcomes = {s["usage"]["attempt_id"]: s for s in steps if s["step"] == "outcome"}
    _ended(steps)
    for step in (each for each in steps if each["step"] == "attempt"):
        outcome = outcomes.get(step["route"]["attempt_id"]) or _interrupted(step, running, ledger)
        if outcome is None:
            continue  # it got no room: nothing was run
        provider, usage = step["route"]["provider"], outcome["usage"]
        ledger.settle(usage["attempt_id"], provider, Turn(**outcome["used"]), outcome["counted_ms"])
        attempts.append(_facts(usage) | step.get("tree", {}))
        if not log.holds(USAGE, offsets.get(USAGE, BEGINNING), "attempt_id", usage["attempt_id"]):
            log.append(USAGE, usage)
    if final is None:
        done = metrics.finished(line, attempts, "interrupted", r.STOPPED)
        final = {**line, "execution_metrics": done}
    if not log.holds(DECISIONS, offsets.get(DECISIONS, BEGINNING), "task_id", line["task_id"]):
        log.append(DECISIONS, final)
    if results is not None:
        _results(results, offsets.get(inflight.RESULTS, BEGINNING), fsync=log.fsync)
    if leaves is not None:
        deferred.leave(log, leaves)
    final_line: Json = final
    return final_line


def _results(results: Json, since: Sequence[int], *, fsync: bool) -> None:
    """Add what a batch has not got yet of a task's results: the answers are paid for."""
    path, (inode, offset) = results["log"], since
    start = offset if logfile.mark_of(path)[0] == inode else 0
    there = set()
    for line in logfile.complete_lines(path, start):
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            there.add((row["task_id"], row["node_id"]))
    for row in results["rows"]:
        if (row["task_id"], row["node_id"]) not in there:
            logfile.append(path, row, fsync=fsync)


def _interrupted(step: Json, running: InFlight, ledger: Ledger) -> Json | None:
    """Note the outcome of an attempt whose owner died: its reservation; None when it had none.

    It is noted before anything is settled, so that a recovery that is cut off is recovered alike.
    """
    route = step["route"]
    attempt_id, provider = route["attempt_id"], route["provider"]
    held = ledger.held(attempt_id, provider)
    if held is None:
        return None
    now_ms, rest = clock.now_ms(), Turn(*(held[name] for name in Turn._fields))
    used = settlement.more(Turn(*held["done"]), rest)
    config, day, billing = ledger.config, held["booked_day"], route["billing"]
    source = settlement.estimated(config, provider, route["model"], billing, used, day)
    version = version_of(config, provider, route["model"])
    money = settlement.money_facts(billing, used, source, used, version, day)
    told = {
        "requests": used.requests,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "latency_ms": now_ms - held["at_ms"],
        "error_class": r.INTERRUPTED,
        "error": "its process died; settled at its reservation",
    }
    task_id = attempt_id.rpartition("-")[0]
    usage = lines.usage(task_id, route, told, money, now_ms, step["number"])
    outcome: Json = {"used": used._asdict(), "counted_ms": None, "usage": usage}
    running.note("outcome", **outcome)
    return outcome


def _facts(usage: Json) -> Json:
    """Write an attempt for the decision line from its usage line."""
    end_ms = clock.parse(usage["timestamp"])
    error_class = None if usage["outcome"] == "ok" else usage["outcome"]
    times = {
        "start_time": clock.iso(end_ms - usage["latency_ms"]),
        "end_time": usage["timestamp"],
        "error_class": error_class,
    }
    return {key: value for key, value in usage.items() if key not in ("schema", "task_id")} | times


def _ended(steps: list[Json]) -> None:
    """End what still runs of a task; then remove its prompts, settings, sessions and servers."""
    for step in steps:
        if step["step"] == "child":
            _end_orphan(step)
    for step in steps:
        ours = step["step"] == "private" and os.path.basename(step["folder"])
        if ours and ours.startswith(inflight.PRIVATE):
            shutil.rmtree(step["folder"], ignore_errors=True)


def _end_orphan(step: Json) -> None:
    """End the process group of a client that outlived its owner; a reused id is left alone."""
    start_time = step["start_time"]
    if start_time and process.start_time_of(step["pid"]) == start_time:
        process.end_group(step["pid"])
    if step.get("mark"):
        descendants.end_marked(step["mark"])
