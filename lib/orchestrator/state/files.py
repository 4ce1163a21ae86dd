"""The only code that writes: folders, whole files, log lines, and the locks they need.

Nothing follows a symlink, opens what is no regular file, or trusts what everybody may write to.
What is written is private (0600, folders 0700) and durable before it is acknowledged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator

from orchestrator import clock
from orchestrator.config.load import no_constant, unique
from orchestrator.errors import StorageError, TryLaterError, UnsoundError
from orchestrator.records import Json

LOCK_TIMEOUT_S = 10.0
# Asking whether a lock is free takes the processor from who holds it. So who is new asks seldom,
# and who has waited asks often: with 64 of them the last is served soon, and none in vain.
NEW_S, SELDOM_S, OFTEN_S = 0.1, 0.02, 0.005
TAIL_BLOCK = 65_536
LAST_BLOCK = 1024 * 1024
MAX_LINE = 16 * 1024 * 1024  # a task of 4 MB, escaped and whole, and room to spare
USAGE_LOCK, UNFINISHED, LONG_AGO_S = "usage.lock", ".tmp", 3600
ROOM = 32_768  # bytes: more than a task writes into any one file
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOG = os.O_RDWR | os.O_CREAT | os.O_APPEND


def ensure_folder(path: str) -> str:
    """Make `path` a private folder where it is missing; raises StorageError.

    It may be a symlink to a folder, but no folder that everybody may write to: what is in there
    could be swapped. A sticky one, such as /tmp, can't be played with like that.
    """
    with telling(path):
        _make_private(path)
        check_folder(path)
    return path


def check_folder(path: str) -> None:
    """Refuse what is no folder, or one that everybody may write to; raises StorageError."""
    with telling(path):
        if not os.path.isdir(path):
            raise StorageError(f"{path}: is not a folder; move it away")
        mode = os.stat(path).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise StorageError(f"{path}: everybody may write to it; chmod o-w it, or use another")


def prove_room(lock: str) -> None:
    """Make sure that a task's records fit beside the file of a lock; raises StorageError.

    Nobody reads what is in that file: it is filled for a moment, and emptied.
    """
    with telling(lock):
        descriptor = _opened(lock, os.O_WRONLY | os.O_CREAT)
        try:
            write_all(descriptor, bytes(ROOM))
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)


def sweep(folder: str) -> None:
    """Remove new versions that were never put in place: their writers were killed long ago.

    The folder may hold other people's files: ours alone have such names.
    """
    import re  # only a recovery sweeps

    unfinished = re.compile(rf".+\.\d+\.[0-9a-f]{{8}}{re.escape(UNFINISHED)}")
    long_ago = time.time() - LONG_AGO_S
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if unfinished.fullmatch(entry.name) and entry.stat().st_mtime < long_ago:
                os.unlink(entry)


def read_json(path: str) -> Json | None:
    """Read a state file, None when there is none; raises StorageError when it is not sound."""
    with telling(path):
        try:
            descriptor = _opened(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            text = file.read()
    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise UnsoundError(path, f"is not sound JSON ({error})") from None
    if not isinstance(document, dict):
        raise UnsoundError(path, "is not a JSON object")
    return document


def replace(path: str, document: Json, *, fsync: bool = True) -> None:
    """Put a whole new version in place, or leave the old one untouched; raises StorageError.

    When its name can't be brought to the disk it may stand all the same, not acknowledged.
    """
    from orchestrator.state.swap import swap  # 1 ms: a look replaces nothing

    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}{UNFINISHED}"
    # One field a line: `indent` is for people too, but three times slower than all the rest.
    rows = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in document.items())
    data = ("{\n" + ",\n".join(rows) + "\n}\n").encode()
    with telling(path):
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise StorageError(f"{path}: is not a regular file; move it away")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
            try:
                write_all(descriptor, data)
                if fsync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            swap(fresh, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise
        if fsync:
            sync_folder(os.path.dirname(path))


def append(path: str, record: Json, *, fsync: bool = True) -> None:
    """Add one record as one line, whole or not at all; raises StorageError or TryLaterError.

    The lock is a file of its own, because rotation renames the log. A torn last line, left by a
    process that was killed, is cut off first: it was never acknowledged. Others need not wait until
    the line is on the disk: they may add theirs meanwhile. When it can't be brought there it may
    stand all the same, not acknowledged.
    """
    line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    folder = ensure_folder(os.path.dirname(path))
    with telling(path):
        with flocked(f"{path}.lock"):
            descriptor, size = _with_line(path, line)
        try:
            if fsync:
                os.fsync(descriptor)
                if size == 0:
                    sync_folder(folder)  # its name is as new as its first line
        finally:
            os.close(descriptor)


def add_text(path: str, text: str) -> None:
    """Add text to a file of one writer, with no guarantee of a log's; raises StorageError."""
    with telling(path):
        descriptor = _opened(path, _LOG)
        try:
            write_all(descriptor, text.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def touch(path: str) -> None:
    """Make sure a file can be added to, creating it where it is missing; raises StorageError."""
    import resource  # half a millisecond, and only what runs something asks

    add_text(path, "")
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and size_of(path) + ROOM > most:
        raise StorageError(f"{path}: has no room below the file-size limit (ulimit -f); move it")


@contextlib.contextmanager
def flocked(path: str) -> Iterator[None]:
    """Hold an exclusive flock on `path`; raises StorageError, and TryLaterError after 10 s."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with telling(path):
        descriptor = _opened(path, os.O_RDWR | os.O_CREAT)
    try:
        with telling(path):
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
    ensure_folder(os.path.dirname(folder))
    path = os.path.join(ensure_folder(folder), USAGE_LOCK)
    try:
        import filelock  # 50 ms: only what reserves or settles pays for it
    except ImportError as error:
        raise StorageError("the Python package filelock is missing; run 'make setup'") from error

    lock = filelock.FileLock(
        path,
        mode=0o600,
        fallback_to_soft=False,
        on_acquired=lambda descriptor: _refuse_strange(path, descriptor),
    )
    with telling(path):
        for patience_s, poll_s in ((NEW_S, SELDOM_S), (LOCK_TIMEOUT_S, OFTEN_S)):
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(patience_s, poll_interval=poll_s)
                break
        else:
            raise _still_locked(path)
    try:
        yield
    finally:
        with telling(path):
            lock.release()


def complete_lines(path: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a log from a byte offset on; a torn last line is left out.

    A line over MAX_LINE comes in pieces, those without its end left out: none is a record. Raises
    StorageError when it can't be read.
    """
    with telling(path):
        try:
            descriptor = _opened(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        file = os.fdopen(descriptor, "rb")
        try:
            file.seek(offset)
            while line := file.readline(MAX_LINE):
                if line.endswith(b"\n"):
                    yield line
        finally:
            with contextlib.suppress(OSError):  # it was only read
                file.close()


def last_lines(path: str, most: int) -> Iterator[bytes]:
    """Yield the whole lines in the last `most` bytes of a log, the newest first.

    Raises StorageError when it can't be read.
    """
    with telling(path):
        try:
            descriptor = _opened(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            start = os.fstat(descriptor).st_size
            floor, rest, ended = max(0, start - most), b"", False
            while start > floor:
                end, start = start, max(floor, start - LAST_BLOCK)
                # The first of these lines may begin further up, the last one of all has no end.
                rest, *lines = (os.pread(descriptor, end - start, start) + rest).split(b"\n")
                yield from reversed(lines if ended else lines[:-1])
                ended = ended or bool(lines)
            if floor == 0 and ended and rest:
                yield rest
        finally:
            os.close(descriptor)


def set_aside(path: str, now_ms: int) -> str:
    """Keep a copy of a file as `<path>.corrupt-<time>` before it is replaced; returns its name.

    The file itself stays until then: one that is gone for a moment would count as nothing used.
    """
    first = aside = f"{path}.corrupt-{clock.iso(now_ms).replace(':', '')}"
    number = 1
    while os.path.lexists(aside):
        aside, number = f"{first}.{number}", number + 1
    with telling(path):
        os.link(path, aside)
    return aside


def size_of(path: str) -> int:
    """Tell the size of a log in bytes, 0 when there is none."""
    return mark_of(path)[1]


def mark_of(path: str) -> tuple[int, int]:
    """Tell the inode of a log and its size in bytes, zeros when there is none."""
    with telling(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return 0, 0
    return found.st_ino, found.st_size


def _make_private(path: str) -> None:
    """Make a folder and those above it; `os.makedirs` would leave the umask to the ones above."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        _make_private(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


def _with_line(path: str, line: bytes) -> tuple[int, int]:
    """Open a log and add a line to it; returns the descriptor and the size before, in bytes."""
    descriptor = _opened(path, _LOG)
    try:
        size = _repaired_size(descriptor)
        try:
            write_all(descriptor, line)
        except OSError:
            with contextlib.suppress(OSError):  # the next writer cuts it off
                os.ftruncate(descriptor, size)
            raise
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, size


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


def sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(path: str, flags: int) -> int:
    """Open a regular file of one's own and nothing else; raises OSError or StorageError."""
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    try:
        _refuse_strange(path, descriptor)
    except (OSError, StorageError):
        os.close(descriptor)
        raise
    return descriptor


def _refuse_strange(path: str, descriptor: int) -> None:
    """Raise StorageError for what is no regular file, or one that everybody may write to."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path}: is not a regular file; move it away")
    if mode & stat.S_IWOTH:
        raise StorageError(f"{path}: everybody may write to it; chmod o-w it when it is sound")


def _still_locked(path: str) -> TryLaterError:
    """Name the process that holds a lock, as the system knows it."""
    holder = "another process"
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        mark = f":{os.stat(path).st_ino} "  # some file systems have two device numbers
        found = next((row.split()[4] for row in table if " FLOCK " in row and mark in row), "0")
        holder = f"process {found}" if int(found) > 0 else holder
    return TryLaterError(f"{path}: still locked by {holder}; try again later")


@contextlib.contextmanager
def telling(path: str) -> Iterator[None]:
    """Raise what the system refuses as StorageError, in one line that names the path."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise StorageError(f"{path}: {why}; make room or permissions, then try again") from error
