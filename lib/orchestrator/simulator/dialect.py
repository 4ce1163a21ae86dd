"""What the four dialects have in common: a call, an answer to it, and a refusal of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .document import Document, encode

PIECES = 64
PIECE_CHARACTERS = 16


@dataclass(frozen=True)
class Call:
    """One request as the provider understands it; tokens are ceil(body bytes / 4)."""

    provider: str
    model: str
    stream: bool
    prompt: str
    system: str
    input_tokens: int
    max_output_tokens: int | None = None
    main: bool = True
    tool_results: int = 0
    tools: frozenset[str] = frozenset()
    folder: str = ""
    include_usage: bool = True
    images: tuple[bytes, ...] = ()
    sampling: Document = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """One scripted tool call: an edit of a file, or any tool by name."""

    path: str = ""
    content: str = ""
    old: str | None = None
    name: str = ""
    arguments: Document | None = None
    source: str | None = None


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool in the dialect's own terms; a custom tool takes a source text instead."""

    name: str
    arguments: Document
    source: str | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer; input includes cached."""

    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Answer:
    """What the model says: text, or tool calls; usage None leaves the usage out of the reply."""

    number: int
    text: str
    tools: tuple[ToolCall, ...]
    usage: Usage | None
    cut: bool = False

    @property
    def pieces(self) -> list[str]:
        """Return the text in at most 64 pieces, as a stream sends it."""
        size = max(PIECE_CHARACTERS, -(-len(self.text) // PIECES))
        return [self.text[start : start + size] for start in range(0, len(self.text), size)]


@dataclass(frozen=True)
class Room:
    """What a sliding window of 60 s still admits; over names the limit a request ran into."""

    requests_limit: int
    requests_left: int
    requests_reset_s: float
    tokens_limit: int
    tokens_left: int
    tokens_reset_s: float
    over: str = ""
    retry_after_s: float = 0.0


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused; type: quota, usage_limit, context_length, api_key or empty."""

    status: int
    model: str
    type: str = ""
    input_tokens: int = 0
    retry_after: str | None = None
    retry_after_ms: str | None = None
    reset_at: int = 0
    room: Room | None = None


@dataclass(frozen=True)
class Refused:
    """A refusal in the dialect's own form."""

    status: int
    headers: dict[str, str]
    body: Document


class Dialect(Protocol):
    """One provider's API."""

    provider: str

    def key(self, headers: Mapping[str, str]) -> str:
        """Return the API key of a request; header names are lower case."""
        ...

    def read(self, path: str, body: Document, size: int) -> Call:
        """Understand a request of size bytes."""
        ...

    def reply(self, call: Call, answer: Answer) -> Document:
        """Return the whole answer as one JSON object."""
        ...

    def events(self, call: Call, answer: Answer) -> Iterator[bytes]:
        """Yield the answer as server-sent events."""
        ...

    def refuse(self, refusal: Refusal) -> Refused:
        """Return the provider's own error."""
        ...

    def room_headers(self, room: Room) -> dict[str, str]:
        """Return the provider's own rate-limit headers."""
        ...

    def edit(self, call: Call, tool: Tool) -> tuple[ToolCall, ...]:
        """Return the calls that edit a file; none when the request offers no tool for it."""
        ...


def event(data: object, name: str = "") -> bytes:
    """Encode one server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + encode(data) + b"\n\n"


def input_tokens(size: int) -> int:
    """Estimate the tokens of a request body of size bytes: one token for four bytes, rounded up."""
    return -(-size // 4)


def retry_headers(refusal: Refusal) -> dict[str, str]:
    """Return retry-after and retry-after-ms as far as they are known."""
    headers = {"retry-after": refusal.retry_after, "retry-after-ms": refusal.retry_after_ms}
    return {name: value for name, value in headers.items() if value is not None}
