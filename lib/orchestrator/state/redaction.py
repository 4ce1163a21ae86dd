"""Taking keys out of everything that is written or shown."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from orchestrator.state import key_shapes

MARK = "[redacted]"
SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL")
MIN_SECRET = 8
# How JSON and addresses write a character, and a line end within a key, escaped or not.
_WRITTEN = (
    r"\\{1,4}u([0-9A-Fa-f]{4})|%([2-7][0-9A-Fa-f])|\\{1,4}([\"/])"
    r"|(?:\\{1,4}r)?\\{1,4}n[ \t]*|\\(\\)|\r?\n[ \t]*"
)


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """List the values of the variables whose names say they are secret, longest first."""
    found = {
        value
        for name, value in environment.items()
        if len(value) >= MIN_SECRET
        and value.strip()
        and any(part in name.upper() for part in SECRET_NAMES)
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known key shapes and the given values by a mark.

    A key is also found where it is escaped as JSON or an address escape it, or split over lines.
    """
    known = tuple(secrets)
    found = [*_places(text, known), *key_shapes.spans(text)]
    if "\n" in text or "\\" in text or "%" in text:
        resolved = _View(text, "\n")
        seen = (*_places(resolved.text, _read(known, "\n")), *key_shapes.spans(resolved.text))
        found += (resolved.place(start, end) for start, end in seen)
        joined = _View(text, "")
        whole = _places(joined.text, _read(known, ""))
        found += (joined.place(start, end) for start, end in whole)
        split = (joined.split_place(start, end) for start, end in key_shapes.spans(joined.text))
        found += filter(None, split)
    return _marked(text, found) if found else text


@functools.lru_cache(maxsize=8)
def _read(secrets: tuple[str, ...], line_end: str) -> tuple[str, ...]:
    """Read secrets as a text is read, so that they are met in it."""
    read = (_View(secret, line_end).text for secret in secrets)
    return tuple(secret for secret in read if len(secret) >= MIN_SECRET)


def shortened(text: str, limit: int) -> str:
    """Cut text to `limit` bytes of UTF-8, never inside a character."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore") + "…"


class _View:
    """A text with its escapes resolved and line ends replaced, and where each part of it was."""

    def __init__(self, text: str, line_end: str) -> None:
        # Parts in turn: plain text, what stood for a character or for none, plain text, ...
        parts: list[str] = []
        self.starts: list[int] = []
        self.origins: list[int] = []
        length = at = 0
        for found in re.finditer(_WRITTEN, text):
            code = found[1] or found[2]
            meant = chr(int(code, 16)) if code else found[3] or found[4] or line_end
            for part, origin in ((text[at : found.start()], at), (meant, found.start())):
                parts.append(part)
                self.starts.append(length)
                self.origins.append(origin)
                length += len(part)
            at = found.end()
        parts.append(text[at:])
        self.starts.append(length)
        self.origins.append(at)
        self.text = "".join(parts)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Tell where a part of the view was."""
        first, last = self._part(start), self._part(end - 1)
        escaped = last % 2
        stop = self.origins[last + 1] if escaped else self.origins[last] + end - self.starts[last]
        return self.origins[first] + start - self.starts[first], stop

    def split_place(self, start: int, end: int) -> tuple[int, int] | None:
        """Tell where a key was that was split over lines, None where it was not.

        The piece after the last line end may be the next word: it belongs to it if it has a digit.
        """
        first, last = self._part(start), self._part(end - 1)
        for part in range(last, first, -1):
            is_line_end = part % 2 and self.starts[part] == self.starts[part + 1]
            if is_line_end and not any(c.isdigit() for c in self.text[self.starts[part] : end]):
                end, last = self.starts[part], part - 1
        return self.place(start, end) if last > first else None

    def _part(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1


def _places(text: str, secrets: Iterable[str]) -> Iterator[tuple[int, int]]:
    for secret in secrets:
        at = text.find(secret)
        while at >= 0:
            yield at, at + len(secret)
            at = text.find(secret, at + 1)


def _marked(text: str, places: Iterable[tuple[int, int]]) -> str:
    """Put the mark in place of each part; parts that overlap become one."""
    parts: list[str] = []
    at = 0
    for start, end in sorted(places):
        if start > at or not parts:
            parts += [text[at:start], MARK]
        at = max(at, end)
    return "".join([*parts, text[at:]])
