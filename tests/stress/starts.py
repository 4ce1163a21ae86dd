"""One start of the product, whole or forked, and how it ended; either can be killed at any moment.

A forked start runs the product's own `start` command in a child of this process, which has paid for
the imports: the books, the locks and the HTTP calls are real, and so is its death by kill -9.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "tests")]

import filelock  # noqa: E402, F401 a forked start finds it loaded
import requests  # noqa: E402, F401 the same

from orchestrator import commands  # noqa: E402
from orchestrator.commands import start as _start  # noqa: E402, F401 the same

HUNG_S = 90.0


class Ended:
    """How a start ended: its exit code, None when it was killed, and what it acknowledged."""

    def __init__(self, code, out, err, took_s):
        self.code, self.err, self.took_s = code, err, took_s
        try:
            self.line = json.loads(out)
        except ValueError:
            self.line = None  # it died before it said anything


def forked(place, words, kill_after_s=None):
    """Run a start in a forked child; kill it after so long, unless it has ended before."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        began, pid = time.monotonic(), os.fork()
        if pid == 0:
            _become_start(place, words, out.fileno(), err.fileno())
        descriptor = os.pidfd_open(pid)
        try:
            if not _ended(descriptor, HUNG_S if kill_after_s is None else kill_after_s):
                os.kill(pid, signal.SIGKILL)  # not waited for yet: the number is still its own
            status = os.waitpid(pid, 0)[1]
        finally:
            os.close(descriptor)
        return _told(os.waitstatus_to_exitcode(status), out, err, began)


def whole(place, words, kill_after_s=None):
    """Run ./orchestrate.sh; the Python process at work is killed, its shell ends by itself."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            [ROOT / "orchestrate.sh", *words],
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=place.folder,
        )
        try:
            process.wait(HUNG_S if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            _kill_python(process.pid)
        return _told(process.wait(), out, err, began)


def words_of(place, provider, marker, *more):
    """Write a command line whose task can be found again in the books of both sides."""
    ways = ("--yes", "--json", "--quiet", "--transport", "api", "--provider", provider)
    return [*ways, *more, str(place.repo), f"Fix the loader, start {marker} of many"]


def _become_start(place, words, out, err):
    code = 1
    try:
        os.environ.clear()
        os.environ.update(place.environment)
        os.chdir(place.folder)
        for descriptor, number in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(descriptor, number)
        code = commands.main(["start", *words])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _ended(descriptor, within_s):
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def _kill_python(pid):
    """Kill the helper that runs for a shell, or the one that has taken its place."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for found in (*map(int, children), pid):
        try:
            if Path(f"/proc/{found}/comm").read_text(encoding="ascii").startswith("python"):
                os.kill(found, signal.SIGKILL)
                return
        except OSError:
            continue  # it ended by itself
    if not children:
        os.kill(pid, signal.SIGKILL)  # the shell alone, between two helpers


def _told(code, out, err, began):
    texts = []
    for file in (out, err):
        file.seek(0)
        texts.append(file.read().decode("utf-8", "replace"))
    killed = code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return Ended(None if killed else code, *texts, time.monotonic() - began)
