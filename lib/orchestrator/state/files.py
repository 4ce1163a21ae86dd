"""Folders and whole files: the floor that locks and logs stand on.

Nothing follows a symlink, opens what is no regular file, or trusts what everybody may write to.
What is written is private (0600, folders 0700) and durable before it is acknowledged.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator

from orchestrator import clock
from orchestrator.config.documents import no_constant, unique
from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import Json

UNFINISHED, LONG_AGO_S = ".tmp", 3600
ROOM = 32_768  # bytes: more than a task writes into any one file
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
        descriptor = opened(lock, os.O_WRONLY | os.O_CREAT)
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
            descriptor = opened(path, os.O_RDONLY)
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
    """Put a whole new version of a document in place; raises StorageError (see `put`)."""
    # One field a line: `indent` is for people too, but three times slower than all the rest.
    rows = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in document.items())
    put(path, ("{\n" + ",\n".join(rows) + "\n}\n").encode(), fsync=fsync)


def put(path: str, data: bytes, *, fsync: bool = True) -> None:
    """Put a whole new version in place, or leave the old one untouched; raises StorageError.

    When its name can't be brought to the disk it may stand all the same, not acknowledged.
    """
    from orchestrator.state.swap import swap  # 1 ms: a look replaces nothing

    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}{UNFINISHED}"
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


def set_aside(path: str, now_ms: int) -> str:
    """Keep a copy of a file as `<path>.corrupt-<time>` before it is replaced; returns its name.

    The file itself stays until then: one that is gone for a moment would count as nothing used.
    """
    with telling(path):
        return _linked(path, f"{path}.corrupt-{clock.iso(now_ms).replace(':', '')}")


def put_away(path: str, ending: str) -> str | None:
    """Rename a file to `<path><ending>`, never over another; raises StorageError.

    Returns its new name, None when another process did the same just now.
    """
    with telling(path):
        try:
            away = _linked(path, path + ending)
            os.unlink(path)
        except FileNotFoundError:
            return None
    return away


def _linked(path: str, first: str) -> str:
    """Give a file a second name, with a number where that is taken; raises OSError."""
    name, number = first, 1
    while True:
        try:
            os.link(path, name)
        except FileExistsError:
            name, number = f"{first}.{number}", number + 1
        else:
            return name


def _make_private(path: str) -> None:
    """Make a folder and those above it; `os.makedirs` would leave the umask to the ones above."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        _make_private(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


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


def opened(path: str, flags: int) -> int:
    """Open a regular file of one's own and nothing else; raises OSError or StorageError."""
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    try:
        refuse_strange(path, descriptor)
    except (OSError, StorageError):
        os.close(descriptor)
        raise
    return descriptor


def refuse_strange(path: str, descriptor: int) -> None:
    """Raise StorageError for what is no regular file, or one that everybody may write to."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path}: is not a regular file; move it away")
    if mode & stat.S_IWOTH:
        raise StorageError(f"{path}: everybody may write to it; chmod o-w it when it is sound")


@contextlib.contextmanager
def telling(path: str) -> Iterator[None]:
    """Raise what the system refuses as StorageError, in one line that names the path."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise StorageError(f"{path}: {why}; make room or permissions, then try again") from error
