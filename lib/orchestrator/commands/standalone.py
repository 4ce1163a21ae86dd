"""What the helpers that are callable alone share: their text, and printing one JSON object."""

from __future__ import annotations

import os

from orchestrator.commands import screen, tasks
from orchestrator.commands.session import Session
from orchestrator.config import options
from orchestrator.errors import UsageError
from orchestrator.records import Json


def text_of(session: Session, rest: list[str]) -> str:
    """Take the one TEXT argument; `-` reads stdin. Raises UsageError."""
    if len(rest) != 1:
        raise UsageError("give one TEXT, or - to read it from stdin")
    settings = session.config.settings
    data = tasks.stdin_bytes(settings) if rest[0] == "-" else os.fsencode(rest[0])
    return tasks.checked(data, settings)


def call_of(arguments: list[str]) -> options.Call:
    """Read the options orchestrate.sh knows."""
    return options.read(arguments)


def answer(document: Json) -> int:
    """Print one JSON object on one line."""
    screen.data(document)
    return 0
