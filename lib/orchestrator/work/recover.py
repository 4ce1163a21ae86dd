"""Finish what dead owners left behind, from the first step missing of the commit protocol.

reserve -> run -> outcome -> settle -> usage line -> decision line -> unlink.
"""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.decide import lines
from orchestrator.providers import process
from orchestrator.records import Config, Json, Turn
from orchestrator.state import inflight
from orchestrator.state.journal import DECISIONS, USAGE, Journal
from orchestrator.state.ledger import Ledger
from orchestrator.work import metrics

MICRO = 1_000_000


def run(state: str, logs: str, config: Config) -> bool:
    """Recover every task whose owner is dead; True when there was one.

    A call whose owner died settles at its reservation and is recorded as interrupted.
    """
    ledger = Ledger(state, config)
    log = Journal(logs, fsync=bool(config.settings["fsync"]))
    found = False
    for running, steps in inflight.orphans(state):
        found = True
        if steps:
            _replay(steps, ledger, log)
        running.close()
    return found


def _replay(steps: list[Json], ledger: Ledger, log: Journal) -> None:
    begin = steps[0]
    line, offsets = begin["line"], begin["offsets"]
    attempts: list[Json] = []
    final = next((step["line"] for step in steps if step["step"] == "final"), None)
    for position, step in enumerate(steps):
        if step["step"] == "child":
            _end_orphan(step)
        if step["step"] != "attempt":
            continue
        later = steps[position + 1 :]
        outcome = next((s for s in later if s["step"] in ("outcome", "attempt")), None)
        if outcome is not None and outcome["step"] == "attempt":
            continue  # it got no room: nothing was run
        usage = _attempt(step, outcome, ledger)
        if usage is None:
            continue
        attempts.append(_facts(usage))
        if not log.holds(USAGE, offsets.get(USAGE, 0), "attempt_id", usage["attempt_id"]):
            log.append(USAGE, usage)
    if final is None:
        done = metrics.finished(line, attempts, "interrupted", r.STOPPED)
        final = {**line, "execution_metrics": done}
    if not log.holds(DECISIONS, offsets.get(DECISIONS, 0), "task_id", line["task_id"]):
        log.append(DECISIONS, final)


def _attempt(step: Json, outcome: Json | None, ledger: Ledger) -> Json | None:
    """Settle one attempt and return its usage line; None when it never had a reservation."""
    route = step["route"]
    attempt_id, provider = route["attempt_id"], route["provider"]
    if outcome is not None:
        if provider in ledger.config.providers:
            ledger.settle(attempt_id, provider, Turn(**outcome["rest"]), outcome["sent_ms"])
        usage: Json = outcome["usage"]
        return usage
    held = (
        ledger.settle(attempt_id, provider, None) if provider in ledger.config.providers else None
    )
    if held is None:
        return None
    now_ms = clock.now_ms()
    usd, metered = held["cost_micro_usd"] / MICRO, route["billing"] == "metered"
    money = {
        "cost_usd": usd if metered else 0.0,
        "cost_notional_usd": 0.0 if metered else usd,
        "cost_source": "estimate",
        "price_version": ledger.config.price_version,
        "booked_day": held["booked_day"],
        "overshoot_usd": 0.0,
    }
    told = {
        "requests": held["requests"],
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_input_tokens": 0,
        "latency_ms": now_ms - held["at_ms"],
        "error_class": r.INTERRUPTED,
        "error": "its process died; settled at its reservation",
    }
    task_id = attempt_id.rpartition("-")[0]
    return lines.usage(task_id, route, told, money, now_ms, step["number"])


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


def _end_orphan(step: Json) -> None:
    """End the process group of a client that outlived its owner; a reused id is left alone."""
    start_time = step["start_time"]
    if start_time and process.start_time_of(step["pid"]) == start_time:
        process.end_group(step["pid"])
