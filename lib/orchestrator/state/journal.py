"""The logs: one decision line per task, one usage line per attempt; alerts, and tasks for later."""

from __future__ import annotations

import json
import os

from orchestrator.records import Json
from orchestrator.state import files

DECISIONS = "provider_recommendations.jsonl"
USAGE = "provider_usage.jsonl"
ALERTS = "alerts.jsonl"
DEFERRED = "deferred.jsonl"


class Journal:
    """The logs of one folder."""

    def __init__(self, folder: str, *, fsync: bool = True) -> None:
        """Keep where the logs are."""
        self.folder, self.fsync = folder, fsync

    def path(self, log: str) -> str:
        """Name the file of a log."""
        return os.path.join(self.folder, log)

    def append(self, log: str, record: Json) -> None:
        """Add one record, whole or not at all; raises StorageError or TryLaterError."""
        files.append(self.path(log), record, fsync=self.fsync)

    def offsets(self) -> dict[str, int]:
        """Tell how long the logs are, so that recovery looks only beyond."""
        return {log: files.size_of(self.path(log)) for log in (DECISIONS, USAGE)}

    def holds(self, log: str, offset: int, key: str, value: str) -> bool:
        """Tell whether a record with `key` = `value` is in the log beyond `offset`."""
        path = self.path(log)
        needle = value.encode()
        start = offset if files.size_of(path) >= offset else 0  # rotated since
        for line in files.complete_lines(path, start):
            if needle in line:
                try:
                    if json.loads(line).get(key) == value:
                        return True
                except (ValueError, AttributeError):
                    continue
        return False

    def prove_writable(self) -> None:
        """Make sure both logs can be written, before anything is paid for; raises StorageError."""
        files.ensure_folder(self.folder)
        for log in (DECISIONS, USAGE):
            files.touch(self.path(log))
            files.prove_room(f"{self.path(log)}.lock")
