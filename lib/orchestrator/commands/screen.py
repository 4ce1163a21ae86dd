"""The only code that prints: data on stdout, talk on stderr, colour only on a terminal."""

from __future__ import annotations

import errno
import os
import sys
from typing import TextIO

PROGRAM = "orchestrate"
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


def out(text: str) -> None:
    """Print data on stdout; raises OSError when it can't be written or is closed."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed; what was asked for could not be printed")
    sys.stdout.write(_clean(text) + "\n")
    sys.stdout.flush()


def talk(text: str) -> None:
    """Say something to a person on stderr; a closed stderr loses nothing but the talk."""
    ask(text + "\n")


def ask(text: str) -> None:
    """Say something on stderr without ending the line."""
    try:
        sys.stderr.write(_clean(text))
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
        line = _clean(text).replace("\n", " ")[: columns() - 1]
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


def _clean(text: str) -> str:
    """Make what can't be encoded visible instead of failing on it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def harmless(text: str) -> str:
    """Take control characters out of what a model said, but for tab and newline.

    Escape sequences in an answer could otherwise rewrite the screen or the clipboard.
    """
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f"))
