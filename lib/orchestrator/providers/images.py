"""Pictures that go with a task: read from files a person named, and known by their first bytes."""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

from orchestrator.errors import UsageError
from orchestrator.providers import named_file
from orchestrator.records import Json

# What all four wire formats take, by what a file begins with (WHATWG, MIME sniffing, section 6.1).
_BEGINNINGS = (
    ("image/png", b"\x89PNG\r\n\x1a\n", b""),
    ("image/jpeg", b"\xff\xd8\xff", b""),
    ("image/gif", b"GIF87a", b""),
    ("image/gif", b"GIF89a", b""),
    ("image/webp", b"RIFF", b"WEBPVP"),  # four bytes of size between them
)


class Image(NamedTuple):
    """One picture, whole."""

    media_type: str
    data: bytes

    @property
    def suffix(self) -> str:
        """Name the end of a file's name that says what it is."""
        return self.media_type.removeprefix("image/")

    @property
    def base64(self) -> str:
        """Write the bytes as the wire formats do."""
        return base64.b64encode(self.data).decode()

    @property
    def data_url(self) -> str:
        """Write type and bytes as one address."""
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def facts(self) -> Json:
        """Say what it is, and what tells it from any other."""
        digest = hashlib.sha256(self.data).hexdigest()
        return {"media_type": self.media_type, "bytes": len(self.data), "sha256": digest}


def read(path: str, most_bytes: int) -> Image:
    """Read a picture; raises UsageError for what is none, is no file, or is over `most_bytes`."""
    data = named_file.read(path, "--image", most_bytes)
    for media_type, start, later in _BEGINNINGS:
        if data.startswith(start) and data[8 : 8 + len(later)] == later:
            return Image(media_type, data)
    raise UsageError(f"--image {path}: is no PNG, JPEG, GIF or WebP; convert it to one of them")
