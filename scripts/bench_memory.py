"""Measure the most memory a command holds: it does not grow with the length of the logs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from typing import NamedTuple

import bench_place
from bench_place import ROOT, START

from orchestrator.state import inflight, journal

SIZES_MB = (10, 1000)
LOOK = (START, "-n", "--json", ROOT, "Fix the loader")
RECOVER = (START, "-q", ROOT, "Fix the loader")
REPAIR = (os.path.join(ROOT, "scripts", "repair_state.sh"), "--anew")
USAGE_LINE = {
    "schema": 1,
    "provider": "codex",
    "model": "gpt",
    "account": "openai",
    "billing": "metered",
    "requests": 1,
    "input_tokens": 900,
    "output_tokens": 100,
    "cost_usd": 0.01,
    "cost_notional_usd": 0.0,
    "outcome": "ok",
}


class Peak(NamedTuple):
    """What a command took at most: resident memory in MB, and seconds."""

    mb: float
    seconds: float


def run() -> None:
    """Print the peaks of a decision, of a recovery and of books built anew, for two log sizes."""
    peaks = [_peaks(size) for size in SIZES_MB]
    for what, small in peaks[0].items():
        large = peaks[1][what]
        print(
            f"{what}: at most {small.mb:.1f} MB with logs of {SIZES_MB[0]} MB, {large.mb:.1f} MB "
            f"with {SIZES_MB[1]} MB: {large.mb / small.mb:.2f} x (aim <= 1.1); "
            f"{small.seconds:.2f} s and {large.seconds:.2f} s"
        )


def _peaks(log_mb: int) -> dict[str, Peak]:
    with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as scratch:
        config = bench_place.config(os.path.join(scratch, "config"))
        environment = bench_place.environment(scratch, config)
        line = json.loads(_output(LOOK, environment))
        logs = environment["ORCHESTRATE_LOGS"]
        _write(os.path.join(logs, journal.DECISIONS), line, log_mb)
        _write(os.path.join(logs, journal.USAGE), {**line, **USAGE_LINE}, log_mb)
        found = {"decision": _peak(LOOK, environment)}
        # Without offsets the whole log is searched, which is the most a recovery ever does.
        state, task_id = environment["ORCHESTRATE_STATE"], "20261120T093000.000Z-0123abcd"
        left = inflight.begin(
            state, task_id, "coder", line={**line, "task_id": task_id}, offsets={}
        )
        left.release()
        found["recovery"] = _peak(RECOVER, environment)
        if inflight.any_listed(state):
            raise SystemExit("bench: nothing was recovered")
        found["books built anew"] = _peak(REPAIR, environment)
        return found


def _write(path: str, line: dict[str, object], log_mb: int) -> None:
    """Write a log of so many megabytes; its lines differ in nothing but their number."""
    with open(path, "wb") as file:
        number, size = 0, 0
        while size < log_mb * 1_000_000:
            block = b""
            for _ in range(500):
                name = f"20261119T000000.000Z-{number:08x}"
                named = {
                    **line,
                    "task_id": name,
                    "attempt_id": f"{name}-1",
                    "booked_day": "2026-11-19",
                }
                block += json.dumps(named).encode() + b"\n"
                number += 1
            for _ in range(20):  # the same five hundred, twenty times: it is quicker
                size += file.write(block)


def _output(command: tuple[str, ...], environment: dict[str, str]) -> bytes:
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout


def _peak(command: tuple[str, ...], environment: dict[str, str]) -> Peak:
    """Run a command; what it exits with does not matter here."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Peak(used.ru_maxrss / 1024, time.monotonic() - began)
