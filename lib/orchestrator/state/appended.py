"""Reading what was appended to other programs' files since the last time, and nothing else.

Of each file the inode, the size and the byte read so far are kept. One that shrank or was replaced
is read anew; a last line without its end waits for the next time. Memory is bounded however long a
file or a line is, and nothing but regular files is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

CHUNK = 1024 * 1024
MAX_LINE = 4 * 1024 * 1024  # a longer one is skipped: no figure is in it
DEEPEST = 8  # folders below the first one

# inode, size, offset, and 1 in the middle of a line that is skipped
Position = tuple[int, int, int, int]
Positions = dict[str, Position]


class Pattern(NamedTuple):
    """Which files of a folder, and which of their lines: those with `mark` in them."""

    prefix: str
    suffix: str
    mark: bytes


def read(
    folder: str,
    pattern: Pattern,
    known: Mapping[str, Position],
    since_ms: int,
    take: Callable[[bytes], None],
) -> tuple[Positions, list[str]]:
    """Hand each new line to `take`; returns the positions, and what could not be read and why.

    Files that nobody wrote to since `since_ms` are left alone: nothing in them counts any more.
    """
    positions: Positions = {}
    problems: list[str] = []
    for entry in _entries(folder, pattern, DEEPEST, problems):
        try:
            found = entry.stat(follow_symlinks=False)
            if found.st_mtime * 1000 < since_ms:
                continue
            before = known.get(entry.path)
            if before is None or before[0] != found.st_ino or before[1] != found.st_size:
                before = _read_file(entry.path, before, pattern.mark, take)
            positions[entry.path] = before
        except OSError as error:
            problems.append(f"{entry.path}: {error.strerror or error}")
    return positions, problems


def _entries(
    folder: str, pattern: Pattern, deep: int, problems: list[str]
) -> Iterator[os.DirEntry[str]]:
    """Walk a folder without following symlinks; one that is not there is empty."""
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(f"{folder}: {error.strerror or error}")
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if deep:
                yield from _entries(entry.path, pattern, deep - 1, problems)
        elif (
            entry.name.startswith(pattern.prefix)
            and entry.name.endswith(pattern.suffix)
            and entry.is_file(follow_symlinks=False)
        ):
            yield entry


def _read_file(
    path: str, before: Position | None, mark: bytes, take: Callable[[bytes], None]
) -> Position:
    """Read one file from where it was left; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "is not a regular file")
        start, skips = _start(descriptor, found, before)
        offset, skips = _read_lines(descriptor, start, found.st_size, mark, take, skips=skips)
        return found.st_ino, found.st_size, offset, int(skips)
    finally:
        os.close(descriptor)


def _start(descriptor: int, found: os.stat_result, before: Position | None) -> tuple[int, bool]:
    """Tell where to go on: behind the last whole line, or at the start of what is another file."""
    if before is None or before[0] != found.st_ino or found.st_size < before[1]:
        return 0, False
    _, _, offset, skips = before
    if offset and not skips and os.pread(descriptor, 1, offset - 1) != b"\n":
        return 0, False  # written anew in place
    return offset, bool(skips)


def _read_lines(
    descriptor: int,
    at: int,
    end: int,
    mark: bytes,
    take: Callable[[bytes], None],
    *,
    skips: bool,
) -> tuple[int, bool]:
    """Take the whole lines up to `end`; returns where the first line that is not whole begins."""
    rest = b""
    while at < end:
        chunk = os.pread(descriptor, min(CHUNK, end - at), at)
        if not chunk:
            break
        at += len(chunk)
        if skips:
            newline = chunk.find(b"\n") + 1
            if not newline:
                continue
            chunk, skips = chunk[newline:], False
        data = rest + chunk
        whole = data.rfind(b"\n") + 1
        found = data.find(mark, 0, whole)
        while found >= 0:
            after = data.index(b"\n", found)
            take(data[data.rfind(b"\n", 0, found) + 1 : after])
            found = data.find(mark, after, whole)
        rest = data[whole:]
        if len(rest) > MAX_LINE:
            rest, skips = b"", True
    return at - len(rest), skips
