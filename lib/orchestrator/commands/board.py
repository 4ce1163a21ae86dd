"""What a person sees of a batch while it runs, on stderr: a board, or lines without a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from orchestrator.commands import board_lines, screen
from orchestrator.commands.board_lines import Ended, Line, Row, Totals
from orchestrator.commands.pane import Pane, console

if TYPE_CHECKING:
    from rich.console import Console

FREE_LINES = 3
FRAME_S = 1 / 8
SHRINKS_AFTER_S = 2.0


class Board:
    """Shows a batch between `start` and `stop`; this one, for the quiet, shows nothing.

    Any thread may tell it something.
    """

    def start(self) -> None:
        """Take the screen."""

    def ended(self, row: Ended) -> None:
        """Tell that a task is over; that stays on the screen."""

    def say(self, text: str) -> None:
        """Tell something else that stays on the screen."""

    def show(self, rows: Sequence[Row], totals: Totals) -> None:
        """Show what runs now; to be called a few times a second, and once before all else."""

    def stop(self) -> None:
        """Give the screen back, with what stays on it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def board(*, quiet: bool) -> Board:
    """Pick what suits stderr."""
    if quiet:
        return Board()
    return Live() if screen.is_terminal(sys.stderr) else Lines()


class Lines(Board):
    """One line for each task that is over: for a pipe, a log, a terminal that can't move."""

    def __init__(self) -> None:
        """Start without knowing how many tasks there are."""
        self._total = 0

    def ended(self, row: Ended) -> None:
        """Print the task's line."""
        screen.talk("  ".join(part for part in board_lines.told(row, self._total) if part))

    def say(self, text: str) -> None:
        """Print a line."""
        screen.talk(board_lines.flat(text))

    def show(self, rows: Sequence[Row], totals: Totals) -> None:  # noqa: ARG002 nothing moves here
        """Print nothing; only the size of the batch is remembered."""
        self._total = totals.total


class Live(Board):
    """What runs now at the bottom of a terminal, below what stays."""

    def __init__(self, to: Console | None = None) -> None:
        """Show on stderr, or on a console."""
        self._pane = Pane(to or console())
        self._lock = threading.RLock()
        self._waiting: list[Ended | str] = []
        self._rows: Sequence[Row] = ()
        self._totals: Totals | None = None
        self._slots: list[int | None] = []  # the task that each line shows
        self._total = 0
        self._due = self._filled_at = 0.0

    def start(self) -> None:
        """Hide the cursor."""
        with self._lock:
            self._pane.cursor(shown=False)

    def ended(self, row: Ended) -> None:
        """Put the task's line above what runs."""
        with self._lock:
            self._waiting.append(row)
            self._refresh()

    def say(self, text: str) -> None:
        """Put a text above what runs, in as many lines as it needs."""
        with self._lock:
            self._waiting.append(text)
            self._refresh()

    def show(self, rows: Sequence[Row], totals: Totals) -> None:
        """Show what runs, at most 8 times a second but for the end."""
        with self._lock:
            self._rows, self._totals, self._total = rows, totals, totals.total
            self._refresh(at_once=not totals.running and not totals.waiting)

    def stop(self) -> None:
        """Take away what runs and show the cursor; what was told stays."""
        with self._lock:
            self._rows, self._totals = (), None
            self._refresh(at_once=True)
            self._pane.cursor(shown=True)

    def _refresh(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if now < self._due and not at_once:
            return
        columns, height = self._pane.measure()
        # What fills the last column would be cut by what clears the rest of the line.
        columns = max(1, columns - 1)
        above: list[Line] = []
        for told in self._waiting:
            if isinstance(told, str):
                above += board_lines.said(told, columns)
            else:
                above.append(board_lines.ended(told, self._total, columns))
        frame = self._frame(self._totals, columns, height, now) if self._totals else []
        self._pane.paint(above, frame)
        self._waiting.clear()
        self._due = now + FRAME_S

    def _frame(self, totals: Totals, columns: int, height: int, now: float) -> list[Line]:
        room, digits = max(min(1, height - 1), height - FREE_LINES), len(str(totals.total))
        fit = max(0, room - 2)
        if len(self._rows) > fit:
            fit = max(0, fit - 1)
        placed = self._placed(fit, now)
        hidden = len(self._rows) - sum(row is not None for row in placed)
        lines = [board_lines.running(row, digits, columns, now) if row else [] for row in placed]
        if hidden:
            lines.append([(f"... and {hidden} more", "dim")])
        lines += [board_lines.money(totals, columns), board_lines.progress(totals, columns)]
        return [board_lines.cropped(line, columns) for line in lines[max(0, len(lines) - room) :]]

    def _placed(self, fit: int, now: float) -> list[Row | None]:
        """Give the tasks that run longest a line each: the one they have, or a free one."""
        longest = sorted(self._rows, key=lambda row: (row.since, row.number))[:fit]
        running = {row.number: row for row in longest}
        slots = [number if number in running else None for number in self._slots[:fit]]
        new = [number for number in running if number not in slots]
        for at, number in enumerate(slots):
            if number is None and new:
                slots[at] = new.pop(0)
        slots += new
        if slots and slots[-1] is not None:
            self._filled_at = now
        # A line at the end that is free for a moment would make all below it jump twice.
        while slots and slots[-1] is None and now - self._filled_at > SHRINKS_AFTER_S:
            slots.pop()
        self._slots = slots
        return [running[number] if number is not None else None for number in slots]
