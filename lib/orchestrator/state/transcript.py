"""The full transcript of a task, `logs/runs/<task_id>.log`: what was said, redacted, as it came."""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.state import files
from orchestrator.state.redaction import redact


class Transcript:
    """An open transcript; a disk that fills up ends it, never the task."""

    def __init__(self, logs: str, task_id: str, secrets: tuple[str, ...]) -> None:
        """Create the file, private; raises StorageError."""
        folder = files.ensure_folder(os.path.join(logs, "runs"))
        self.path = os.path.join(folder, f"{task_id}.log")
        files.touch(self.path)
        self.secrets = secrets
        self.broken: str | None = None  # why it ends early

    def note(self, source: str, text: str) -> None:
        """Add what `source` said, with the time."""
        if self.broken:
            return
        line = f"{clock.iso(clock.now_ms())} {source}: {redact(text, self.secrets)}\n"
        try:
            files.add_text(self.path, line)
        except StorageError as error:
            self.broken = str(error)
