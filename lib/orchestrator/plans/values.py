"""One JSON value of a text: read strictly, and what is wrong with it in few words."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, NoReturn

from orchestrator.config.documents import no_constant, unique

MOST_DIGITS = 300  # of an integer: more than any number a row has
MOST_SAID = 200  # characters of what is wrong
_BLANKS = re.compile(r"[ \t\r\n]*")


class Problem(NamedTuple):
    """What is wrong with a row, in place of its value."""

    text: str


class BrokenError(Exception):
    """A text that is no JSON; `at` is where, in characters, or where its last text began."""

    def __init__(self, why: str, at: int) -> None:
        """Keep the place beside what is wrong."""
        super().__init__(why)
        self.at = at
        self.in_text = why.startswith("Unterminated")


def read(text: str, at: int) -> tuple[Any, int]:
    """Read the value that begins at `at`; returns it, or a Problem, and where it ends.

    A Problem is in what the value holds: NaN, a key twice, no UTF-8. Raises BrokenError where the
    value has no end. Bytes that are no UTF-8 are surrogates in `text`.
    """
    try:
        value, end = _read(text, at)
    except json.JSONDecodeError as error:
        raise BrokenError(error.msg.removesuffix(" at").rstrip(": "), error.pos) from None
    except RecursionError:
        raise BrokenError("Nested too deeply", at) from None
    return value, end


def element(text: str, at: int) -> tuple[Any, int, int]:
    """Read an element of an array; returns it, its end, and where the comma or bracket behind is.

    Raises BrokenError when there is neither.
    """
    value, end = read(text, at)
    behind = after_blanks(text, end)
    if text[behind : behind + 1] not in ("]", ","):
        raise BrokenError("Expecting ',' or ']'", behind)
    return value, end, behind


def whole(text: str) -> Any:
    """Read a text that is one value and nothing else; returns it, or a Problem."""
    try:
        value, end = read(text, 0)
    except BrokenError as error:
        return broken(text, 0, error)
    return value if end == len(text) else broken(text, 0, BrokenError("Extra data", end))


def broken(text: str, at: int, error: BrokenError) -> Problem:
    """Say what is wrong with the row that begins at `at`."""
    if "\udc80" <= text[error.at : error.at + 1] <= "\udcff":
        return Problem("is not UTF-8")
    return Problem(f"is not JSON ({error}, character {error.at - at + 1})")


def after_blanks(text: str, at: int) -> int:
    """Find the first character from `at` on that is no white space of JSON."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _read(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _STRICT.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        _, end = _LENIENT.raw_decode(text, at)
        return Problem(f"is not sound JSON: {str(error)[:MOST_SAID]}"), end
    return (value if _is_utf8(text[at:end], value) else Problem("is not UTF-8")), end


def _is_utf8(source: str, value: Any) -> bool:
    r"""Tell whether the value has no lone surrogates, be it as such or as `\ud800`."""
    try:
        if not source.isascii():
            source.encode("utf-8")
        if "\\ud" in source or "\\uD" in source:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _integer(text: str) -> int:
    return int(text) if len(text) <= MOST_DIGITS else _too_large()


def _float(text: str) -> float:
    value = float(text)
    return value if value not in (float("inf"), float("-inf")) else _too_large()


def _too_large() -> NoReturn:
    raise ValueError("a number is too large")


_STRICT = json.JSONDecoder(
    object_pairs_hook=unique, parse_constant=no_constant, parse_int=_integer, parse_float=_float
)
# Takes what the other one refuses, to find where it ends.
_LENIENT = json.JSONDecoder(parse_int=len, parse_float=len)
