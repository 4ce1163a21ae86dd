"""Log files: lines added whole or not at all, and only whole lines read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

from orchestrator.errors import StorageError
from orchestrator.records import Json
from orchestrator.state import files, locks

TAIL_BLOCK = 65_536
LAST_BLOCK = 1024 * 1024
MAX_LINE = 16 * 1024 * 1024  # a task of 4 MB, escaped and whole, and room to spare
_LOG = os.O_RDWR | os.O_CREAT | os.O_APPEND


def append(path: str, record: Json, *, fsync: bool = True) -> None:
    """Add one record as one line, whole or not at all; raises StorageError or TryLaterError.

    The lock is a file of its own, because rotation renames the log. A torn last line, left by a
    process that was killed, is cut off first: it was never acknowledged. Others need not wait until
    the line is on the disk: they may add theirs meanwhile. When it can't be brought there it may
    stand all the same, not acknowledged.
    """
    line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    folder = files.ensure_folder(os.path.dirname(path))
    with files.telling(path):
        with locks.flocked(f"{path}.lock"):
            descriptor, size = _with_line(path, line)
        try:
            if fsync:
                os.fsync(descriptor)
                if size == 0:
                    files.sync_folder(folder)  # its name is as new as its first line
        finally:
            os.close(descriptor)


def add_text(path: str, text: str) -> None:
    """Add text to a file of one writer, with no guarantee of a log's; raises StorageError."""
    with files.telling(path):
        descriptor = files.opened(path, _LOG)
        try:
            files.write_all(descriptor, text.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def touch(path: str) -> None:
    """Make sure a file can be added to, creating it where it is missing; raises StorageError."""
    import resource  # half a millisecond, and only what runs something asks

    add_text(path, "")
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and size_of(path) + files.ROOM > most:
        raise StorageError(f"{path}: has no room below the file-size limit (ulimit -f); move it")


def complete_lines(path: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the whole lines of a log from a byte offset on; a torn last line is left out.

    A line over MAX_LINE comes in pieces, those without its end left out: none is a record. Raises
    StorageError when it can't be read.
    """
    with files.telling(path):
        try:
            descriptor = files.opened(path, os.O_RDONLY)
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
    with files.telling(path):
        try:
            descriptor = files.opened(path, os.O_RDONLY)
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


def size_of(path: str) -> int:
    """Tell the size of a log in bytes, 0 when there is none."""
    return mark_of(path)[1]


def mark_of(path: str) -> tuple[int, int]:
    """Tell the inode of a log and its size in bytes, zeros when there is none."""
    with files.telling(path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return 0, 0
    return found.st_ino, found.st_size


def _with_line(path: str, line: bytes) -> tuple[int, int]:
    """Open a log and add a line to it; returns the descriptor and the size before, in bytes."""
    descriptor = files.opened(path, _LOG)
    try:
        size = _repaired_size(descriptor)
        try:
            files.write_all(descriptor, line)
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
