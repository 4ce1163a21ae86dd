"""The only code that writes: folders, whole files, log lines, and the locks they need.

Nothing follows a symlink or opens what is no regular file; what is written is private (0600,
folders 0700) and durable before it is acknowledged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator

from orchestrator.config.load import no_constant
from orchestrator.errors import StorageError, TryLaterError
from orchestrator.records import Json

LOCK_TIMEOUT_S = 10.0
TAIL_BLOCK = 65_536
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOG = os.O_RDWR | os.O_CREAT | os.O_APPEND


def ensure_folder(path: str) -> str:
    """Make `path` a private folder where it is missing; raises StorageError."""
    try:
        _make_private(path)
        held = os.lstat(path)
    except OSError as error:
        raise StorageError(_told(path, error)) from error
    if not stat.S_ISDIR(held.st_mode) and not os.path.isdir(path):
        raise StorageError(f"{path}: is not a folder; move it away")
    return path


def read_json(path: str) -> Json | None:
    """Read a state file, None when there is none; raises StorageError when it is not sound."""
    try:
        descriptor = _opened(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(_told(path, error)) from error
    with os.fdopen(descriptor, "rb") as file:
        text = file.read()
    try:
        document = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(
            f"{path}: is not sound JSON ({error}); move it away to start anew"
        ) from None
    if not isinstance(document, dict):
        raise StorageError(f"{path}: is not a JSON object; move it away to start anew")
    return document


def replace(path: str, document: Json, *, fsync: bool = True) -> None:
    """Put a whole new version in place, or leave the old one untouched; raises StorageError."""
    folder = os.path.dirname(path)
    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    data = json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    try:
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise StorageError(f"{path}: is not a regular file; move it away")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        try:
            write_all(descriptor, data)
            if fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(fresh, path)
        if fsync:
            _sync_folder(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise StorageError(_told(path, error)) from error


def append(path: str, record: Json, *, fsync: bool = True) -> None:
    """Add one record as one line, whole or not at all; raises StorageError or TryLaterError.

    The lock is a file of its own, because rotation renames the log. A torn last line, left by a
    process that was killed, is cut off first: it was never acknowledged.
    """
    line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    ensure_folder(os.path.dirname(path))
    try:
        with flocked(f"{path}.lock"):
            descriptor = _opened(path, _LOG)
            try:
                size = _repaired_size(descriptor)
                try:
                    write_all(descriptor, line)
                    if fsync:
                        os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, size)
                    raise
            finally:
                os.close(descriptor)
    except OSError as error:
        raise StorageError(_told(path, error)) from error


def touch(path: str) -> None:
    """Open a log for writing, creating it where it is missing; raises StorageError."""
    try:
        os.close(_opened(path, _LOG))
    except OSError as error:
        raise StorageError(_told(path, error)) from error


@contextlib.contextmanager
def flocked(path: str) -> Iterator[None]:
    """Hold an exclusive flock on `path`, waiting with jitter for at most ten seconds."""
    descriptor = _opened(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not try_flock(descriptor):
            if time.monotonic() > deadline:
                raise _still_locked(path)
            time.sleep(0.0005 + os.urandom(1)[0] / 64_000)  # up to 4 ms more, so that all differ
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
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
    path = os.path.join(ensure_folder(folder), "usage.lock")
    try:
        import filelock  # 50 ms: only what reserves or settles pays for it
    except ImportError as error:
        raise StorageError("the Python package filelock is missing; run 'make setup'") from error

    lock = filelock.FileLock(
        path, LOCK_TIMEOUT_S, mode=0o600, poll_interval=0.005, fallback_to_soft=False
    )
    try:
        lock.acquire()
    except filelock.Timeout:
        raise _still_locked(path) from None
    except OSError as error:
        raise StorageError(_told(path, error)) from error
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        yield
    finally:
        lock.release()


def complete_lines(path: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a log from a byte offset on; a torn last line is left out."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return


def size_of(path: str) -> int:
    """Tell the size of a log in bytes, 0 when there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _make_private(path: str) -> None:
    """Make a folder and those above it; `os.makedirs` would leave the umask to the ones above."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        _make_private(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


def _repaired_size(descriptor: int) -> int:
    """Cut off a torn last line and return the size that is left."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - TAIL_BLOCK)
        block = os.pread(descriptor, end - start, start)
        at = block.rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
    return end


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however little the system takes at a time; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(path: str, flags: int) -> int:
    """Open a regular file and nothing else; raises OSError or StorageError."""
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageError(f"{path}: is not a regular file; move it away")
    return descriptor


def _still_locked(path: str) -> TryLaterError:
    """Name the process that holds a lock, as it wrote it there."""
    with open(path, encoding="ascii", errors="replace") as file:
        holder = file.read(32).strip() or "unknown"
    return TryLaterError(f"{path}: still locked by process {holder}; try again later")


def _told(path: str, error: OSError) -> str:
    return f"{path}: {error.strerror or error}; make room or permissions, then try again"
