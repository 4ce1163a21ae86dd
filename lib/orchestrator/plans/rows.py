"""The rows of a JSON array or of JSON lines, one at a time: no file is too large."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

from orchestrator.plans import values
from orchestrator.plans.values import BrokenError, Problem

__all__ = ["Problem", "rows"]

CHUNK = 1 << 16  # bytes that are read at a time, at least
MOST_CHUNKS = 16  # at most
BLANKS = b" \t\r\n"  # the white space of JSON
BOM = b"\xef\xbb\xbf"
# No value breaks further than this before the end of what was read of it, `-Infinit` or
# `\ud83d\ude0`, unless it is in a text that goes on.
UNFINISHED = 16


def rows(stream: BinaryIO, most_bytes: int) -> Iterator[tuple[int, Any]]:
    """Yield the rows with their index from 0; one that can't be used is a `Problem`.

    What begins with `[` is an array, all else has a value on each line that is not blank. Held is
    one row, of at most `most_bytes`. After a line that can't be used come the others; in an array,
    broken syntax or a row that is too large is the last.
    """
    head = stream.read(CHUNK)
    while len(head) < len(BOM) and (more := stream.read(CHUNK)):
        head += more
    head = head.removeprefix(BOM).lstrip(BLANKS)
    while not head and (more := stream.read(CHUNK)):
        head = more.lstrip(BLANKS)
    if head.startswith(b"["):
        yield from enumerate(_elements(_Text(stream, head[1:]), most_bytes))
    else:
        yield from enumerate(_lines(stream, head, most_bytes))


def _lines(stream: BinaryIO, held: bytes, most_bytes: int) -> Iterator[Any]:
    """Yield the value of every line that is not blank; of one that is too long nothing is held."""
    skipping, more = False, b"\n"
    while more:
        more = stream.read(_much(len(held)))
        *lines, held = (held + (more or b"\n")).split(b"\n")
        for line in lines:
            if not skipping and len(line) > most_bytes:
                yield _too_large(most_bytes)
            elif not skipping and (row := line.strip(BLANKS)):
                yield values.whole(row.decode("utf-8", "surrogateescape"))
            skipping = False
        if len(held) > most_bytes:
            if not skipping:
                yield _too_large(most_bytes)
            held, skipping = b"", True


class _Text:
    """What was read of an array; what is before `at` is done with."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self.stream = stream
        # Bytes that are no UTF-8 become surrogates: they spoil the row that they are in, alone.
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text = self.decoder.decode(head)
        self.at = 0
        self.ended = False

    def more(self) -> None:
        """Read on, and let go of what is done with."""
        data = self.stream.read(_much(len(self.text) - self.at))
        self.ended = not data
        self.text = self.text[self.at :] + self.decoder.decode(data, self.ended)
        self.at = 0

    def next(self) -> str:
        """Go to what is no white space; returns it, nothing at the end."""
        self.at = values.after_blanks(self.text, self.at)
        while self.at == len(self.text) and not self.ended:
            self.more()
            self.at = values.after_blanks(self.text, self.at)
        return self.text[self.at : self.at + 1]


def _elements(array: _Text, most_bytes: int) -> Iterator[Any]:
    """Yield the elements of an array whose opening bracket was read."""
    behind = ","
    if array.next() == "]":
        array.at += 1
        behind = "]"
    while behind == ",":
        value, behind = _element(array, most_bytes)
        yield value
    if behind and array.next():
        yield Problem("follows the end of the array")


def _element(array: _Text, most_bytes: int) -> tuple[Any, str]:
    """Read one element; returns it and what is behind it, nothing where the reading ends."""
    array.next()
    while True:
        text, at = array.text, array.at
        try:
            value, end, behind = values.element(text, at)
        except BrokenError as error:
            if array.ended and error.at == len(text):
                return Problem("is not there: the array has no end"), ""
            if array.ended or not (error.in_text or error.at > len(text) - UNFINISHED):
                return values.broken(text, at, error), ""
            if len(text) - at > most_bytes:
                return _too_large(most_bytes), ""
            array.more()
            continue
        if len(text[at:end].encode("utf-8", "surrogatepass")) > most_bytes:
            return _too_large(most_bytes), ""
        array.at = behind + 1
        return value, text[behind]


def _much(held: int) -> int:
    """Say how much to read: twice as much is held then, so that what is read anew stays little."""
    return min(max(CHUNK, held), MOST_CHUNKS * CHUNK)


def _too_large(most_bytes: int) -> Problem:
    return Problem(f"has more than {most_bytes} bytes")
