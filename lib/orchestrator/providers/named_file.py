"""A file that a person named on the command line, to go with a task."""

from __future__ import annotations

import os
import stat

from orchestrator.errors import UsageError


def read(path: str, option: str, most_bytes: int) -> bytes:
    """Read all of a regular file; raises UsageError naming `option` and the path.

    A FIFO is not waited on, and one that grows while it is read is still too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{option} {path}: is not a regular file; name one")
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} {path}: {why}; name a file that can be read") from None
    if len(data) > most_bytes:
        raise UsageError(f"{option} {path}: is over {most_bytes:,} bytes; name a smaller file")
    if not data:
        raise UsageError(f"{option} {path}: is empty; name another file")
    return data
