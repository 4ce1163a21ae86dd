"""Measure how long it takes to poll a gigabyte of a client's records a second time.

A thousand sessions of claude are written to a folder of this measurement's own, read once, then
again with a line added to some.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from orchestrator import clock
from orchestrator.providers import claude_records
from orchestrator.records import Limit
from orchestrator.state import appended, polling
from orchestrator.work.client_records import ClaudeRecords

MEGABYTES, FILES, ADDED, ROUNDS = 1024, 1000, 20, 5
LIMITS = (Limit("tokens", 18_000, None, 10**9, 80, "account"),)
PATTERN = appended.Pattern("", ".jsonl", claude_records.MARK)


def run() -> None:
    """Print how long the first and a later poll take, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as private:
        folder, state = Path(private) / "projects", str(Path(private) / "state")
        paths = _written(folder, MEGABYTES * 1_000_000 // FILES)
        polling.claim(state, [], [], 0)  # makes the folder
        first_ms, later_ms = _poll(folder, state), []
        for number in range(ROUNDS):
            for path in paths[:ADDED]:
                with path.open("ab") as file:
                    file.write(_line(f"added {number} {path.name}"))
            later_ms.append(_poll(folder, state))
    print(
        f"records of {MEGABYTES} MB in {FILES} files: read in {first_ms:.0f} ms, polled again in "
        f"{max(later_ms):.0f} ms at most (aim < 100 ms)"
    )


def _written(folder: Path, size: int) -> list[Path]:
    """Write sessions: one answer to forty lines of what tools returned."""
    paths = [folder / f"project {n % 40}" / f"{n}.jsonl" for n in range(FILES)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        output = json.dumps({"type": "user", "message": {"content": "x" * 4000}}).encode() + b"\n"
        block = output * 40
        with path.open("wb") as file:
            for number in range(max(1, size // len(block))):
                file.write(block + _line(f"{path.name} {number}"))
    return paths


def _line(name: str) -> bytes:
    usage = {"input_tokens": 12, "cache_read_input_tokens": 30_000, "output_tokens": 400}
    message = {"id": name, "model": "claude-opus-5-5", "usage": usage}
    line = {"type": "assistant", "timestamp": clock.iso(clock.now_ms()), "message": message}
    return json.dumps(line).encode() + b"\n"


def _poll(folder: Path, state: str) -> float:
    """Do what a poll does with a client's records, from what was kept to what is kept."""
    began, now_ms = time.perf_counter(), clock.now_ms()
    kept = polling.read_so_far(state, "claude")
    records = ClaudeRecords(LIMITS, "plan", now_ms, "UTC", kept)
    known = {path: tuple(row) for path, row in kept.get("files", {}).items()}
    files, problems = appended.read(str(folder), PATTERN, known, records.since_ms, records.take)
    if problems or not records.seen()[0].used:
        raise SystemExit(f"nothing was read: {problems}")
    polling.keep(state, "claude", {"files": files, **records.kept()})
    return 1000 * (time.perf_counter() - began)
