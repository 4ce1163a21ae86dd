"""What is running now: one file per task, written step by step, locked by its owner while it lives.

The lock, not a process id or a clock, tells whether the owner is alive. Each step is one line, made
durable before the next thing happens, so that recovery can replay from the first step missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator

from orchestrator.errors import StorageError
from orchestrator.records import Json
from orchestrator.state import files, locks, logfile

PRIVATE = "orchestrate-"  # how the temporary folder of an attempt begins
SEPARATOR = "--"
RESULTS = "results"  # beside the names of the logs: the mark in that of a batch
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class InFlight:
    """The in-flight file of a task, held open and locked."""

    def __init__(self, path: str, descriptor: int) -> None:
        """Take over a descriptor that is locked."""
        self.path, self.descriptor = path, descriptor

    def note(self, step: str, **facts: object) -> None:
        """Record one step durably; raises StorageError."""
        text = json.dumps({"step": step, **facts}, ensure_ascii=False)
        begins = os.lseek(self.descriptor, 0, os.SEEK_CUR)
        try:
            files.write_all(self.descriptor, text.encode("utf-8", "replace") + b"\n")
            os.fdatasync(self.descriptor)
        except OSError as error:
            os.lseek(self.descriptor, begins, os.SEEK_SET)  # the next step takes its place
            raise StorageError(
                f"{self.path}: {error.strerror}; nothing more was started"
            ) from error

    def release(self) -> None:
        """Leave the task to a later recovery."""
        with contextlib.suppress(OSError):  # what was noted is on the disk
            os.close(self.descriptor)

    def close(self) -> None:
        """Forget the task: everything about it is in the logs."""
        with contextlib.suppress(OSError):  # a recovery finds nothing left to do, and tries again
            os.unlink(self.path)
        self.release()


def folder_of(state: str) -> str:
    """Name the folder of the in-flight files."""
    return os.path.join(state, ".state", "inflight")


def begin(state: str, task_id: str, agent: str, **facts: object) -> InFlight:
    """Create the file of a task, locked, with room for all it will hold; raises StorageError.

    The room is taken now, so that a disk that fills up during a call can't keep its outcome out.
    """
    folder = folder_of(state)
    for each in (state, os.path.dirname(folder), folder):
        files.ensure_folder(each)
    path = os.path.join(folder, f"{task_id}{SEPARATOR}{agent}.jsonl")
    with files.telling(path):
        while True:
            descriptor = os.open(path, _FLAGS | os.O_CREAT, 0o600)
            if locks.try_flock(descriptor) and os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)  # a recovery swept the empty file in this instant
        running = InFlight(path, descriptor)
        try:
            files.write_all(descriptor, bytes(files.ROOM))
            os.lseek(descriptor, 0, os.SEEK_SET)
            files.sync_folder(folder)
            running.note("begin", task_id=task_id, **facts)
        except (OSError, StorageError):
            running.close()
            raise
    return running


def any_listed(state: str) -> bool:
    """Tell whether any task is in flight or was left behind."""
    return bool(_names(state))


def busy_agents(state: str) -> dict[str, int]:
    """Count the tasks in flight by agent, from the names of the files alone."""
    counts: dict[str, int] = {}
    for name in _names(state):
        agent = name.removesuffix(".jsonl").rpartition(SEPARATOR)[2]
        counts[agent] = counts.get(agent, 0) + 1
    return counts


def left_behind(state: str) -> int:
    """Count the files whose owner is dead; each is held for an instant, and left as it is."""
    count = 0
    for name in _names(state):
        with contextlib.suppress(OSError):
            descriptor = os.open(os.path.join(folder_of(state), name), _LOOK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                count += os.fstat(descriptor).st_nlink
            finally:
                os.close(descriptor)
    return count


def orphans(state: str) -> Iterator[tuple[InFlight, list[Json]]]:
    """Yield the files whose owner is dead, locked, with the steps that were recorded whole.

    Raises StorageError for one that can't be read: what it holds must not be forgotten.
    """
    for name in _names(state):
        taken = _taken(os.path.join(folder_of(state), name))
        if taken is not None:
            yield taken


def _taken(path: str) -> tuple[InFlight, list[Json]] | None:
    """Take over a file, None when its owner lives or has just finished."""
    with files.telling(path):
        try:
            descriptor = os.open(path, _FLAGS)
        except FileNotFoundError:
            return None
        running = InFlight(path, descriptor)
        try:
            if locks.try_flock(descriptor) and os.fstat(descriptor).st_nlink:
                steps, size = _steps(path)
                os.ftruncate(descriptor, size)  # what was torn never happened; more may be noted
                os.lseek(descriptor, size, os.SEEK_SET)
                return running, steps
        except (OSError, StorageError):
            running.release()
            raise
        running.release()
        return None


def peeked(state: str) -> Iterator[list[Json]]:
    """Yield the steps of every file, whoever owns it, as far as they are recorded whole."""
    for name in _names(state):
        yield _steps(os.path.join(folder_of(state), name))[0]


def _steps(path: str) -> tuple[list[Json], int]:
    """Read the steps that were recorded whole, and their size in bytes."""
    steps, size = [], 0
    for line in logfile.complete_lines(path):
        try:
            steps.append(json.loads(line))
        except ValueError:
            break
        size += len(line)
    return steps, size


def _names(state: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(folder_of(state)) if n.endswith(".jsonl"))
    except OSError:
        return []
