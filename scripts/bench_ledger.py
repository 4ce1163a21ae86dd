"""Measure 64 processes that reserve and settle, beside a plain blocking flock on such a file."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable

import bench_crowd
from bench_place import ROOT

from orchestrator.config import load
from orchestrator.decide import limits
from orchestrator.records import Config, Turn
from orchestrator.state import usage
from orchestrator.state.ledger import Ledger

PROCESSES = 64
AIMS = {False: ">= 500 pairs/s, p99 < 500 ms", True: ">= 250 pairs/s"}
TURN = Turn(1, 1000, 1000)
PAYER = limits.Payer("openai", "gpt", metered=True)


def run() -> None:
    """Print pairs a second and the longest wait of 99 in 100 calls, without and with fsync."""
    for fsync in (False, True):
        with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as folder:
            config = _roomy(fsync=fsync)
            ours = bench_crowd.pace(PROCESSES, lambda n, c=config, f=folder: _pair(f, c, n))
            books = usage.path_of(folder, "codex")
            plain = bench_crowd.pace(PROCESSES, lambda _, b=books, s=fsync: _plain(b, fsync=s))
        print(
            f"reserve + settle, fsync {'on' if fsync else 'off'}: {ours.each_second:.0f} pairs/s, "
            f"p99 {ours.p99_ms:.0f} ms (aim {AIMS[fsync]}); plain flock beside it "
            f"{plain.each_second:.0f} pairs/s, p99 {plain.p99_ms:.0f} ms"
        )


def _roomy(*, fsync: bool) -> Config:
    """Take the shipped configuration, with limits that are never reached."""
    config = load.load(os.path.join(ROOT, "config"))
    most = 10**15
    budgets = tuple(b._replace(row=b.row._replace(limit=most)) for b in config.budgets)
    providers = {
        name: provider._replace(limits=tuple(row._replace(limit=most) for row in provider.limits))
        for name, provider in config.providers.items()
    }
    settings = {**config.settings, "fsync": fsync}
    return config._replace(settings=settings, providers=providers, budgets=budgets)


def _pair(folder: str, config: Config, number: int) -> list[Callable[[], None]]:
    ledger, numbers = Ledger(folder, config), itertools.count()
    name = ""

    def reserve() -> None:
        nonlocal name
        name = f"{number}-{next(numbers)}"
        ledger.reserve(name, "codex", TURN, PAYER)

    def settle() -> None:
        ledger.settle(name, "codex", TURN)

    return [reserve, settle]


def _plain(books: str, *, fsync: bool) -> list[Callable[[], None]]:
    """Read, change and replace a file of the same size twice, behind a lock that blocks."""
    path = f"{books}.plain"
    shutil.copy(books, path)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def change() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            document["changes"] = document.get("changes", 0) + 1
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                if fsync:
                    os.fsync(file.fileno())
            os.rename(f"{path}.new", path)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    return [change, change]
