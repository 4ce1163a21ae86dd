"""The parts of a log: the file itself and those that rotation moved away, compressed or not."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import time
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple, cast

from orchestrator.errors import UnsoundLogError, UsageError
from orchestrator.insight import report_fields
from orchestrator.state import files
from orchestrator.state.logfile import MAX_LINE

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
TORN_S = 0.5  # a writer's one write takes less


class Part(NamedTuple):
    """One file of a log: open, so that a rotation meanwhile takes nothing away."""

    path: str
    descriptor: int
    compression: str  # none | gzip | zstd

    @property
    def opened(self) -> str:
        """Name what is open, for whoever reads by a path."""
        return f"/proc/self/fd/{self.descriptor}"


def paths(path: str) -> list[str]:
    """List the files of a log, the oldest name last; raises StorageError.

    Rotated parts are named after it: `provider_usage.jsonl.1`, `provider_usage.jsonl-20261120.gz`,
    `provider_usage-2026-10.jsonl.zst`. A part that is there compressed, too, counts once.
    """
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    part = re.compile(
        rf"{re.escape(stem)}([-._][-.\w]*)?{re.escape(extension)}([-._][-.\w]*)?(\.gz|\.zst)?"
    )
    with files.telling(folder):
        try:
            found = {n for n in os.listdir(folder or ".") if part.fullmatch(n)}
        except FileNotFoundError:
            return []
    found = {n for n in found if not n.endswith((".lock", files.UNFINISHED))}
    plain = {n for n in found if os.path.splitext(n)[1] not in COMPRESSIONS}
    once = [n for n in found if n in plain or os.path.splitext(n)[0] not in plain]
    return [os.path.join(folder, n) for n in sorted(once, key=lambda n: (n != name, n))]


@contextlib.contextmanager
def parts(path: str) -> Iterator[list[Part]]:
    """Open the parts of a log that hold anything, and close them; raises StorageError."""
    with contextlib.ExitStack() as stack:
        listed, found = paths(path), _opened(path, stack)
        while paths(path) != listed:  # a rotation renamed them in between
            listed, found = paths(path), _opened(path, stack)
        yield [part for part in found if os.fstat(part.descriptor).st_size]


def _opened(path: str, stack: contextlib.ExitStack) -> list[Part]:
    """Open what there is; what is renamed under our hands is met under its new name."""
    found: dict[int, Part] = {}
    for each in paths(path):
        with files.telling(each), contextlib.suppress(FileNotFoundError):
            descriptor = files.opened(each, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            kind = COMPRESSIONS.get(os.path.splitext(each)[1], "none")
            found[os.fstat(descriptor).st_ino] = Part(each, descriptor, kind)
    return list(found.values())


def missing(path: str) -> UsageError:
    """Make the error for a log that has no line."""
    what = "is empty" if os.path.exists(path) else "is missing"
    return UsageError(f"{path}: {what}; run a task, or set ORCHESTRATE_LOGS to where the logs are")


def look_for_fault(log: str, part: Part) -> None:
    """Read every line once more and name the first that is unsound; raises UnsoundLogError.

    Returns when the last line was being written a moment ago.
    """
    number = 0
    try:
        with _lines(part) as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                reason = report_fields.wrong(log, line) if line.strip() else None
                if reason is None:
                    continue
                if not line.endswith(b"\n") and part.compression == "none" and _grows(part):
                    return
                advice = "mend the line or move it away"
                raise UnsoundLogError(f"{part.path}: line {number}: {reason}; {advice}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnsoundLogError(
            f"{part.path}: can't be unpacked after line {number} ({error}); move it away"
        ) from None


def _grows(part: Part) -> bool:
    """Tell whether the end of a file is being written, and not torn."""
    size, end = os.fstat(part.descriptor).st_size, time.monotonic() + TORN_S
    while time.monotonic() < end:
        if os.fstat(part.descriptor).st_size != size:
            return True
        time.sleep(0.01)
    return False


def _lines(part: Part) -> IO[bytes]:
    """Open a part anew from its beginning."""
    if part.compression == "gzip":
        return cast("IO[bytes]", gzip.open(part.opened, "rb"))
    return open(part.opened, "rb")
