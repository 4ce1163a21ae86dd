"""What a client left behind: processes that carry its mark in their environment.

A daemon that starts a session of its own leaves the process group of the client, and its parents,
but not the environment it was started with. The mark is drawn for one call alone: what has it
belongs to that call, whoever the parent is now, and nothing else does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

NAME = "ORCHESTRATE_CALL"
PASSES = 100  # what forks while it is looked for is met again
PAUSE_S = 0.005


def new_mark() -> str:
    """Draw the mark of a call."""
    return os.urandom(16).hex()


def end_marked(mark: str) -> None:
    """End every process that carries the mark; those of other users can't be told, or touched."""
    wanted, quiet = f"{NAME}={mark}".encode(), True
    for _ in range(PASSES):
        found = [pid for pid in os.listdir("/proc") if pid.isdigit() and _ended(int(pid), wanted)]
        if not found and quiet:
            return
        quiet = not found  # one that is just starting a program shows no environment
        time.sleep(PAUSE_S)


def _ended(pid: int, wanted: bytes) -> bool:
    """End a process if it carries the mark; its handle makes sure that it is still the same one."""
    if not _carries(pid, wanted):
        return False
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _carries(pid, wanted):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
    return True


def _carries(pid: int, wanted: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return wanted in file.read().split(b"\0")
    except OSError:
        return False
