"""Measure a decision: ratios within one run, and the classifier's accuracy."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import bench_place
from bench_place import ROOT, START

ROUNDS = 40
TASK = "Implement user authentication with JWT"


def run() -> None:
    """Run all measurements in a scratch folder and print one line each."""
    with tempfile.TemporaryDirectory() as scratch:
        plain = [sys.executable, "-I", "-c", "import json"]
        small = _config(scratch, "plain", lambda _providers, _keywords, _agents: None)
        runs = {
            "plain": (plain, small),
            "decision": (_entry(), small),
            "540 agents": (_entry(), _config(scratch, "agents", _more_agents)),
            "30 providers": (_entry(), _config(scratch, "providers", _more_providers)),
        }
        took = _interleaved(runs, scratch)
    base = took["plain"]
    print(f"python -I -c 'import json'            {base * 1000:6.1f} ms (median of {ROUNDS})")
    _ratio("./orchestrate.sh -n --json", took["decision"] / base, "2.5")
    _ratio("540 agents against 54", took["540 agents"] / took["decision"], "1.3")
    _ratio("30 providers against 3", took["30 providers"] / took["decision"], "1.3")
    print(f"one decision in process               {_in_process():6.1f} us (median, aim < 100)")
    for part in ("tune", "held_out"):
        right, rows = _accuracy(part)
        print(f"classifier, {part:<8} tasks            {right:>3} of {rows} ({right / rows:.0%})")


def _entry() -> list[str]:
    return [START, "-n", "--json", ROOT, TASK]


def _ratio(what: str, ratio: float, aim: str) -> None:
    print(f"{what:<37} {ratio:6.2f} x  (aim <= {aim})")


def _interleaved(runs: dict[str, tuple[list[str], str]], scratch: str) -> dict[str, float]:
    """Take turns, so that a busy moment of the machine meets all alike; the median of each."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 3):
        for name, (command, config) in runs.items():
            environment = bench_place.environment(scratch, config)
            began = time.perf_counter()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            if number >= 3:  # the first rounds warm caches
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _config(scratch: str, name: str, change: Callable[[Any, Any, Any], None]) -> str:
    folder = bench_place.config(os.path.join(scratch, name))
    paths = [os.path.join(folder, f"{part}.json") for part in ("providers", "keywords", "agents")]
    documents = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents.append(json.load(file))
    change(*documents)
    for path, document in zip(paths, documents, strict=True):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
    return folder


def _more_agents(_providers: Any, _keywords: Any, agents: Any) -> None:
    for number in range(2, 11):
        for name, row in list(agents["agents"].items())[:54]:
            agents["agents"][f"{name}-{number}"] = {**row, "aliases": []}


def _more_providers(providers: Any, keywords: Any, _agents: Any) -> None:
    for number in range(2, 11):
        for name in ("codex", "gemini", "claude"):
            providers["providers"][f"{name}{number}"] = providers["providers"][name]
            keywords["strong"][f"{name}{number}"] = keywords["strong"][name]


def _in_process() -> float:
    from orchestrator import clock
    from orchestrator.commands.session import Session
    from orchestrator.decide.recommender import recommend
    from orchestrator.records import Wishes

    session, now_ms = Session(), clock.now_ms()
    world, wishes = session.world(now_ms), Wishes()
    taken = []
    for _ in range(3000):
        began = time.perf_counter()
        recommend(TASK, wishes, session.config, session.terms, session.catalog, world, now_ms)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


def _accuracy(part: str) -> tuple[int, int]:
    from orchestrator.commands.session import Session
    from orchestrator.decide.classifier import classify

    session, right, rows = Session(), 0, 0
    path = os.path.join(ROOT, "tests", "data", f"labelled_tasks_{part}.jsonl")
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            found = classify(row["task"], session.config, session.terms)
            right, rows = right + (found.primary == row["provider"]), rows + 1
    return right, rows
