"""Small tasks that share a call: joined into one text, and the answer taken apart again.

Seed 000, batch processing. The mark is made from the texts, so that none of them can hold it by
chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HEAD = """\
Below are {count} tasks that have nothing to do with each other. Do each of them.
Write the answer to task N between a line `{begin}` and a line `{end}`,
with the number in place of N. Write these lines exactly so, each alone on its line, once for each
task, and nothing outside of them.
"""


def joined(tasks: Sequence[str]) -> str:
    """Write several tasks as one."""
    mark = mark_of(tasks)
    parts = [HEAD.format(count=len(tasks), begin=_line(mark, "N"), end=_line(mark, "end N"))]
    parts += [f"## Task {number}\n\n{task.strip()}\n" for number, task in enumerate(tasks, 1)]
    return "\n".join(parts)


def split(answer: str, tasks: Sequence[str]) -> list[str | None]:
    """Take an answer apart; None for a task whose part is missing, there twice, or empty."""
    mark, lines = mark_of(tasks), answer.split("\n")
    places: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        places.setdefault(line.strip().strip("`*"), []).append(at)
    found: list[str | None] = []
    for number in range(1, len(tasks) + 1):
        begins = places.get(_line(mark, str(number)), [])
        ends = places.get(_line(mark, f"end {number}"), [])
        whole = len(begins) == len(ends) == 1 and begins[0] < ends[0]
        text = "\n".join(lines[begins[0] + 1 : ends[0]]).strip() if whole else ""
        found.append(text if text and mark not in text else None)
    return found


def mark_of(tasks: Sequence[str]) -> str:
    """Make the mark of some tasks."""
    data = "\0".join(tasks).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:12]


def _line(mark: str, what: str) -> str:
    return f"=== {mark} {what} ==="
