"""One request as it is kept."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .dialect import Call
from .document import Document

KEPT_TEXT = 8 * 1024 * 1024
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"})


@dataclass
class Record:
    """One request; status is None while it is open, then the status sent or the kind of fault.

    Complete says whether the client took the whole reply, and None while it is being sent.
    """

    path: str
    body_bytes: int
    headers: dict[str, str]
    call: Call
    at: float = field(default_factory=time.time)
    monotonic: float = field(default_factory=time.monotonic)
    status: int | str | None = None
    fault: str | None = None
    output_tokens: int = 0
    complete: bool | None = None

    @property
    def text_size(self) -> int:
        """Return how many characters of text the record holds."""
        return len(self.call.prompt) + len(self.call.system)

    def document(self) -> Document:
        """Return the record as JSON."""
        call = self.call
        return {
            "at": self.at,
            "monotonic": self.monotonic,
            "provider": call.provider,
            "path": self.path,
            "model": call.model,
            "status": self.status,
            "fault": self.fault,
            "complete": self.complete,
            "input_tokens": call.input_tokens,
            "output_tokens": self.output_tokens,
            "stream": call.stream,
            "main": call.main,
            "tool_results": call.tool_results,
            "tools": sorted(call.tools),
            "prompt": call.prompt[:KEPT_TEXT],
            "system": call.system[:KEPT_TEXT],
            "images": [_image(data) for data in call.images],
            "sampling": call.sampling,
            "body_bytes": self.body_bytes,
            "headers": self.headers,
        }


def shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers; a secret is shown as the first 8 hexadecimal digits of its SHA-256."""
    return {name: _shown(name, value) for name, value in headers.items()}


def _image(data: bytes) -> Document:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _shown(name: str, value: str) -> str:
    if name not in SECRET_HEADERS:
        return value
    return hashlib.sha256(value.removeprefix("Bearer ").encode()).hexdigest()[:8]
