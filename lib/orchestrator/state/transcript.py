"""The full transcript of a task, `logs/runs/<task_id>.log`: what was said, redacted, as it came."""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.state import files, logfile
from orchestrator.state.redaction import MARK, redact

MOST_NOTE = 256 * 1024  # characters
MOST = 64 * 1024 * 1024  # characters
SPARE = 8 * 1024  # a key at the cut is looked at whole


class Transcript:
    """An open transcript; a disk that fills up ends it, never the task, and so does its size."""

    def __init__(self, logs: str, task_id: str, secrets: tuple[str, ...]) -> None:
        """Create the file, private; raises StorageError."""
        folder = files.ensure_folder(os.path.join(logs, "runs"))
        self.path = os.path.join(folder, f"{task_id}.log")
        logfile.touch(self.path)
        self.secrets, self.size = secrets, 0
        self.in_key: set[str] = set()  # the sources that are in the lines of a private key
        self.broken: str | None = None  # why it ends early

    def note(self, source: str, text: str) -> None:
        """Add what `source` said, with the time."""
        if self.broken:
            return
        said = redact(text[: MOST_NOTE + SPARE], self.secrets)
        said = MARK if self._is_of_key(source, text) else said[:MOST_NOTE]
        cut = "" if len(text) <= MOST_NOTE else f" … cut, {len(text)} characters"
        line = f"{clock.iso(clock.now_ms())} {source}: {said}{cut}\n"
        self.size += len(line)
        if self.size > MOST:
            self.broken = f"{self.path}: it is over {MOST} characters"
            line = f"{clock.iso(clock.now_ms())} ended: {self.broken}\n"
        try:
            logfile.add_text(self.path, line)
        except StorageError as error:
            self.broken = str(error)

    def _is_of_key(self, source: str, text: str) -> bool:
        """Tell whether a line belongs to a private key that began on a line of its own before."""
        begins = text.rfind("-----BEGIN ")
        if begins >= 0 and "PRIVATE KEY" in text[begins:] and "-----END " not in text[begins:]:
            self.in_key.add(source)
            return False  # its own line is redacted like any other
        if source not in self.in_key:
            return False
        ends, header = "-----END " in text, text.startswith(("Proc-Type:", "DEK-Info:"))
        goes_on = header or " " not in text.strip()
        if ends or not goes_on:
            self.in_key.discard(source)
        return ends or goes_on
