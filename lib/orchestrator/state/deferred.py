"""Tasks that found no room and wait for a later start, `deferred.jsonl` (seed 002, section 9.2).

A task is queued by one line, waits on by another each time it is due and finds no room again, and
leaves the queue by a last one, once it was run, however it was started. Of what is pending only the
place in the log is kept in memory, never a task's text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.records import Json, Wishes
from orchestrator.state import files, locks, logfile
from orchestrator.state.journal import DEFERRED, Journal
from orchestrator.state.redaction import redact

SCHEMA = 1
_DONE: dict[str, tuple[type, ...]] = {"schema": (int,), "repository": (str,), "task_sha256": (str,)}
_AGAIN = {**_DONE, "options": (dict,), "retry_at": (str, type(None)), "reason": (str,)}
_QUEUED = {**_AGAIN, "timestamp": (str,), "task": (str,), "redacted": (bool,)}
_FAILED = {**_DONE, "options": (dict,)}
_FIELDS = {"queued": _QUEUED, "again": _AGAIN, "failed": _FAILED, "done": _DONE}
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
    """Queue a decided task; one that is pending is told a later time at most.

    Raises StorageError and TryLaterError. What held a key is queued without it, and marked: it
    can't be run as it stands.
    """
    options, now_ms = options_of(wishes), clock.now_ms()
    kept, told = redact(task, secrets), _told(wishes, secrets)
    record: Json = {
        "schema": SCHEMA,
        "timestamp": clock.iso(now_ms),
        "event": "queued",
        **_named(line),
        "task": kept,
        "redacted": kept != task or told != options,
        "options": told,
        "retry_at": retry_at,
        "reason": reason,
    }
    files.ensure_folder(log.folder)
    with locks.flocked(f"{log.path(DEFERRED)}.queue.lock"):
        known = _pending(log, record["task_sha256"]).get(_key(record))
        if known is None:
            log.append(DEFERRED, record)
        elif known.is_due(now_ms) and retry_at is not None and retry_at > clock.iso(now_ms):
            short = {name: record[name] for name in ("timestamp", "task_id", *_AGAIN)}
            log.append(DEFERRED, {**short, "event": "again"})


def done(line: Json) -> Json:
    """Say that a task is done: it leaves the queue, whatever options it waits with."""
    return {"event": "done", **_named(line)}


def failed(line: Json, wishes: Wishes, secrets: Iterable[str]) -> Json:
    """Say that a task was run in vain: it leaves the queue where it waits with these options."""
    return {"event": "failed", **_named(line), "options": _told(wishes, secrets)}


def leave(log: Journal, event: Json) -> None:
    """Take what `done` or `failed` tells of out of the queue, if it waits; raises StorageError."""
    if logfile.size_of(log.path(DEFERRED)) == 0:
        return
    known = _pending(log, event["task_sha256"])
    if len(_without(known, event)) < len(known):
        log.append(DEFERRED, {"schema": SCHEMA, "timestamp": clock.iso(clock.now_ms()), **event})


def _named(line: Json) -> Json:
    return {name: line[name] for name in ("task_id", "repository", "task_sha256")}


def _told(wishes: Wishes, secrets: Iterable[str]) -> Json:
    """Write the wishes that were given without any key."""
    options = options_of(wishes)
    return {k: redact(v, secrets) if isinstance(v, str) else v for k, v in options.items()}


def _without(found: dict[tuple[str, ...], Entry], record: Json) -> dict[tuple[str, ...], Entry]:
    """Leave out what a line takes out of the queue."""
    if record["event"] == "failed":
        return {key: entry for key, entry in found.items() if key != _key(record)}
    same = (record["repository"], record["task_sha256"])
    return {key: entry for key, entry in found.items() if key[:2] != same}


def pending(log: Journal) -> list[Entry]:
    """List what waits, oldest first; raises StorageError when the log can't be read."""
    return list(_pending(log).values())


def record_at(log: Journal, offset: int) -> Json:
    """Read the line of an entry, with its task and options; raises StorageError."""
    for line in logfile.complete_lines(log.path(DEFERRED), offset):
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
        elif record["event"] == "again":
            if (known := found.get(_key(record))) is not None:
                later = {"retry_at": record["retry_at"], "reason": record["reason"]}
                found[_key(record)] = known._replace(**later)
        else:
            found = _without(found, record)
    return found


def _records(log: Journal, digest: str) -> Iterator[tuple[int, Json]]:
    """Yield the events with their places in bytes; a line that is none is skipped."""
    needle, offset = digest.encode(), 0
    for line in logfile.complete_lines(log.path(DEFERRED)):
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
