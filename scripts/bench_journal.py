"""Measure 16 processes that append lines of 1.5 KB to one log, beside a plain blocking flock."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable

import bench_crowd

from orchestrator.state.journal import USAGE, Journal

PROCESSES = 16
RECORD = {"attempt_id": "20261120T093000.000Z-0123abcd-1", "padding": "x" * 1430}


def run() -> None:
    """Print lines a second, without and with fsync."""
    for fsync in (False, True):
        with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as folder:
            ours = bench_crowd.pace(PROCESSES, lambda _, f=folder, s=fsync: _append(f, fsync=s))
            plain = bench_crowd.pace(PROCESSES, lambda _, f=folder, s=fsync: _plain(f, fsync=s))
        print(
            f"journal append, fsync {'on' if fsync else 'off'}: {ours.each_second:.0f} lines/s, "
            f"p99 {ours.p99_ms:.1f} ms{'' if fsync else ' (aim >= 5000 lines/s)'}; plain flock "
            f"beside it {plain.each_second:.0f} lines/s, p99 {plain.p99_ms:.1f} ms"
        )


def _append(folder: str, *, fsync: bool) -> list[Callable[[], None]]:
    log = Journal(folder, fsync=fsync)
    return [lambda: log.append(USAGE, RECORD)]


def _plain(folder: str, *, fsync: bool) -> list[Callable[[], None]]:
    path = os.path.join(folder, "plain")
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def act() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            os.write(log, json.dumps(RECORD).encode() + b"\n")
            if fsync:
                os.fsync(log)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    return [act]
