"""Measure the cost report: time and memory, against one pass of jq over the same decision log."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from typing import NamedTuple

import bench_place
from bench_place import ROOT, START

from orchestrator import clock
from orchestrator.decide import lines
from orchestrator.insight import report_load, report_tables
from orchestrator.state import journal
from orchestrator.work import metrics

TASKS, DAYS, ONE_IN = 200_000, 30, 6  # one task in six needs a second attempt
TEXTS = 40  # different decisions, made by the product; what follows them is drawn by lot
LOOK = (START, "-n", "--json", ROOT)
REPORT = (os.path.join(ROOT, "scripts", "report.sh"), "--days", str(DAYS))
JQ = ("jq", "-n", "reduce (inputs | .execution_metrics.cost_actual // 0) as $usd (0; . + $usd)")
METRICS = report_tables.BREAKDOWNS["by_provider_and_role"]
ROLES = (None, "coder", "reviewer", "planner")


def run() -> None:
    """Print what a report takes on 200,000 tasks, and what jq takes to add up one field of them."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as scratch:
        config = bench_place.config(os.path.join(scratch, "config"))
        environment = bench_place.environment(scratch, config)
        logs = environment["ORCHESTRATE_LOGS"]
        write(logs, decisions(environment, TEXTS), TASKS, clock.now_ms())
        sizes = [
            os.path.getsize(os.path.join(logs, log)) / 1e6
            for log in (journal.DECISIONS, journal.USAGE)
        ]
        print(f"{TASKS:,} decision lines, {sizes[0]:.0f} MB, usage lines {sizes[1]:.0f} MB")
        report = min(_run(REPORT, environment) for _ in range(3))
        print(
            f"report: {report.seconds:.2f} s ({report.cpu_s:.2f} s of processor), "
            f"at most {report.mb:.0f} MB (aim < 300 MB)"
        )
        if shutil.which("jq"):
            path = os.path.join(logs, journal.DECISIONS)
            jq = min(_run((*JQ, path), environment) for _ in range(2))
            times = jq.seconds / report.seconds, jq.cpu_s / report.cpu_s
            print(
                f"one pass of jq over the decisions: {jq.seconds:.2f} s, {times[0]:.1f} x "
                f"(aim >= 4); {times[1]:.1f} x of processor"
            )
        seconds = min(_metrics(logs) for _ in range(3))
        print(f"metrics by provider and role: {seconds:.2f} s (aim < 2)")


def decisions(environment: dict[str, str], count: int) -> list[dict]:
    """Let the product make so many decisions; returns their lines."""
    found = []
    words = ("Fix the loader", "Design a scalable architecture", "Analyze the trends in this data")
    for number in range(count):
        text = " ".join([words[number % len(words)], "and keep the tests green"] * (1 + number % 5))
        out = subprocess.run((*LOOK, text), env=environment, stdout=subprocess.PIPE, check=True)
        found.append(json.loads(out.stdout))
    return found


def write(logs: str, decided: list[dict], tasks: int, now_ms: int) -> None:
    """Write both logs of so many tasks over DAYS days, each line made as the product makes it."""
    os.makedirs(logs, exist_ok=True)
    lot = random.Random(1)
    with (
        open(os.path.join(logs, journal.DECISIONS), "wb") as log,
        open(os.path.join(logs, journal.USAGE), "wb") as usage,
    ):
        for number in range(tasks):
            at_ms = now_ms - (tasks - number) * DAYS * 86_400_000 // tasks
            line, used = _task(decided[number % len(decided)], at_ms, number, lot)
            log.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            usage.writelines(
                json.dumps(attempt, ensure_ascii=False).encode() + b"\n" for attempt in used
            )


def _task(decided: dict, at_ms: int, number: int, lot: random.Random) -> tuple[dict, list[dict]]:
    name = f"{clock.iso(at_ms).replace('-', '').replace(':', '')}-{number:08x}"
    line = {
        **decided,
        "timestamp": clock.iso(at_ms),
        "session_id": f"session-{clock.iso(at_ms)[:10]}",
        "task_id": name,
        "run_id": name,
        "repository": f"/home/somebody/repositories/project-{number % 37}",
    }
    attempts, used = [], []
    for count in range(1 if lot.randrange(ONE_IN) else 2):
        attempt = _attempt(decided["recommendation"], name, at_ms, count, lot)
        attempts.append(attempt)
        money = {key: attempt[key] for key in MONEY}
        record = lines.usage(
            name, attempt, attempt, money, at_ms + attempt["latency_ms"], count + 1
        )
        used.append({**record, "role": lot.choice(ROLES)})
    status = "success" if attempts[-1]["error_class"] is None else "failed"
    done = metrics.finished(line, attempts, status, "delivered")
    return {**line, "execution_metrics": done}, used


MONEY = (
    "cost_usd",
    "cost_notional_usd",
    "cost_source",
    "price_version",
    "booked_day",
    "overshoot_usd",
)


def _attempt(advice: dict, name: str, at_ms: int, count: int, lot: random.Random) -> dict:
    usd = lot.randrange(500_000) / 1e6
    on_plan = lot.randrange(3) == 0
    failed = lot.randrange(20) == 0
    latency_ms = lot.randrange(500, 90_000)
    return {
        "attempt_id": f"{name}-{count + 1}",
        "provider": advice["provider"],
        "model": advice["model"],
        "transport": "api",
        "account": advice["provider"],
        "billing": "subscription" if on_plan else "metered",
        "access": "none",
        "complexity": round(lot.uniform(0, 10), 1),
        "tier": advice.get("tier"),
        "escalated_from": "cheap" if count and lot.randrange(2) else None,
        "fallback_used": count > 0,
        "requests": lot.randrange(1, 12),
        "input_tokens": lot.randrange(500, 400_000),
        "output_tokens": lot.randrange(50, 8000),
        "cached_input_tokens": lot.randrange(0, 400),
        "cache_write_tokens": 0,
        "usage_known": True,
        "error_class": "RATE_LIMIT" if failed else None,
        "error": "Rate limit reached for requests" if failed else None,
        "used_tools": False,
        "wall_at": None,
        "retry_at": None,
        "start_time": clock.iso(at_ms),
        "end_time": clock.iso(at_ms + latency_ms),
        "latency_ms": latency_ms,
        "cost_usd": 0.0 if on_plan else usd,
        "cost_notional_usd": usd if on_plan else 0.0,
        "cost_source": "tokens",
        "price_version": "genai-prices",
        "booked_day": clock.iso(at_ms)[:10],
        "overshoot_usd": 0.0,
    }


def _metrics(logs: str) -> float:
    """Time what a person waits for who asks how each provider did in each role."""
    began = time.monotonic()
    with report_load.opened() as connection:
        report_load.usage(connection, os.path.join(logs, journal.USAGE), "UTC", "1970-01-01")
        connection.execute("CREATE VIEW attempts AS SELECT * FROM usage")
        report_tables.breakdown(connection, METRICS)
    return time.monotonic() - began


class Run(NamedTuple):
    """What a command took: seconds on the clock, seconds of processor, and memory in MB at most."""

    seconds: float
    cpu_s: float
    mb: float


def _run(command: tuple[str, ...], environment: dict[str, str]) -> Run:
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: {command[0]} ended with {process.returncode}")
    seconds = time.monotonic() - began
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
