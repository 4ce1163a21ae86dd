"""What is remembered between polls: when each source was asked, and how far records were read.

It is a cache: what is not sound is begun anew. A poll claims its sources before it asks them, so
that two at once do not do the same work; a claim whose poll died lapses.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.records import Json
from orchestrator.state import files, locks

SCHEMA = 1
CLAIM_MS = 120_000
Source = tuple[str, str]  # provider, source


def claim(
    folder: str,
    wanted: Iterable[Source],
    urgent: Iterable[Source],
    ttl_ms: int,
    clock_ms: Callable[[], int] = clock.now_ms,
) -> list[Source]:
    """Take the sources that are due: those not asked within `ttl_ms`, urgent ones at once."""
    with _locked(folder):
        now_ms = clock_ms()  # read here, or who waited for the lock would be behind whoever had it
        times, at_once = _times(folder), set(urgent)
        due = []
        for source in wanted:
            asked = times.get("/".join(source), {})
            begun, done = asked.get("begun_ms"), asked.get("done_ms")
            if _within(begun, CLAIM_MS, now_ms):
                continue
            if source in at_once or not _within(done, ttl_ms, now_ms):
                due.append(source)
                times["/".join(source)] = {**asked, "begun_ms": now_ms}
        if due:
            _save(folder, times)
        return due


def done(folder: str, source: Source, now_ms: int, *, read: bool) -> None:
    """Give a claim back, with the moment when the source was read, if it was."""
    with _locked(folder):
        times, name = _times(folder), "/".join(source)
        before = times.get(name, {}).get("done_ms")
        times[name] = {"begun_ms": None, "done_ms": now_ms if read else before}
        _save(folder, times)


def read_so_far(folder: str, client: str) -> Json:
    """Load what was kept of a client's records: `files` and what they told; empty at first."""
    return _cached(_records_path(folder, client))


def keep(folder: str, client: str, document: Json) -> None:
    """Keep it for the next time; raises StorageError."""
    files.replace(_records_path(folder, client), {"schema": SCHEMA, **document}, fsync=False)


def _locked(folder: str) -> contextlib.AbstractContextManager[None]:
    return locks.flocked(os.path.join(files.ensure_folder(_folder(folder)), "polling.lock"))


def _folder(folder: str) -> str:
    return os.path.join(folder, ".state")


def _times(folder: str) -> Json:
    times = _cached(os.path.join(_folder(folder), "polling.json")).get("sources")
    sound = isinstance(times, dict) and all(isinstance(each, dict) for each in times.values())
    return dict(times) if sound and times else {}


def _save(folder: str, times: Json) -> None:
    path = os.path.join(_folder(folder), "polling.json")
    files.replace(path, {"schema": SCHEMA, "sources": times}, fsync=False)


def _records_path(folder: str, client: str) -> str:
    return os.path.join(_folder(folder), f"records-{client}.json")


def _cached(path: str) -> Json:
    try:
        document = files.read_json(path)
    except StorageError:
        return {}
    return document if document and document.get("schema") == SCHEMA else {}


def _within(at_ms: object, span_ms: int, now_ms: int) -> bool:
    """Tell whether a moment is that recent; one to come stems from a clock that was set back."""
    return type(at_ms) is int and now_ms - span_ms < at_ms <= now_ms
