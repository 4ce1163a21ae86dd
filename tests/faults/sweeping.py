"""Fail the k-th system call of a piece of work, for every k, and see that nothing is lost.

The work is done by `state_driver.py`; strace makes the call fail, or kills its process before it.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from pathlib import Path

import pytest
from killing import TASK_ID, House, Killed, killed_at

from orchestrator.state import inflight
from orchestrator.state.journal import DECISIONS, USAGE

HERE = Path(__file__).resolve().parent
CALLS = ("openat", "write", "fsync", "fdatasync", "renameat2", "unlink", "close", "flock")
CALLS += ("ftruncate", "pwrite64", "mkdir")
# The whole sweep is for `make soak`; else every 20th point, from this one on.
EVERY, FIRST = 20, int(os.environ.get("FAULTS_FIRST", "0"))
CODES = {0, 1, 3, 5, 7}  # what a start may end with here; see the README


class Driver:
    """The process whose children do the work."""

    def __init__(self, port):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "state_driver.py", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout.readline() == "ready\n"

    def do(self, work, folder, *options):
        """Do `work` under strace with these options; returns status, what it told and the trace."""
        pid = int(self._asked(json.dumps([work, str(folder)])))
        trace = Path(folder).with_suffix(".strace")
        strace = subprocess.Popen(
            ["strace", "-f", "-o", trace, "-e", f"trace={','.join(CALLS)}", "-p", str(pid)]
            + [word for option in options for word in ("-e", option)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "attached" in strace.stderr.readline()
        status, told = json.loads(self._asked("go"))
        strace.communicate(timeout=20)
        return status, told, trace.read_text(encoding="utf-8", errors="replace")

    def _asked(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self):
        self.process.communicate(timeout=20)


class Sweep:
    """One piece of work, begun again and again from the same folder."""

    def __init__(self, folder, server, driver, work, dies_at=None):
        """Prepare what the work begins from: nothing, or a task that died at a step."""
        self.folder, self.server, self.driver, self.work = folder, server, driver, work
        self.origin, self.bill = folder / "origin", 0
        self.place = folder / "my place"
        house = self.house(self.origin)
        if dies_at is not None:
            shutil.copytree(self.origin, self.place)
            with killed_at(dies_at), pytest.raises(Killed):
                self.house(self.place).run()
            shutil.rmtree(self.origin)
            self.place.rename(self.origin)
            self.bill = house.upstream.books.totals()["total_cost_micro_usd"]

    def house(self, folder):
        """Make a house whose first provider is down, so that a task takes two attempts."""
        self.server.upstream.reset()
        fault = {"kind": "status", "status": 500, "times": "always"}
        self.server.upstream.play({"providers": {"codex": {"faults": [fault]}}})
        return House(folder, self.server, fsync=True)

    def points(self, *, every):
        """List every call of the work that can fail, as (name, k); every 20th unless all."""
        house = self.begun()
        _, told, trace = self.driver.do(self.work, self.place)
        assert told[:2] == ["", 0], told
        self.hold(house, told)
        points = calls_of(trace)
        assert len(points) > 30, trace
        chosen = points if every == 1 else points[FIRST % every :: every]
        print(f"{self.work}: {len(chosen)} of {len(points)} points, from {FIRST % every}")
        return chosen

    def begun(self):
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.origin, self.place)
        return self.house(self.place)

    def wrong(self, fault, name, k):
        """Tell what does not hold when a call fails, "" when all does."""
        try:
            self.fail(fault, name, k)
        except Exception:  # noqa: BLE001 the sweep goes on, and shows all that is wrong
            return traceback.format_exc(limit=-2)
        return ""

    def fail(self, fault, name, k):
        """Let the k-th call fail, or its process die before it, and hold what must hold."""
        house = self.begun()
        inject = f"inject={name}:{fault}:when={k}"
        status, told, _ = self.driver.do(self.work, self.place, inject)
        if "SIGKILL" in fault:
            assert status in {0, 9}
        else:
            assert status == 0
            self.told(house, told)
        if told is None or self.work == "recover":
            told = ["Killed", 9, "", ""]
        self.hold(house, told)

    def told(self, house, told):
        """A failure is one line with its class and a documented code; an answer is never lost."""
        error, code, message, answer = told
        assert code in CODES
        if error:
            assert "\n" not in message
            assert message
            assert error in {"StorageError", "TryLaterError"}
        delivered = '"outcome": "ok"' in read(house, "state/.state/inflight/*") or any(
            line["outcome"] == "ok" for line in house.log(USAGE)
        )
        if self.work == "run" and delivered:
            assert answer
        if code == 0 and self.work == "run":
            assert answer
            assert [line["outcome"] for line in house.log(USAGE)][-1] == "ok"
            assert [line["execution_metrics"]["status"] for line in house.log(DECISIONS)] == [
                "success"
            ]

    def hold(self, house, told):
        """Check the invariants, after a recovery that nothing disturbs."""
        upstream = self.server.upstream.books.totals()["total_cost_micro_usd"]
        begun = "\n" in read(house, "state/.state/inflight/*") or house.log(DECISIONS)
        before = house.log(DECISIONS), house.log(USAGE)
        house.recover()
        decisions, usages = house.log(DECISIONS), house.log(USAGE)
        assert decisions[: len(before[0])] == before[0]
        assert usages[: len(before[1])] == before[1]
        for log in (DECISIONS, USAGE):
            text = read(house, f"logs/{log}")
            assert text.endswith("\n") or not text
        assert [line["task_id"] for line in decisions] == ([TASK_ID] if begun else [])
        attempts = decisions[0]["execution_metrics"]["attempts"] if begun else []
        names = [line["attempt_id"] for line in usages]
        assert [a["attempt_id"] for a in attempts] == names or told[0] == ""
        assert len(set(names)) == len(names)
        assert not [held for books in house.books() for held in books["reservations"]]
        assert not inflight.any_listed(house.state)
        recorded = round(sum(line["cost_usd"] for line in usages) * 1_000_000)
        assert house.spent_micro_usd() == recorded
        assert recorded >= max(upstream, self.bill)
        assert len(self.server.upstream.books.requests()) <= len(usages)


def calls_of(trace):
    """List the calls a trace tells of, as (name, k)."""
    made = Counter(row.split()[1].partition("(")[0] for row in trace.splitlines())
    return [(name, k + 1) for name in CALLS for k in range(made[name])]


def read(house, pattern):
    text = ""
    for path in house.folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            text += path.read_text(encoding="utf-8")
    return text
