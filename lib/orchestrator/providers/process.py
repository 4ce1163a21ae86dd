"""Run a client: its own process group, three deadlines, its lines as they come."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from orchestrator.config.locations import pinned
from orchestrator.providers import descendants

MAX_LINE = 4 * 1024 * 1024  # bytes; read as JSON, it may take thirty times as much
GRACE_S = 0.5
TICK_S = 0.2
CHUNK = 65_536
PIPE = 1024 * 1024  # a client that ends at once loses what its pipe did not take
# Ends the group `$1` when the other end of its stdin goes without a word: when we were killed.
LIFELINE = 'read -r _ || kill -KILL -- "-$1"'


class Deadlines(NamedTuple):
    """Monotonic end of the task, the time to the first word, and the longest silence after it."""

    end: float
    first_byte_s: float
    idle_s: float


class Line(NamedTuple):
    """A line of `stdout` or `stderr`, a `tick`, or how it ended: `exit`, `timeout`, `stalled`."""

    kind: str
    text: str = ""
    code: int | None = None


class Client:
    """A running client; iterate `lines()`, and always `end()` it."""

    def __init__(
        self, argv: Sequence[str], folder: str, environment: Mapping[str, str], stdin: IO[bytes]
    ) -> None:
        """Start it in a process group of its own; raises OSError when it can't be started.

        Its stdin is a file: a client never waits on, or eats, the stdin of a loop around us.
        """
        self.last = self.gone_at = 0.0
        self.owed = 0  # bytes that were in its pipes when it ended
        self.mark = descendants.new_mark()
        with pinned(folder) as here:
            self.process = subprocess.Popen(
                list(argv),
                cwd=here,
                env={**environment, descendants.NAME: self.mark},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        try:
            self.lifeline = subprocess.Popen(
                ["bash", "-c", LIFELINE, "lifeline", str(self.process.pid)],
                env={"PATH": environment.get("PATH", os.defpath)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            end_group(self.process.pid, self.process)
            descendants.end_marked(self.mark)
            raise

    def lines(
        self, deadlines: Deadlines, heard: Callable[[], bool] = lambda: True
    ) -> Iterator[Line]:
        """Yield what it says until it ends or a deadline passes; ticks come while it is silent.

        `heard` tells whether its upstream has said anything yet: a client greets before it calls.
        """
        started = self.last = time.monotonic()
        buffers: dict[str, bytearray] = {}
        with selectors.DefaultSelector() as selector:
            for name, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr)):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
                    with contextlib.suppress(OSError):
                        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
                    selector.register(pipe, selectors.EVENT_READ, name)
                    buffers[name] = bytearray()
            while selector.get_map() and not self._left():
                passed = _passed(deadlines, started, self.last, heard=heard())
                if passed is not None:
                    yield passed
                    return
                yield from self._said(selector, buffers)
        for name, rest in buffers.items():
            if rest:
                yield Line(name, rest.decode("utf-8", "replace"))
        yield self._exit(deadlines)

    def _said(
        self, selector: selectors.BaseSelector, buffers: dict[str, bytearray]
    ) -> Iterator[Line]:
        ready = selector.select(TICK_S)
        if not ready:
            yield Line("tick")
        for key, _ in ready:
            chunk = _read(key.fd)
            if chunk:
                self.last = time.monotonic()
                self.owed -= len(chunk)
                for text in _split(buffers[key.data], chunk):
                    yield Line(key.data, text)
            elif chunk is not None:
                selector.unregister(key.fileobj)

    def _left(self) -> bool:
        """Tell whether it ended and what is heard now is from something it left behind.

        However slowly it is read, what its pipes held when it ended is its own.
        """
        if self.process.poll() is None:
            return False
        if not self.gone_at:
            self.gone_at = time.monotonic()
            pipes = (self.process.stdout, self.process.stderr)
            self.owed = sum(_waiting_in(pipe) for pipe in pipes if pipe is not None)
        return self.owed <= 0 and time.monotonic() - self.gone_at > GRACE_S

    def _exit(self, deadlines: Deadlines) -> Line:
        try:
            code = self.process.wait(max(0.0, min(GRACE_S, deadlines.end - time.monotonic())))
        except subprocess.TimeoutExpired:
            return Line("stalled", "it closed its output and did not end")
        return Line("exit", code=code)

    def end(self) -> None:
        """End the whole process group, kindly first, and what left it; nothing is left running."""
        end_group(self.process.pid, self.process)
        descendants.end_marked(self.mark)
        self.lifeline.communicate(b"ended\n")
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def end_group(group: int, leader: subprocess.Popen[bytes] | None = None) -> None:
    """Send SIGTERM to a process group, then SIGKILL to what is left after half a second."""
    if not _signal(group, signal.SIGTERM):
        if leader is not None:
            leader.wait()
        return
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until:
        if leader is not None:
            leader.poll()
        if not _signal(group, 0):
            break
        time.sleep(0.01)
    _signal(group, signal.SIGKILL)
    if leader is not None:
        leader.wait()


def start_time_of(pid: int) -> str:
    """Tell when a process started, in clock ticks since boot; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _passed(deadlines: Deadlines, started: float, last: float, *, heard: bool) -> Line | None:
    """Tell which deadline passed: that of the task, to the first word, or of silence after it."""
    now = time.monotonic()
    if now >= deadlines.end:
        return Line("timeout", f"{now - started:.0f} s")
    silence = now - (last if heard else started)
    if silence < (deadlines.idle_s if heard else deadlines.first_byte_s):
        return None
    return Line("stalled", f"{silence:.0f} s without a word")


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def _waiting_in(pipe: IO[bytes]) -> int:
    """Tell how many bytes a pipe holds."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _read(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _split(buffer: bytearray, chunk: bytes) -> list[str]:
    """Add a chunk and take the whole lines; a line without an end is cut at the cap."""
    buffer += chunk
    if b"\n" not in chunk and len(buffer) < MAX_LINE:
        return []
    *lines, rest = bytes(buffer).split(b"\n")
    if len(rest) >= MAX_LINE:
        lines, rest = [*lines, rest], b""
    buffer[:] = rest
    return [line.decode("utf-8", "replace") for line in lines]
