"""A row of a batch's queue: a task, or an object with a task and what goes with it."""

from __future__ import annotations

from typing import Any

from orchestrator.config.options import field_names, shown
from orchestrator.plans import fields
from orchestrator.plans.fields import Fields
from orchestrator.plans.values import Problem
from orchestrator.records import Json, Node

OWN = ("task", "repo", "id", "priority", "depends_on")
OPTIONS = field_names()
KNOWN = (*OWN, *OPTIONS)
MOST_UNKNOWN = 10  # that are named
CUTOFF = 0.6  # how much alike two names are before one is taken for the other


def node(
    value: Any, repository: str | None, given: Json, settings: Json
) -> tuple[Node | None, list[str]]:
    """Make a row a node; returns it, or None and all that is wrong with the row.

    `repository` is that of a row without one, `given` has the options of the command line, by
    field; the row's own go before them.
    """
    if isinstance(value, Problem):
        return None, [value.text]
    row = {"task": value} if isinstance(value, str) else value
    if not isinstance(row, dict):
        return None, [f"is {shown(value)}; allowed: a text, or an object with a task"]
    read = Fields(row)
    task = read.take("task", fields.text, "")
    folder = read.take("repo", fields.text, repository or "")
    made = Node(
        key=read.take("id", fields.key, ""),
        task=task,
        repository=folder,
        options=fields.merged(given, read.options(OPTIONS)),
        depends_on=read.take("depends_on", fields.keys, ()),
        priority=read.take("priority", fields.priority, 0),
        title=fields.title(task) if task else "",
    )
    missing = _missing(read, folder)
    problems = [*missing, *read.problems, *fields.too_large(task, settings), *_unknown(read)]
    return (None, problems) if problems else (made, [])


def _missing(read: Fields, folder: str) -> list[str]:
    task = [] if "task" in read.row else ["task is missing"]
    repo = "repo is missing, here and on the command line"
    return task if folder or "repo" in read.row else [*task, repo]


def _unknown(read: Fields) -> list[str]:
    unknown = read.unknown(KNOWN)
    told = [
        f"unknown option {shown(name)}{fields.hint(name, KNOWN, CUTOFF)}"
        for name in unknown[:MOST_UNKNOWN]
    ]
    left = len(unknown) - len(told)
    return [*told, f"{left} more unknown options"] if left else told
