"""The lines of a batch's board: each fits its width, whatever a task or a client says.

rich is imported late: only a terminal pays for it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from orchestrator.commands import screen
from orchestrator.commands.phrases import clock_span
from orchestrator.commands.recommendation import dollars, wrapped

Line = list[tuple[str, str]]  # pieces of text, each with its style
LONGEST_TITLE, LONGEST_TEXT = 72, 600
# What terminals join into one sign or widen, each in its own way: they would disagree on widths.
_JOINING = dict.fromkeys([0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])


class Row(NamedTuple):
    """A task that runs: its place in the batch from 1, and `since` of time.monotonic()."""

    number: int
    title: str
    doing: str
    since: float


class Totals(NamedTuple):
    """How far the batch is; `plan_usd` is what a subscription covers, `left_usd` None: no limit."""

    done: int
    failed: int
    running: int
    waiting: int
    total: int
    spent_usd: float
    plan_usd: float
    left_usd: float | None
    eta_s: float | None
    note: str


class Ended(NamedTuple):
    """A task that is over; `note` is its error, or where its work is."""

    number: int
    title: str
    ok: bool
    word: str
    provider: str
    model: str
    seconds: float
    cost_usd: float | None
    note: str


def flat(text: str) -> str:
    """Make a text one line that is nothing but text, and not endless."""
    return screen.harmless(" ".join(text[:LONGEST_TEXT].split()))


def _plain(text: str) -> str:
    """Make a text one line of what every terminal shows equally wide."""
    return _even(flat(text))


def _even(text: str) -> str:
    joined = text.translate(_JOINING)
    return joined if joined.isprintable() else "".join(filter(str.isprintable, joined))


def _cut(text: str, columns: int) -> str:
    """Cut a text so that it fits."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, columns - 1).rstrip() + "…" if columns > 0 else ""


def _filled(text: str, columns: int) -> str:
    """Cut a text or fill it up, so that what follows starts at the same place everywhere."""
    from rich.cells import set_cell_size

    return set_cell_size(_cut(text, columns), columns)


def cropped(line: Line, columns: int) -> Line:
    """Cut a line so that it fits, whatever it is made of."""
    from rich.cells import cell_len

    made = []
    for text, style in line:
        made.append((_cut(text, columns), style))
        columns -= cell_len(text)
        if columns <= 0:
            break
    return made


def told(row: Ended, total: int) -> tuple[str, str, str]:
    """Write how a task ended, its title, and what else there is to say."""
    place = f"[{row.number:>{len(str(total))}}/{total}]" if total else f"[{row.number}]"
    who = flat(f"{row.provider} {row.model}")
    span = f"{row.seconds:.1f} s" if row.seconds < 60 else clock_span(row.seconds)
    parts = [f"{place} {flat(row.word):<9}", *([who, span, dollars(row.cost_usd)] if who else [])]
    title = flat(row.title)
    short = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rstrip() + "…"
    return "  ".join(parts), short, flat(row.note)


def ended(row: Ended, total: int, columns: int) -> Line:
    """Draw how a task ended; title and note share the room, where it is enough for both."""
    from rich.cells import cell_len

    head, title, note = map(_even, told(row, total))
    room = columns - cell_len(head) - 4
    note = note if room >= 16 else ""
    if note:
        room -= min(cell_len(note), room // 2) + 2
    mark = ("✓ ", "green") if row.ok else ("✗ ", "red")
    line = [mark, (head, ""), ("  " + _cut(title, max(1, room)), "bold")]
    return cropped([*line, ("  " + note, "dim")] if note else line, columns)


def said(text: str, columns: int) -> list[Line]:
    """Draw a text in as many lines as it needs."""
    from rich.cells import chop_cells

    rows = [part for row in wrapped(_plain(text), columns) for part in chop_cells(row, columns)]
    return [[(row, "yellow")] for row in rows]


def running(row: Row, digits: int, columns: int, now: float) -> Line:
    """Draw a task that runs: its number, for how long, its title, what it does."""
    seconds = max(0, int(now - row.since))
    minutes = seconds // 60
    span = f"{minutes}:{seconds % 60:02}" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}"
    title, doing = _plain(row.title), _plain(row.doing)
    head, room = f"{row.number:>{digits}}  {span:>5}  ", columns - digits - 9
    if room < 30:
        return [(head, "dim"), (title, "")]
    wide = min(LONGEST_TITLE, room * 45 // 100)
    return [(head, "dim"), (_filled(title, wide), ""), ("  " + doing, "cyan")]


def progress(totals: Totals, columns: int) -> Line:
    """Draw the bar and the numbers beside it, the most important first, as many as fit."""
    wide = min(40, columns // 4) if columns >= 48 else 0
    share = wide / max(1, totals.total)
    over = round(share * max(0, totals.total - totals.running - totals.waiting))
    bad = min(over, math.ceil(share * totals.failed))
    line = [("━" * (over - bad), "green"), ("━" * bad, "red"), ("─" * (wide - over), "dim")]
    parts = [(f"{totals.done}/{totals.total}", "bold")]
    parts += [(f"{totals.failed} failed", "red")] if totals.failed else []
    parts += [(f"{clock_span(totals.eta_s)} to go", "")] if totals.eta_s is not None else []
    parts += [(f"{totals.running} running", ""), (f"{totals.waiting} waiting", "dim")]
    return [*line, ("  " if wide else "", ""), *_spaced(parts, columns - wide - 2)]


def money(totals: Totals, columns: int) -> Line:
    """Draw what is spent and what is left, and what there is to know."""
    from rich.cells import cell_len

    parts = [(f"{dollars(totals.spent_usd)} spent", "")]
    parts += [(f"{dollars(totals.left_usd)} left", "")] if totals.left_usd is not None else []
    parts += [(f"{dollars(totals.plan_usd)} on plans", "dim")] if totals.plan_usd else []
    note = _plain(totals.note)
    line = _spaced(parts, columns - min(cell_len(note) + 2, columns // 2) * bool(note))
    return [*line, ("  " + note, "yellow")] if note else line


def _spaced(parts: list[tuple[str, str]], columns: int) -> Line:
    """Put as many parts beside each other as fit, but for the first, which is there anyway."""
    line, left = parts[:1], columns - len(parts[0][0])
    for text, style in parts[1:]:
        left -= len(text) + 2
        if left < 0:
            break
        line.append(("  " + text, style))
    return line
