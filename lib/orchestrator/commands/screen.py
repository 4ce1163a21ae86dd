"""The only code that prints: data on stdout, talk on stderr, colour only on a terminal.

Whatever it prints, nobody else's words reach a terminal as anything but text.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from typing import Any, TextIO

PROGRAM = "orchestrate"
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
# Controls of the terminal, 7 and 8 bits wide, but for tab and newline; and those that make text
# run the other way, so that it reads as something else than it is.
_HARMFUL = dict.fromkeys(
    [
        *(code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"),
        *(0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    ]
)


def out(text: str, *, painted: bool = False) -> None:
    """Print text on stdout; raises OSError when it can't be written or is closed.

    Text is made harmless, unless it is `painted`: then all in it that was not ours already is.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed; what was asked for could not be printed")
    sys.stdout.write(_encodable(text if painted else harmless(text)) + "\n")
    sys.stdout.flush()


def data(document: object) -> None:
    """Print JSON on stdout in one line, whole: what a terminal would act on is escaped."""
    text = json.dumps(document, ensure_ascii=False)
    out(text if text.isprintable() else text.translate(_Escaped()))


def talk(text: str, *, painted: bool = False) -> None:
    """Say something to a person on stderr; a closed stderr loses nothing but the talk."""
    ask(text + "\n", painted=painted)


def ask(text: str, *, painted: bool = False) -> None:
    """Say something on stderr without ending the line."""
    try:
        sys.stderr.write(_encodable(text if painted else harmless(text)))
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def error(text: str) -> None:
    """Say what failed, why, and what to do, in one line."""
    talk(f"{PROGRAM}: {text}")


class Live:
    """Progress on stderr: one line that is rewritten on a terminal, one line per event without."""

    def __init__(self, *, quiet: bool) -> None:
        """Find out once what stderr is."""
        self.quiet = quiet
        self.terminal = not quiet and is_terminal(sys.stderr)
        self.shown = ""

    def event(self, text: str) -> None:
        """Tell something that happened and stays told."""
        if self.quiet:
            return
        self._clear()
        talk(text)

    def status(self, text: str) -> None:
        """Show what is going on now; without a terminal nothing is printed."""
        if not self.terminal or text == self.shown:
            return
        line = _encodable(harmless(text)).replace("\n", " ")[: columns() - 1]
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()
        self.shown = text

    def done(self) -> None:
        """Leave the line clean for what comes next."""
        self._clear()

    def _clear(self) -> None:
        if self.terminal and self.shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self.shown = ""


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal that understands control sequences."""
    try:
        return bool(stream and stream.isatty()) and os.environ.get("TERM", "") != "dumb"
    except ValueError:
        return False


def columns() -> int:
    """Tell how wide the terminal is, 80 where there is none."""
    for stream in (sys.stderr, sys.stdout):
        try:
            return max(20, os.get_terminal_size(stream.fileno()).columns)
        except (OSError, ValueError, AttributeError):
            continue
    return 80


def painter(stream: TextIO) -> Paint:
    """Make the function that colours text for a stream, or leaves it as it is (`NO_COLOR`)."""
    return Paint(on=is_terminal(stream) and not os.environ.get("NO_COLOR"))


class Paint:
    """Colours text where colour is wanted."""

    def __init__(self, *, on: bool) -> None:
        """Keep whether to colour."""
        self.on = on

    def __call__(self, style: str, text: str) -> str:
        """Return `text` in a style: bold, dim, red, green or yellow."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.on else text


def harmless(text: str) -> str:
    """Take out of a text what a terminal would act on, or show in another order.

    Escape sequences in an answer could otherwise rewrite the screen or the clipboard.
    """
    return text if text.isprintable() else text.translate(_HARMFUL)


def harmless_in(document: Any) -> Any:
    """Make every text in a document harmless."""
    if isinstance(document, str):
        return harmless(document)
    if isinstance(document, dict):
        return {name: harmless_in(value) for name, value in document.items()}
    return [harmless_in(value) for value in document] if isinstance(document, list) else document


class _Escaped(dict[int, str]):
    """What JSON writes for a character that a terminal would act on; others stay."""

    def __missing__(self, code: int) -> str:
        made = f"\\u{code:04x}" if code in _HARMFUL else chr(code)
        self[code] = made
        return made


def _encodable(text: str) -> str:
    """Make what can't be encoded visible instead of failing on it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
