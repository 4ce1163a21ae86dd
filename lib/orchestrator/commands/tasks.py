"""A task as it is given, and as logs hold it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from orchestrator.errors import UsageError
from orchestrator.records import Json
from orchestrator.state import redaction


def stdin_bytes(settings: Json) -> bytes:
    """Read the task from stdin, one byte past the limit at most; raises UsageError when closed."""
    if sys.stdin is None:
        raise UsageError("stdin is closed; give the task as text, or on an open stdin")
    return sys.stdin.buffer.read(settings["max_task_bytes"] + 1)


def checked(data: bytes, settings: Json) -> str:
    """Read a task's bytes; raises UsageError when they are empty, too many or no UTF-8."""
    limit = settings["max_task_bytes"]
    if len(data) > limit:
        raise UsageError(
            f"the task has more bytes than max_task_bytes {limit}; "
            "put large material into a file of the repository"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the task is not UTF-8 (byte {error.start}); convert it, for example with iconv"
        ) from None
    if not text.strip():
        raise UsageError("the task is empty; say what is to be done")
    return text


def logged(task: str, settings: Json, secrets: Sequence[str]) -> Json:
    """Write a task as logs hold it: redacted and shortened, with the digest of the whole."""
    text = redaction.redact(task, secrets)
    if not settings["log_full_task"]:
        text = redaction.shortened(text, settings["log_task_bytes"])
    return {"text": text, "sha256": _sha256(task.encode("utf-8"))}


def _sha256(data: bytes) -> str:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found] # hashlib loads OpenSSL: 3 ms
    except ImportError:
        from hashlib import sha256
    return str(sha256(data).hexdigest())
