"""Tasks that found no room and wait for a later start, `deferred.jsonl` (seed 002, section 9.2).

A task is queued by one line and leaves the queue by another, once it is done, however it was
started. Of what is pending only the place in the log is kept in memory, never a task's text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.records import Json, Wishes
from orchestrator.state import files
from orchestrator.state.journal import DEFERRED, Journal
from orchestrator.state.redaction import redact

SCHEMA = 1
_DONE: dict[str, tuple[type, ...]] = {"schema": (int,), "repository": (str,), "task_sha256": (str,)}
_QUEUED = {
    **_DONE,
    "timestamp": (str,),
    "task": (str,),
    "redacted": (bool,),
    "options": (dict,),
    "retry_at": (str, type(None)),
    "reason": (str,),
}
_FIELDS = {"queued": _QUEUED, "done": _DONE}
TITLE = 60  # characters of a task that tell it from others


class Entry(NamedTuple):
    """A pending task; `offset` is the place of its line in bytes."""

    offset: int
    repository: str
    title: str
    redacted: bool
    retry_at: str | None
    timestamp: str
    reason: str

    def is_due(self, now_ms: int) -> bool:
        """Tell whether there may be room again; where nobody knows when, it is worth a try."""
        return self.retry_at is None or self.retry_at <= clock.iso(now_ms)


def options_of(wishes: Wishes) -> Json:
    """Take the wishes that were given."""
    plain = Wishes()._asdict()
    return {k: v for k, v in wishes._asdict().items() if v != plain[k] and k != "no_defer"}


def queue(
    log: Journal,
    line: Json,
    task: str,
    wishes: Wishes,
    secrets: Iterable[str],
    retry_at: str | None,
    reason: str,
) -> None:
    """Queue a decided task, unless it is pending already; raises StorageError, TryLaterError.

    What held a key is queued without it, and marked: it can't be run as it stands.
    """
    options = options_of(wishes)
    kept = redact(task, secrets)
    told = {k: redact(v, secrets) if isinstance(v, str) else v for k, v in options.items()}
    record: Json = {
        "schema": SCHEMA,
        "timestamp": clock.iso(clock.now_ms()),
        "event": "queued",
        "task_id": line["task_id"],
        "repository": line["repository"],
        "task": kept,
        "redacted": kept != task or told != options,
        "task_sha256": line["task_sha256"],
        "options": told,
        "retry_at": retry_at,
        "reason": reason,
    }
    path = log.path(DEFERRED)
    files.ensure_folder(log.folder)
    try:
        with files.flocked(f"{path}.queue.lock"):
            if _key(record) not in _pending(log, record["task_sha256"]):
                log.append(DEFERRED, record)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; make room or permissions") from error


def done(log: Journal, line: Json) -> None:
    """Take a task that is done out of the queue, if it waits there; raises StorageError."""
    repository, digest = line["repository"], line["task_sha256"]
    if files.size_of(log.path(DEFERRED)) == 0:
        return
    if any(entry.repository == repository for entry in _pending(log, digest).values()):
        record = {
            "schema": SCHEMA,
            "timestamp": clock.iso(clock.now_ms()),
            "event": "done",
            "task_id": line["task_id"],
            "repository": repository,
            "task_sha256": digest,
        }
        log.append(DEFERRED, record)


def pending(log: Journal) -> list[Entry]:
    """List what waits, oldest first; raises StorageError when the log can't be read."""
    return list(_pending(log).values())


def record_at(log: Journal, offset: int) -> Json:
    """Read the line of an entry, with its task and options; raises StorageError."""
    for line in files.complete_lines(log.path(DEFERRED), offset):
        record = _read(line)
        if record is not None and record["event"] == "queued":
            return record
        break
    raise StorageError(f"{log.path(DEFERRED)}: has no task at {offset}; list them again")


def _pending(log: Journal, digest: str = "") -> dict[tuple[str, ...], Entry]:
    """Follow the queue from its beginning; `digest` leaves all other tasks out."""
    found: dict[tuple[str, ...], Entry] = {}
    for offset, record in _records(log, digest):
        if record["event"] == "queued":
            found.setdefault(_key(record), _entry(offset, record))
        else:
            same = (record["repository"], record["task_sha256"])
            found = {key: entry for key, entry in found.items() if key[:2] != same}
    return found


def _records(log: Journal, digest: str) -> Iterator[tuple[int, Json]]:
    """Yield the events with their places in bytes; a line that is none is skipped."""
    needle, offset = digest.encode(), 0
    for line in files.complete_lines(log.path(DEFERRED)):
        record = _read(line) if needle in line else None
        if record is not None and digest in ("", record["task_sha256"]):
            yield offset, record
        offset += len(line)


def _read(line: bytes) -> Json | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    wanted = _FIELDS.get(str(record.get("event"))) if isinstance(record, dict) else None
    if wanted is None or not record.keys() >= wanted.keys():
        return None
    if not all(type(record[name]) in types for name, types in wanted.items()):
        return None
    known = record["schema"] <= SCHEMA and record.get("options", {}).keys() <= set(Wishes._fields)
    return record if known else None


def _entry(offset: int, record: Json) -> Entry:
    text = " ".join(record["task"][: 4 * TITLE].split())
    title = text if len(text) <= TITLE else text[: TITLE - 1] + "…"
    return Entry(
        offset,
        record["repository"],
        title,
        record["redacted"],
        record["retry_at"],
        record["timestamp"],
        record["reason"],
    )


def _key(record: Json) -> tuple[str, ...]:
    options = json.dumps(record["options"], sort_keys=True)
    return record["repository"], record["task_sha256"], options
