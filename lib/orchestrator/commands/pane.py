"""The lines at the bottom of a terminal that are rewritten in place, and what stays above them.

rich is imported late: only a terminal pays for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from orchestrator.commands import screen
from orchestrator.commands.board_lines import Line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment

# A frame is shown at once where a terminal can, and no line wraps even where a terminal takes a
# sign for wider than it is here.
_BEGIN, _END = "\x1b[?2026h\x1b[?7l", "\r\x1b[?7h\x1b[?2026l"
_REST_OF_LINE, _ALL_BELOW = "\x1b[K", "\x1b[J"


class Pane:
    """The lines at the bottom of a terminal that are rewritten in place.

    rich.live erases all of them before it writes them again: where a terminal draws in between
    they flicker, and after a resize it erases too few.
    """

    def __init__(self, console: Console) -> None:
        """Begin with nothing shown."""
        self._console, self._gone = console, False
        self._frame: list[Line] = []
        self._size = self._drawn_at = (console.width, console.height)
        self._lost = 0  # rows that a smaller screen has pushed out at its top

    def measure(self) -> tuple[int, int]:
        """Find out how many columns and lines there are."""
        # Where there is no terminal, the console was made with a size.
        with contextlib.suppress(OSError, ValueError):
            columns, lines = os.get_terminal_size(self._console.file.fileno())
            if columns and lines:
                self._size = (columns, lines)
        return self._size

    def cursor(self, *, shown: bool) -> None:
        """Show or hide the cursor."""
        self._write([_code("\x1b[?25h" if shown else "\x1b[?25l")])

    def paint(self, above: list[Line], frame: list[Line]) -> None:
        """Put lines above for good, and below them a frame in place of the last one."""
        resized = self._size != self._drawn_at
        if not above and frame == self._frame and not resized:
            return
        old = [] if resized else self._frame
        segments = [_code(_BEGIN + (self._cleared() if resized else ""))]
        for line in above:
            segments += self._inserted(line, len(old))
        segments.append(_code(_up(len(old) - 1)))
        shorter = len(frame) < len(old)
        for at, line in enumerate(frame):
            if at:
                segments.append(_code("\n"))
            if shorter or at >= len(old) or line != old[at]:
                segments += [*self._drawn(line), _code(_REST_OF_LINE)]
        self._write([*segments, _code((_ALL_BELOW if shorter else "") + _END)])
        self._frame, self._drawn_at = frame, self._size
        self._lost = 0 if above else self._lost

    def _cleared(self) -> str:
        """Clear all from the first line of the frame on, though the terminal has moved it."""
        columns, height = self._size
        up = max(0, len(self._frame) - 1)
        if _breaks_lines():
            up = sum(_rows(line, columns) for line in self._frame[:-1])
        reach = up + self._lost
        up = min(reach, height - 1)
        self._lost = reach - up
        return _up(up) + _ALL_BELOW

    def _inserted(self, line: Line, below: int) -> list[Segment]:
        """Push the frame down as it is, from its last line, and write above it."""
        if not below:
            return [*self._drawn(line), _code(_REST_OF_LINE + "\n")]
        before, after = f"\n{_up(below)}\x1b[L", f"\r\x1b[{below}B"
        return [_code(before), *self._drawn(line), _code(after)]

    def _drawn(self, line: Line) -> list[Segment]:
        from rich.segment import Segment

        return [Segment(text, self._console.get_style(style)) for text, style in line]

    def _write(self, segments: list[Segment]) -> None:
        from rich.segment import Segments

        if self._gone:
            return
        try:
            self._console.print(Segments(segments), end="", crop=False)
        except (OSError, ValueError):  # the terminal is gone; the batch goes on without it
            self._gone = True


def console() -> Console:
    """Make the console of stderr."""
    from rich.console import Console

    colour = screen.painter(sys.stderr).on
    return Console(stderr=True, color_system="auto" if colour else None, force_terminal=True)


def _code(text: str) -> Segment:
    """Make what moves a terminal, as rich tells it from text."""
    from rich.segment import ControlType, Segment

    return Segment(text, None, [(ControlType.CARRIAGE_RETURN,)])


def _up(lines: int) -> str:
    return f"\x1b[{lines}A" if lines > 0 else ""


def _breaks_lines() -> bool:
    """Tell whether the terminal breaks lines anew when it gets narrower, as most do."""
    names = os.environ
    if "TMUX" in names:
        return True
    return "XTERM_VERSION" not in names and not names.get("TERM", "").startswith("screen")


def _rows(line: Line, columns: int) -> int:
    from rich.cells import chop_cells

    return max(1, len(chop_cells("".join(text for text, _ in line), columns)))
