"""When each way to a provider worked last, from the end of the usage log, however long it is."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NamedTuple

from orchestrator.records import Json
from orchestrator.state import logfile
from orchestrator.state.journal import USAGE, Journal

MOST = 8 * 1024 * 1024  # bytes: the newest 5,000 attempts and more
_MARK = b'"success": true'
Way = tuple[str, str, str]  # provider, transport, account


class Successes(NamedTuple):
    """The last success by way; `whole` tells whether all of the log was looked at."""

    found: dict[Way, Json]
    whole: bool


def last(log: Journal, wanted: Collection[Way]) -> Successes:
    """Read the log backwards until every way was met; raises StorageError.

    A line that is none is skipped. With no way wanted, all are listed.
    """
    found: dict[Way, Json] = {}
    path = log.path(USAGE)
    for line in logfile.last_lines(path, MOST):
        record = _read(line) if _MARK in line else None
        if record is not None:
            way = (record["provider"], record["transport"], record["account"])
            found.setdefault(way, {"at": record["timestamp"], "model": record["model"]})
            if wanted and found.keys() >= set(wanted):
                break
    return Successes(found, logfile.size_of(path) <= MOST)


def _read(line: bytes) -> Json | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = ("provider", "transport", "account", "timestamp", "model")
    if not isinstance(record, dict) or record.get("success") is not True:
        return None
    return record if all(isinstance(record.get(name), str) for name in names) else None
