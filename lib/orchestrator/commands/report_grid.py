"""Tables of text that fit: columns that matter less go first, then the first one is shortened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from orchestrator.records import Json

GAP, INDENT, LEAST, NAMED = 2, 2, 8, 34


class Column(NamedTuple):
    """One column; of those with the highest `rank` above 0 the last is left out first."""

    title: str
    cell: Callable[[Json], str]
    rank: int = 0
    left: bool = False


def drawn(columns: Sequence[Column], rows: Sequence[Json], width: int) -> list[str]:
    """Draw a table, its heading first, in lines of at most `width` characters where that can be."""
    kept = list(columns)
    cells = {c.title: [c.title, *(c.cell(row) for row in rows)] for c in columns}
    sizes = {title: max(map(len, told)) for title, told in cells.items()}
    least = min(sizes[kept[0].title], NAMED)
    while _wide(kept, sizes) - sizes[kept[0].title] + least > width:
        last = max(kept[1:], key=lambda c: (c.rank, kept.index(c)), default=kept[0])
        if last.rank == 0:
            break
        kept.remove(last)
    over = _wide(kept, sizes) - width
    first = kept[0].title
    if over > 0:
        sizes[first] = max(LEAST, sizes[first] - over)
        cells[first] = [shortened(cell, sizes[first]) for cell in cells[first]]
    return [_line(kept, cells, sizes, number) for number in range(len(rows) + 1)]


def shortened(text: str, size: int) -> str:
    """Cut a text to a size; of a path the end is what tells it from others."""
    if len(text) <= size:
        return text
    return "…" + text[len(text) - size + 1 :] if text.startswith("/") else text[: size - 1] + "…"


def _wide(columns: Sequence[Column], sizes: dict[str, int]) -> int:
    return INDENT + sum(sizes[column.title] + GAP for column in columns) - GAP


def _line(
    columns: Sequence[Column], cells: dict[str, list[str]], sizes: dict[str, int], number: int
) -> str:
    told = (
        (cells[c.title][number].ljust if c.left else cells[c.title][number].rjust)(sizes[c.title])
        for c in columns
    )
    return (" " * INDENT + (" " * GAP).join(told)).rstrip()
