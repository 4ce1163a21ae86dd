"""Many writers on one log, killed at random moments and replaced: nothing is torn, lost or doubled.

Arguments: WRITERS LINES BYTES KILLS ROTATIONS. A writer tells its parent through a pipe what it is
about to append, and what has been acknowledged. Who replaces a dead one asks the log first whether
the last line is in it, as recovery does.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

import starts  # noqa: F401 it makes the product importable

from orchestrator.state.journal import BEGINNING, USAGE, Journal

AIMED = 0.7  # of the kills: most writers wait for the lock, and the one who has it matters most
BEGUN, DONE = 0, 1
NOTE = struct.Struct("=BHIQQ")  # what happened, writer, line, and where the log ended before it


class Writer:
    """What the parent knows of a writer."""

    def __init__(self):
        self.pid, self.next, self.begun, self.since = 0, 0, -1, BEGINNING


class Crew:
    """The writers, and the one who kills and replaces them."""

    def __init__(self, folder, writers, lines, size):
        self.journal = Journal(str(folder), fsync=False)
        self.lines, self.size = lines, size
        self.writers = [Writer() for _ in range(writers)]
        self.notes, self.pen = os.pipe()
        os.set_blocking(self.notes, False)
        self.acknowledged, self.retried = set(), 0

    def run(self, kills, rotations):
        """Let all lines be written; returns how many writers were killed."""
        total, draw = (
            len(self.writers) * self.lines,
            random.Random(f"{self.lines} {self.size} {kills}"),
        )
        killing = sorted(draw.randrange(total) for _ in range(kills))
        turning = [total * (n + 1) // (rotations + 1) for n in range(rotations)]
        killed = 0
        for number in range(len(self.writers)):
            self._start(number)
        while any(writer.pid for writer in self.writers):
            self._listen()
            if turning and len(self.acknowledged) >= turning[0]:
                turning.pop(0)
                self._rotate(len(turning))
            if killing and len(self.acknowledged) >= killing[0]:
                killing.pop(0)
                killed += self._kill(draw)
            self._reap()
        self._listen()
        return killed

    def stop(self):
        """End the writers that are left."""
        for writer in self.writers:
            if writer.pid:
                os.kill(writer.pid, signal.SIGKILL)
                os.waitpid(writer.pid, 0)

    def _start(self, number):
        writer = self.writers[number]
        sys.stdout.flush()
        writer.pid = os.fork()
        if writer.pid == 0:
            code = 1
            try:
                self._write(number, writer)
                code = 0
            finally:
                os._exit(code)

    def _write(self, number, writer):
        """Append from the first line that is not acknowledged on, the first one only if missing."""
        parent, padding = os.getppid(), "x" * self.size
        for line in range(writer.next, self.lines):
            name = f"{number}-{line}"
            since = self.journal.offsets()[USAGE]
            if line == writer.begun:
                since = writer.since
                known = self.journal.holds(USAGE, since, "attempt_id", name)
            else:
                known = False
            os.write(self.pen, NOTE.pack(BEGUN, number, line, *since))
            if not known:
                record = {"attempt_id": name, "padding": ""}
                # Never a multiple of a page: a line that begins and ends with one is hardly torn.
                record["padding"] = padding[: self.size - len(name) - 1 - 2 * (line % 97)]
                self.journal.append(USAGE, record)
            os.write(self.pen, NOTE.pack(DONE, number, line, *since))
            if os.getppid() != parent:
                return

    def _listen(self):
        """Take in what the writers told; a note is written whole or not at all."""
        while True:
            try:
                data = os.read(self.notes, NOTE.size * 256)
            except BlockingIOError:
                time.sleep(0.0005)
                return
            for kind, number, line, *since in NOTE.iter_unpack(data):
                writer = self.writers[number]
                if kind == DONE:
                    self.acknowledged.add((number, line))
                    writer.next = line + 1
                else:
                    writer.begun, writer.since = line, since

    def _kill(self, draw):
        """Kill the writer that holds the lock, as the lock file tells, or any other."""
        living = {writer.pid for writer in self.writers if writer.pid}
        time.sleep(draw.uniform(0, 0.002))
        if not living:
            return False
        victim = draw.choice(sorted(living))
        if draw.random() < AIMED:
            holder = Path(f"{self.journal.path(USAGE)}.lock").read_text(encoding="ascii")
            victim = int(holder) if holder.isdigit() and int(holder) in living else victim
        os.kill(victim, signal.SIGKILL)  # not waited for yet: the number is still its own
        return True

    def _reap(self):
        for number, writer in enumerate(self.writers):
            if not writer.pid:
                continue
            pid, status = os.waitpid(writer.pid, os.WNOHANG)
            if not pid:
                continue
            writer.pid = 0
            self._listen()
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, -signal.SIGKILL):
                message = f"writer {number} ended with {code}"
                raise RuntimeError(message)
            if writer.next < self.lines:
                self.retried += writer.begun == writer.next
                self._start(number)

    def _rotate(self, number):
        path = Path(self.journal.path(USAGE))
        with contextlib.suppress(FileNotFoundError):  # nothing came since the last time
            path.rename(path.with_suffix(f".{number}.jsonl"))


def checked(folder, crew):
    """Read the whole log; returns (lines, problems)."""
    seen, problems, count = set(), [], 0
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                count += 1
                try:
                    name = json.loads(line)["attempt_id"]
                except ValueError:
                    problems.append(f"{path.name}: an unparsable line: {line[:60]!r}")
                    continue
                key = tuple(map(int, name.split("-")))
                if key in seen:
                    problems.append(f"line {name} is in the log twice")
                seen.add(key)
    lost = crew.acknowledged - seen
    if lost:
        problems.append(f"{len(lost)} acknowledged lines are lost: {sorted(lost)[:5]}")
    wanted = len(crew.writers) * crew.lines
    if len(crew.acknowledged) != wanted:
        problems.append(f"{len(crew.acknowledged)} of {wanted} lines were acknowledged")
    return count, problems


def main(writers, lines, size, kills, rotations):
    """Run once and print one line; 1 when anything was violated."""
    folder = Path(tempfile.mkdtemp(prefix="journal-"))
    crew, began = Crew(folder, writers, lines, size), time.monotonic()
    try:
        killed = crew.run(kills, rotations)
    finally:
        crew.stop()
    took = time.monotonic() - began
    count, problems = checked(folder, crew)
    print(
        f"journal: {writers} writers, {count} lines of {size} bytes, {rotations} rotations, "
        f"{killed} killed, {crew.retried} of them within a line; {count / took:.0f} lines/s; "
        f"{'VIOLATED' if problems else 'ok'}"
    )
    for problem in problems[:20]:
        print(f"  {problem}")
    if problems:
        print(f"evidence in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
