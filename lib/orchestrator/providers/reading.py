"""What is gathered while a client or an API talks: the answer, what it used, how it failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from orchestrator import records as r
from orchestrator.records import Event, Failure, Json, Outcome, Seen, Spent

MAX_ANSWER = 4 * 1024 * 1024  # characters
# What reading an event of another shape than its source's raises.
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
PULSE = Event("pulse")  # the upstream is at work; nothing else is to be learned from it


class Reading:
    """One attempt as read so far; clients and wire formats fill it in."""

    EXITS: ClassVar[dict[int, str]] = {}  # exit codes with a meaning of their own -> failure class

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.parts: list[str] = []
        self.spent = Spent()
        self.usage_known = False
        self.failure: Failure | None = None
        self.used_tools = False
        self.finished = False
        self.accepted = False  # whether an API took the request: from then on it bills
        self.size = 0  # characters of answer text so far
        self.in_pieces = False  # whether a client tells its answer piece by piece
        self.heard = False  # whether the upstream, not the client, has said anything
        self.heard_ms: int | None = None  # when an API's answer began
        self.figures: list[Seen] = []  # what was told of the provider's limits
        self.servers: frozenset[str] = frozenset()  # of tools, that came with the task

    def stdout(self, line: str) -> list[Event]:
        """Read one line of a client's output; what is no JSON object is noise."""
        document = parsed(line)
        try:
            return self.document(document) if document is not None else []
        except MALFORMED as error:
            why = f"an event is not of the client's shape: {type(error).__name__}"
            return self.failed(Failure(r.NETWORK, why))

    def stderr(self, line: str) -> list[Event]:  # noqa: ARG002 most clients only chat here
        """Read one line a client said on stderr."""
        return []

    def document(self, document: Json) -> list[Event]:
        """Read one event of a client."""
        raise NotImplementedError

    def event(self, document: Json) -> list[Event]:
        """Read one server-sent event of an API."""
        raise NotImplementedError

    def bounded(self, events: list[Event]) -> list[Event]:
        """Count the text among events, and fail an answer that has no end; returns what to tell."""
        self.size += sum(len(event.text) for event in events if event.kind == "text")
        if self.size <= MAX_ANSWER:
            return events
        why = f"the answer is over {MAX_ANSWER} characters"
        return [*events, *self.failed(Failure(r.NETWORK, why))]

    def outcome(self, exit_code: int | None = None) -> Outcome:
        """Judge what was read; exit 0 with a refusal is a failure, and so is an empty answer."""
        answer = "".join(self.parts).strip("\n")
        failure = self.failure
        if failure is None and exit_code not in (0, None):
            failure = _failed_exit(exit_code, self.EXITS)
        if failure is None and not self.finished and exit_code == 0 and not answer.strip():
            failure = Failure(r.EMPTY, "it ended with exit 0 and said nothing")
        if failure is None and not self.finished:
            failure = Failure(r.NETWORK, "the answer ended before it was complete")
        if failure is None and not answer.strip():
            failure = Failure(r.EMPTY, "it ended well but said nothing")
        # An answer without output tokens was not counted, whatever else was.
        known = self.usage_known and (self.spent.output_tokens > 0 or not answer.strip())
        return Outcome(
            answer,
            self.spent,
            known,
            failure,
            self.used_tools,
            accepted=self.accepted,
            heard_ms=self.heard_ms,
            seen=tuple(self.figures),
        )

    def lacking(self, servers: str, *, sent: bool = True) -> list[Event]:
        """Fail for servers of tools that did not start: the task would be done without them."""
        why = f"MCP servers that did not start: {servers}"
        return self.failed(Failure(r.INVALID_INPUT, why, sent=sent))

    def failed(self, failure: Failure) -> list[Event]:
        """Keep the first failure and tell it."""
        if self.failure is None:
            self.failure = failure
        return [Event("wall", failure.message, failure=failure)]


def total(parts: Sequence[tuple[str, Spent]]) -> Spent:
    """Add up requests; each has the name of its model, empty for the one that was asked for."""
    spent = [part for _, part in parts]
    return Spent(
        requests=sum(part.requests for part in spent),
        input_tokens=sum(part.input_tokens for part in spent),
        cached_input_tokens=sum(part.cached_input_tokens for part in spent),
        cache_write_tokens=sum(part.cache_write_tokens for part in spent),
        output_tokens=sum(part.output_tokens for part in spent),
        parts=tuple(parts),
    )


def parsed(line: str) -> Json | None:
    """Read a line as a JSON object, None when it is none."""
    text = line.strip()
    if not text.startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def count(document: Any, *path: str) -> int:
    """Take a token count out of nested objects; what is missing or no count is 0."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return (
        document
        if isinstance(document, int) and not isinstance(document, bool) and document > 0
        else 0
    )


def text_at(document: Any, *path: str) -> str:
    """Take a text out of nested objects, empty when there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""


def _failed_exit(exit_code: int | None, known: dict[int, str]) -> Failure:
    if exit_code is not None and exit_code < 0:
        return Failure(r.EMPTY, f"the client was ended by signal {-exit_code}")
    if exit_code in (126, 127):
        return Failure(r.NOT_INSTALLED, f"the client could not be started (exit {exit_code})")
    kind = known.get(exit_code or 0, r.EMPTY)
    return Failure(kind, f"the client ended with exit {exit_code} and no answer")
