"""Measure a batch: against one start after the other, against GNU parallel, and what it holds.

The upstream is simulated on loopback and takes a second for each answer.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import bench_place
from bench_place import ROOT, START

RUNNER = os.path.join(ROOT, "scripts", "batch_runner.sh")
WAYS = ("--yes", "--quiet", "--transport", "api")
LATENCY_MS, ROUNDS = 1000, 3
FEW, MANY, AT_ONCE = 5, 200, 32
QUEUES, TASK_BYTES = (100, 10_000), 2048
LOOK_S = 0.1
TASKS = (
    "Fix the bug in the data loader",
    "Analyze the trends in this data and explain the patterns",
    "Design the architecture of a scalable, distributed system",
)
NAMES = ("codex", "gemini", "claude")
ADDRESSES = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


class Place(NamedTuple):
    """Where the commands of a measurement run: an environment, a folder for REPO and its files."""

    environment: dict[str, str]
    folder: str


class Took(NamedTuple):
    """What a command took: seconds on the clock and of processor, and MB at most of a process."""

    seconds: float
    cpu_s: float
    mb: float
    code: int


def run() -> None:
    """Print each figure, the best of three runs."""
    with _place(LATENCY_MS) as place:
        _few(place)
        _many(place)
    _memory()


def _few(place: Place) -> None:
    """Run five tasks at once, one after the other in a batch, and by a start for each."""
    queue, texts = _queue(place, FEW), _texts(FEW)
    ways: dict[str, list[float]] = {"at once": [], "one": [], "starts": []}
    for _ in range(ROUNDS):
        ways["at once"].append(_run(place, _batch(place, queue, FEW)).seconds)
        ways["one"].append(_run(place, _batch(place, queue, 1)).seconds)
        each = [_run(place, [START, *WAYS, place.folder, text]) for text in texts]
        ways["starts"].append(sum(took.seconds for took in each))
    best = {name: min(seconds) for name, seconds in ways.items()}
    print(
        f"{FEW} tasks of 1 s at --parallel {FEW}: {best['at once']:.2f} s; ./orchestrate.sh for "
        f"one after the other {best['starts']:.2f} s: {best['starts'] / best['at once']:.2f} x "
        f"(aim >= 4.5); at --parallel 1 {best['one']:.2f} s"
    )


def _many(place: Place) -> None:
    """Run 200 tasks, 32 at once, as a batch and by a start for each."""
    queue = _queue(place, MANY)
    runs = [_run(place, _batch(place, queue, AT_ONCE)) for _ in range(ROUNDS)]
    seconds, cpu_s = (min(figures) for figures in list(zip(*runs, strict=True))[:2])
    print(
        f"{MANY} tasks of 1 s at --parallel {AT_ONCE}: {seconds:.2f} s (aim <= 8.5; the calls "
        f"alone take {-(-MANY // AT_ONCE)}); {1000 * cpu_s / MANY:.0f} ms of processor a task "
        "(aim <= 60)"
    )
    name, command = _crowd(place)
    others = [_run(place, command, _listed(place), strict=False) for _ in range(ROUNDS)]
    other = min(others, key=lambda took: (took.code, took.seconds))
    failed = "; not all of them succeeded" if other.code else ""
    print(
        f"the same by ./orchestrate.sh under {name}: {other.seconds:.2f} s, "
        f"{1000 * other.cpu_s / MANY:.0f} ms of processor a task: {other.seconds / seconds:.1f} x "
        f"(aim > 1){failed}"
    )


def _crowd(place: Place) -> tuple[str, list[str]]:
    """Name what else starts many at once, and make its command; it reads a task from each line."""
    start = [START, *WAYS, place.folder]
    if shutil.which("parallel"):
        asked = ["parallel", "--version"]
        told = subprocess.run(asked, stdout=subprocess.PIPE, check=False).stdout
        if told.startswith(b"GNU"):  # there is another one of that name
            how = ["parallel", "--will-cite", f"--jobs={AT_ONCE}", *start]
            return f"GNU parallel -j {AT_ONCE}", how
    how = ["xargs", "--delimiter=\\n", "--max-args=1", f"--max-procs={AT_ONCE}", *start]
    return f"xargs -P {AT_ONCE} (GNU parallel is missing)", how


def _memory() -> None:
    """Plan a short queue and a long one of tasks of 2 KB, and run as much of each."""
    peaks: list[tuple[float, ...]] = []
    for count in QUEUES:
        with _place(0) as place:
            queue = _queue(place, count, TASK_BYTES)
            planned = _run(place, [RUNNER, "--dry-run", *WAYS, "--repo", place.folder, queue])
            peaks.append((planned.mb, *_watched(place, _batch(place, queue, AT_ONCE), QUEUES[0])))
    short, long = QUEUES
    print(f"{long:,} tasks of 2 KB are planned in {planned.seconds:.1f} s")
    for what, few, many in zip(("planner", "coordinator", "worker"), *peaks, strict=True):
        print(
            f"{what} of {long:,} tasks: at most {many:.1f} MB, of {short} tasks {few:.1f} MB: "
            f"{many / few:.2f} x, {1024 * (many - few) / (long - short):.1f} KB a task (aim: flat)"
        )


def _batch(place: Place, queue: str, parallel: int) -> list[str]:
    return [RUNNER, *WAYS, "--repo", place.folder, "--parallel", str(parallel), queue]


def _texts(count: int, size: int = 0) -> list[str]:
    return [f"{TASKS[n % len(TASKS)]} number {n}".ljust(size, ".") for n in range(count)]


def _queue(place: Place, count: int, size: int = 0) -> str:
    path = os.path.join(place.folder, f"{count}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(_texts(count, size), file)
    return path


def _listed(place: Place) -> str:
    path = os.path.join(place.folder, "lines.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{text}\n" for text in _texts(MANY))
    return path


def _run(
    place: Place, command: Sequence[str], stdin: str = os.devnull, *, strict: bool = True
) -> Took:
    """Run a command to its end, with all that it starts; `strict`: it must end well."""
    began = time.monotonic()
    with open(stdin, "rb") as given:
        process = _started(place, command, stdin=given)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if strict:
        _refuse(process)
    seconds, cpu_s = time.monotonic() - began, used.ru_utime + used.ru_stime
    return Took(seconds, cpu_s, used.ru_maxrss / 1024, process.returncode)


def _watched(place: Place, command: Sequence[str], enough: int) -> tuple[float, float]:
    """Run a batch until it has so many results; returns the peaks of coordinator and worker in MB.

    They know the whole queue from their beginning.
    """
    own = worker = 0.0
    process = _started(place, command)
    while process.poll() is None:
        own = max(own, _peak_mb(process.pid))
        for xargs in _children(process.pid):
            worker = max([worker, *map(_peak_mb, _children(xargs))])
        if _results(place) >= enough:
            process.send_signal(signal.SIGINT)
            process.wait()
        time.sleep(LOOK_S)
    # By the signal itself: all was done when it came.
    if process.returncode not in (0, 128 + signal.SIGINT, -signal.SIGINT):
        _refuse(process)
    return own, worker


def _results(place: Place) -> int:
    """Count the results of the only batch of a place."""
    logs, count = place.environment["ORCHESTRATE_LOGS"], 0
    for path in glob.glob(os.path.join(logs, "batches", "*", "results.jsonl")):
        with open(path, "rb") as file:
            count += file.read().count(b"\n")
    return count


def _started(place: Place, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options}
    return subprocess.Popen(
        command, env=place.environment, cwd=place.folder, stderr=subprocess.DEVNULL, **quiet
    )


def _refuse(process: subprocess.Popen[bytes]) -> None:
    if process.returncode:
        raise SystemExit(f"bench: {process.args} ended with {process.returncode}")


def _peak_mb(pid: int) -> float:
    """Read the most resident memory that a process has had; 0 when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
        return [int(each) for each in file.read().split()]
    return []


@contextlib.contextmanager
def _place(latency_ms: int) -> Iterator[Place]:
    """Make a place whose providers have no limits, and the upstream that they are."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-bench-") as scratch:
        config = bench_place.config(os.path.join(scratch, "config"))
        overlay = {
            "providers": {"providers": {name: {"limits": []} for name in NAMES}},
            "budgets": {"limits_usd": {"day": 10**6, "month": 10**6}},
        }
        with open(os.path.join(config, "local.json"), "w", encoding="utf-8") as file:
            json.dump(overlay, file)
        folder = os.path.join(scratch, "repo")
        os.mkdir(folder)
        words = ["--prices", os.path.join(config, "prices.json"), "--latency-ms", str(latency_ms)]
        program = [sys.executable, "-I", "-X", "utf8", os.path.join(ROOT, "lib"), "simulate"]
        with subprocess.Popen(
            [*program, *words, "--parent-pid", str(os.getpid())], stdout=subprocess.PIPE
        ) as upstream:
            try:
                url = json.loads(upstream.stdout.readline())["url"] if upstream.stdout else ""
                environment = bench_place.environment(scratch, config)
                environment |= dict.fromkeys(KEYS, "simulated") | dict.fromkeys(ADDRESSES, url)
                environment["OPENAI_BASE_URL"] += "/v1"
                yield Place(environment, folder)
            finally:
                upstream.terminate()


if __name__ == "__main__":
    run()
