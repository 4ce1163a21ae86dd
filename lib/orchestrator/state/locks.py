"""The locks of state and logs: who waits learns who holds one, and nobody waits for ever."""

from __future__ import annotations

import _thread  # threading would cost each start a millisecond
import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from orchestrator.errors import StorageError, TryLaterError
from orchestrator.state import files

TIMEOUT_S = 10.0
# Asking whether a lock is free takes the processor from who holds it. So who is new asks seldom,
# and who has waited asks often: with 64 of them the last is served soon, and none in vain.
NEW_S, SELDOM_S, OFTEN_S = 0.1, 0.02, 0.005
USAGE_LOCK = "usage.lock"
_TURNS: dict[str, _thread.LockType] = {}  # by path


@contextlib.contextmanager
def flocked(path: str, timeout_s: float | None = None) -> Iterator[None]:
    """Hold an exclusive flock on `path`; raises StorageError, and TryLaterError after 10 s.

    What takes longer than a write, such as git's, is waited for as long as `timeout_s` says.
    """
    patience_s = TIMEOUT_S if timeout_s is None else timeout_s
    deadline = time.monotonic() + patience_s
    with _turn(path, patience_s):
        with files.telling(path):
            descriptor = files.opened(path, os.O_RDWR | os.O_CREAT)
        try:
            with files.telling(path):
                while not try_flock(descriptor):
                    if time.monotonic() > deadline:
                        raise _still_locked(path)
                    time.sleep(0.0005 + os.urandom(1)[0] / 64_000)  # up to 4 ms more: all differ
            yield
        finally:
            with contextlib.suppress(OSError):  # it is let go all the same
                os.close(descriptor)


def try_flock(descriptor: int) -> bool:
    """Take an exclusive flock without waiting; False when another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def usage_locked(folder: str) -> Iterator[None]:
    """Hold the one lock that guards all usage files; raises TryLaterError after 10 s."""
    files.ensure_folder(os.path.dirname(folder))
    path = os.path.join(files.ensure_folder(folder), USAGE_LOCK)
    try:
        import filelock  # 50 ms: only what reserves or settles pays for it
    except ImportError as error:
        raise StorageError("the Python package filelock is missing; run 'make setup'") from error

    lock = filelock.FileLock(
        path,
        mode=0o600,
        fallback_to_soft=False,
        on_acquired=lambda descriptor: files.refuse_strange(path, descriptor),
    )
    with _turn(path, TIMEOUT_S):
        with files.telling(path):
            for patience_s, poll_s in ((NEW_S, SELDOM_S), (TIMEOUT_S, OFTEN_S)):
                with contextlib.suppress(filelock.Timeout):
                    lock.acquire(patience_s, poll_interval=poll_s)
                    break
            else:
                raise _still_locked(path)
        try:
            yield
        finally:
            with files.telling(path):
                lock.release()


@contextlib.contextmanager
def _turn(path: str, patience_s: float) -> Iterator[None]:
    """Let one thread of this process after the other ask for a lock: a turn costs no polling."""
    turn = _TURNS.setdefault(path, _thread.allocate_lock())
    if not turn.acquire(timeout=patience_s):
        raise _still_locked(path)
    try:
        yield
    finally:
        turn.release()


def _still_locked(path: str) -> TryLaterError:
    """Name the process that holds a lock, as the system knows it."""
    holder = "another process"
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        mark = f":{os.stat(path).st_ino} "  # some file systems have two device numbers
        found = next((row.split()[4] for row in table if " FLOCK " in row and mark in row), "0")
        holder = f"process {found}" if int(found) > 0 else holder
    return TryLaterError(f"{path}: still locked by {holder}; try again later")


def is_held(path: str) -> bool:
    """Tell whether a process holds the flock of a file; one that is not there is free."""
    try:
        descriptor = files.opened(path, os.O_RDONLY)
    except (OSError, StorageError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
