"""A batch that is killed again and again, and resumed each time, until it ends by itself."""

import contextlib
import os
import random
import signal
import subprocess
import time

import starts
from support import wait

TREE, COORDINATOR, WORKER = KINDS = "all at once", "the coordinator", "one worker"
SOON_EVERY, SOON_S = 4, 1.0  # one kill in so many meets what is just beginning
LOOK_S, SAMPLE_S = 0.002, 0.5
HUNG_S = 90.0


class Siege:
    """One run of a script; `peaks` are in MB, `problems` say what should not have been."""

    def __init__(self, place, script, total, kills):
        """Spread the kills over the results that are expected."""
        self.place, self.total = place, total
        self.script = starts.ROOT / "scripts" / script
        self.draw = random.Random(f"{script} {total} {kills}")
        spread = [(n + self.draw.uniform(0.1, 0.8)) / kills for n in range(kills)]
        self.marks = [max(1, int(total * share)) for share in spread]
        self.peaks = {"coordinator": 0.0, "worker": 0.0}
        self.problems, self.seconds, self.hit = [], 0.0, 0
        self._talk = (place.folder / "talk.txt").open("ab")
        self._process, self._counted = None, (0, 0)
        self._sampled = self._heard = self._began = 0.0

    def run(self, *words):
        """Start it, kill it, resume it; returns the exit code of the last start."""
        self._began = time.monotonic()
        self._start(*words)
        try:
            for number, mark in enumerate(self.marks):
                kind, soon = KINDS[number % len(KINDS)], number % SOON_EVERY == SOON_EVERY - 1
                self._until(0 if soon else mark)
                time.sleep(self.draw.uniform(0, SOON_S if soon else 2 * LOOK_S))
                if not self._kill(kind):
                    break
                self._told(number, kind)
            self._until(self.total + 1)
            return self._process.wait()
        finally:
            self.seconds = time.monotonic() - self._began
            self.place.clear()
            self._process.wait()
            self._talk.close()

    def _start(self, *words):
        self._heard = time.monotonic()
        self._process = subprocess.Popen(
            [self.script, *words],
            env=self.place.environment,
            cwd=self.place.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._talk,
            stderr=self._talk,
            start_new_session=True,
        )

    def _until(self, mark):
        """Look on until there are so many results, or until it has ended."""
        while self._results() < mark and self._process.poll() is None:
            if time.monotonic() - self._heard > HUNG_S:
                self.problems.append(f"it hung: no result for {HUNG_S:.0f} s")
                self.place.clear()
                return
            if time.monotonic() - self._sampled > SAMPLE_S:
                self._sample()
            time.sleep(LOOK_S)

    def _kill(self, kind):
        """Kill what `kind` names, and resume where nobody is left to go on."""
        victims = self._victims(kind)
        if self._process.poll() is not None or not victims:
            self.problems.append(f"{self.hit} kills of {len(self.marks)}: then there was nothing")
            return False
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.hit += 1
        if kind != WORKER:
            code = self._process.wait()
            if code != -signal.SIGKILL:
                self.problems.append(f"kill {self.hit}: it had ended with {code}")
            self._start("--resume", "latest")
        return True

    def _victims(self, kind):
        if kind == TREE:
            return [self._process.pid, *self.place.processes()]
        if kind == COORDINATOR:
            return [self._process.pid]
        there = wait(lambda: self._workers() or self._process.poll() is not None, HUNG_S)
        return [self.draw.choice(there)] if isinstance(there, list) else []

    def _workers(self):
        lines = {pid: line.split(b"\0") for pid, (line, _) in self.place.processes().items()}
        return sorted(pid for pid, words in lines.items() if words[5:6] == [b"work"])

    def _results(self):
        """Count the lines of the results, from where they were counted the last time."""
        at, count = self._counted
        for path in self.place.logs.glob("batches/*/results.jsonl"):
            if path.stat().st_size > at:
                with path.open("rb") as file:
                    file.seek(at)
                    data = file.read()
                at, count = at + len(data), count + data.count(b"\n")
                self._counted, self._heard = (at, count), time.monotonic()
        return count

    def _sample(self):
        """Note the most memory that coordinator and workers have held so far."""
        self._sampled = time.monotonic()
        for name, pids in (("coordinator", [self._process.pid]), ("worker", self._workers())):
            self.peaks[name] = max([self.peaks[name], *map(peak_mb, pids)])

    def _told(self, number, kind):
        print(
            f"kill {number + 1} of {len(self.marks)}: {kind}, after {self._results()} results, "
            f"{time.monotonic() - self._began:.1f} s",
            flush=True,
        )


def peak_mb(pid):
    """Read the most resident memory that a process has had, in MB; 0 when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
