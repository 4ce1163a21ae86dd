"""The logs: one decision line per task, one usage line per attempt; and those beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence

from orchestrator.records import Json
from orchestrator.state import files, logfile

DECISIONS = "provider_recommendations.jsonl"
USAGE = "provider_usage.jsonl"
ALERTS = "alerts.jsonl"
DEFERRED = "deferred.jsonl"
SUGGESTIONS = "recommendations.jsonl"
BEGINNING = (0, 0)  # a mark in a log: its inode, and an offset in bytes


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
        logfile.append(self.path(log), record, fsync=self.fsync)

    def offsets(self) -> dict[str, tuple[int, int]]:
        """Tell where the logs end, so that recovery looks only beyond."""
        return {log: logfile.mark_of(self.path(log)) for log in (DECISIONS, USAGE)}

    def holds(self, log: str, since: Sequence[int], key: str, value: str) -> bool:
        """Tell whether a record with `key` = `value` is in the log beyond a mark."""
        needle = value.encode()
        for line in self.lines(log, since):
            if needle in line:
                try:
                    if json.loads(line).get(key) == value:
                        return True
                except (ValueError, AttributeError):
                    continue
        return False

    def lines(self, log: str, since: Sequence[int] = BEGINNING) -> Iterator[bytes]:
        """Yield the whole lines of a log beyond a mark, those that rotation moved away included."""
        for path, start in self._beyond(log, since):
            yield from logfile.complete_lines(path, start)

    def _beyond(self, log: str, since: Sequence[int]) -> list[tuple[str, int]]:
        """List where to look: in the log from the mark on; in all its parts if it was rotated."""
        (inode, offset), path = since, self.path(log)
        here, size = logfile.mark_of(path)
        if inode and here == inode and size >= offset:
            return [(path, offset)]
        stem, _ = os.path.splitext(log)
        files.ensure_folder(self.folder)
        with files.telling(self.folder), os.scandir(self.folder) as entries:
            parts = [
                (entry.path, entry.inode())
                for entry in entries
                if entry.name.startswith(stem)
                and not entry.name.endswith(".lock")
                and entry.is_file(follow_symlinks=False)
            ]
        return [(part, offset if it == inode != here else 0) for part, it in parts]

    def prove_writable(self) -> None:
        """Make sure both logs can be written, before anything is paid for; raises StorageError."""
        files.ensure_folder(self.folder)
        for log in (DECISIONS, USAGE):
            logfile.touch(self.path(log))
            files.prove_room(f"{self.path(log)}.lock")
