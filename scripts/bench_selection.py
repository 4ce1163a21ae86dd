"""Measure the selection of seed 001 on its thirteen models: in process, and as a process."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench_place
from bench_place import ROOT

ROUNDS = 40
SELECTOR = os.path.join(ROOT, "lib", "provider_selector.py")
OVERLAY = os.path.join(ROOT, "tests", "data", "thirteen_models", "local.json")


def run() -> None:
    """Run both measurements in a scratch folder and print one line each."""
    with tempfile.TemporaryDirectory() as scratch:
        config = bench_place.config(os.path.join(scratch, "config"))
        shutil.copy(OVERLAY, config)
        environment = bench_place.environment(scratch, config)
        plain = [sys.executable, "-I", "-c", "import json"]
        select = [sys.executable, SELECTOR, "select", "--complexity", "4", "--json"]
        base, took = _interleaved(environment, plain, select)
        print(f"python3 lib/provider_selector.py select {took / base:6.2f} x  (aim <= 3)")
        print(f"one selection in process               {_in_process(config):6.1f} us (aim < 50)")


def _interleaved(environment: dict[str, str], *commands: list[str]) -> list[float]:
    """Take turns, so that a busy moment of the machine meets all alike; the median of each."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(ROUNDS + 3):
        for taken, command in zip(times, commands, strict=True):
            began = time.perf_counter()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            if number >= 3:  # the first rounds warm caches
                taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in times]


def _in_process(config: str) -> float:
    from orchestrator import clock
    from orchestrator.commands.select import ProviderSelector
    from orchestrator.decide import recommender
    from orchestrator.records import Wishes

    session, now_ms = ProviderSelector(config).session, clock.now_ms()
    world, wishes = session.world(now_ms), Wishes(complexity=4)
    ready = {n: (None,) * len(p.transports) for n, p in session.config.providers.items()}
    world, taken = world._replace(unready=ready), []
    for _ in range(3000):
        began = time.perf_counter()
        recommender.select(wishes, session.config, world, now_ms)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6
