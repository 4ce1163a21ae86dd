"""Rows 12 to 14: the holder of a lock is killed or stopped, or has children that outlive it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from support import ROOT

from orchestrator.errors import TryLaterError
from orchestrator.state import inflight, locks

# Holds a lock until it is killed. Its child has every descriptor it was not denied.
HOLDER = """
import subprocess, sys, time
from orchestrator.state import inflight, locks
kind, folder = sys.argv[1:]
if kind == "inflight":
    running = inflight.begin(folder, "task", "coder")
else:
    lock = locks.flocked(folder + "/x.lock") if kind == "log" else locks.usage_locked(folder)
    lock.__enter__()
child = subprocess.Popen(["sleep", "60"], close_fds=False)
print(child.pid, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def holder(kind, folder):
    """Start a process that holds a lock; yields it and its child's id."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "lib")}
    command = [sys.executable, "-c", HOLDER, kind, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def lock(kind, folder):
    return locks.flocked(f"{folder}/x.lock") if kind == "log" else locks.usage_locked(str(folder))


def waited_s(kind, folder):
    """Kill a holder while another waits; returns how long that one waits on."""
    taken = []

    def wait():
        with lock(kind, folder):
            taken.append(time.monotonic())

    with holder(kind, folder) as (process, _):
        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.1)
        assert not taken
        killed = time.monotonic()
        process.kill()
        process.wait()
        waiter.join()
    return taken[0] - killed


@pytest.mark.parametrize("kind", ["log", "usage"])
def test_row_12_a_lock_whose_holder_was_killed_is_taken_within_100_ms(tmp_path, kind):
    assert sorted(waited_s(kind, tmp_path) for _ in range(5))[2] < 0.1


@pytest.mark.parametrize("kind", ["log", "usage"])
def test_row_13_a_lock_whose_holder_is_stopped_is_not_waited_for_longer_than_ten_seconds(
    tmp_path, monkeypatch, kind
):
    assert locks.TIMEOUT_S == 10.0
    monkeypatch.setattr(locks, "TIMEOUT_S", 0.3)
    with holder(kind, tmp_path) as (process, _):
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(TryLaterError) as refused, lock(kind, tmp_path):
            pass
    name = "x.lock" if kind == "log" else "usage.lock"
    told = f"{name}: still locked by process {process.pid}; try again later"
    assert str(refused.value) == f"{tmp_path}/{told}"


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["usage", "log"])
def test_row_13_a_start_that_finds_a_lock_held_ends_after_ten_seconds_with_5(
    place, simulator, kind
):
    folder = place.state / ".state"
    folder.mkdir(parents=True)
    words = ("--yes", "--quiet", "--provider", "codex", "--transport", "api", str(place.repo))
    with holder(kind, folder) as (process, _):
        if kind == "log":
            place.logs.mkdir()
            (place.logs / "provider_usage.jsonl.lock").hardlink_to(folder / "x.lock")
        os.kill(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        run = place.run(*words, "Fix the bug")
        took = time.monotonic() - began
    assert 10 <= took < 15
    assert f"still locked by process {process.pid}; try again later" in run.err
    if kind == "usage":
        assert run.code == 5, run
        assert simulator.requests() == []
    else:
        assert run.code == 7, run  # the call was made: its answer is there, its line comes later
        assert run.out.strip()
        assert place.run(*words, "Fix the next bug").code == 0
        assert [line["outcome"] for line in place.usage_lines()] == ["ok", "ok"]


@pytest.mark.parametrize("kind", ["log", "usage", "inflight"])
def test_row_14_a_child_that_outlives_the_holder_does_not_keep_the_lock(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(locks, "TIMEOUT_S", 2.0)
    with holder(kind, tmp_path) as (process, child):
        assert not list(inflight.orphans(str(tmp_path)))
        process.kill()
        process.wait()
        os.kill(child, 0)
        if kind == "inflight":
            ((running, steps),) = inflight.orphans(str(tmp_path))
            assert [step["step"] for step in steps] == ["begin"]
            running.close()
        else:
            with lock(kind, tmp_path):
                pass
        os.kill(child, 0)
