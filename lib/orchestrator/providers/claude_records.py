"""What claude writes down of each answer: assistant lines in `projects/**/*.jsonl`.

An answer of several parts is several lines with the same message id and growing usage; a resumed
session repeats those of the one before. So an id counts once, at the most it was told with.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator import clock
from orchestrator.providers.reading import count, parsed, text_at

MARK = b'"usage"'  # a line without it need not be parsed
SOURCE = "client records"
MOST_TOKENS = 10**9
_COUNTS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)


class Message(NamedTuple):
    """One answer; tokens are all that went in and came out, cached ones included."""

    id: str
    at_ms: int
    tokens: int


def message_of(line: bytes) -> Message | None:
    """Read the answer one line tells of, None where it tells none."""
    document = parsed(line.decode("utf-8", "replace"))
    if text_at(document, "type") != "assistant" or document is None:
        return None
    name = text_at(document, "message", "id")
    if not name:
        return None
    try:
        at_ms = clock.parse(text_at(document, "timestamp"))
    except (ValueError, OverflowError):
        return None
    tokens = sum(count(document, "message", "usage", part) for part in _COUNTS)
    # What the client says itself, as when a limit is reached, has no tokens.
    return Message(name[:128], at_ms, tokens) if 0 < tokens <= MOST_TOKENS else None
