"""The stories of a PRD as the nodes of a plan (seed 001, story-level provider override)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from orchestrator.config.options import shown
from orchestrator.plans import fields, graph, story
from orchestrator.plans.delegation import Problems, parts
from orchestrator.plans.fields import Fields
from orchestrator.plans.story import Score, Story
from orchestrator.records import Json, Node

STORIES = ("userStories", "stories", "user_stories")
PROJECT = ("project", "title", "name")
WHERE = "PRD"  # of what concerns no one story


class _Entry(NamedTuple):
    """A story or a subtask in its place."""

    where: str
    node: Node
    done: bool
    handed: tuple[str, ...] = ()  # what it waits for because its story does


class _Plan(NamedTuple):
    """What all stories of a PRD have in common."""

    project: str
    repository: str
    given: Json
    settings: Json
    score: Score
    least: int  # the least urgent priority: that of a story without one


def nodes(
    document: Any, repository: str, given: Json, settings: Json, score: Score
) -> tuple[list[Node], list[tuple[str, str]]]:
    """Make the stories that are not done nodes, subtasks before their story.

    Returns them, or none and what is wrong, each with its place: `userStories[3] US-004`. `given`
    has the options of the command line, by field; `score` tells how hard a story is.
    """
    if not isinstance(document, dict):
        return [], [(WHERE, f"is {shown(document)}; allowed: an object with {STORIES[0]}")]
    read = Fields(document)
    named = [read.take(name, fields.prose, "") for name in PROJECT]
    project = fields.title(next((name for name in named if name), ""))
    rows = _rows(read)
    problems: Problems = [(WHERE, text) for text in read.problems]
    entries: list[_Entry] = []
    plan = _Plan(project, repository, given, settings, score, _least(rows))
    for where, row in rows:
        found, wrong = _entries(where, row, plan)
        entries += found
        problems += wrong
    problems += _tangled(entries)
    done = {one.node.key for one in entries if one.done}
    left = [_without(one.node, done) for one in entries if not one.done]
    return ([], problems) if problems else (left, [])


def _rows(read: Fields) -> list[tuple[str, Any]]:
    """List the stories with their places."""
    there = [name for name in STORIES if name in read.row]
    if len(there) != 1:
        told = f"{' and '.join(there)} are both there" if there else f"{STORIES[0]} is missing"
        read.problems.append(told)
        return []
    rows = read.row[there[0]]
    if not isinstance(rows, list):
        read.problems.append(f"{there[0]} is {shown(rows)}; allowed: a list")
        return []
    return [(f"{there[0]}[{index}]", row) for index, row in enumerate(rows)]


def _least(rows: list[tuple[str, Any]]) -> int:
    numbers = [row.get("priority") for _, row in rows if isinstance(row, dict)]
    return max((number for number in numbers if type(number) is int), default=0)


def _tangled(entries: list[_Entry]) -> Problems:
    """List what is wrong with who waits for whom; what a story is told, its subtasks are not."""
    known = {one.node.key for one in entries}
    waiting = [
        (
            one.node.key,
            tuple(
                key
                for key in one.node.depends_on
                if not one.done and (key in known or key not in one.handed)
            ),
        )
        for one in entries
    ]
    return [(entries[index].where, text) for index, text in graph.problems(waiting)]


def _entries(where: str, row: Any, plan: _Plan) -> tuple[list[_Entry], Problems]:
    """Make a story and its subtasks nodes, and list what is wrong with them."""
    if not isinstance(row, dict):
        return [], [(where, f"is {shown(row)}; allowed: an object")]
    whole, wrong = story.read(row)
    if row.get("id") is None:
        wrong.insert(0, "id is missing")
    below, in_parts = parts(where, row, whole)
    where = f"{where} {whole.key}".rstrip()
    problems = [*((where, text) for text in wrong), *([] if whole.done else in_parts)]
    entries = [
        *(
            _Entry(where, _node(own, plan, whole), own.done, whole.depends_on)
            for where, own in below
        ),
        _Entry(where, _node(whole, plan, None, [part.story for part in below]), whole.done),
    ]
    for one in entries:
        large = [] if one.done else fields.too_large(one.node.task, plan.settings)
        problems += [(one.where, text) for text in large]
    return entries, problems


def _node(own: Story, plan: _Plan, whole: Story | None, below: Sequence[Story] = ()) -> Node:
    """Make a story a node, or a part of the `whole` one; `below` are its parts."""
    return Node(
        key=own.key,
        task=story.task(own, plan.project, whole, below),
        repository=plan.repository,
        options=story.options(own, plan.given, plan.score),
        depends_on=tuple(
            dict.fromkeys([*own.depends_on, *(part.key for part in below if part.key)])
        ),
        priority=-(plan.least if own.priority is None else own.priority),
        title=fields.title(own.heading),
        informed=not all(part.done for part in below),
        story=(whole or own).key,
    )


def _without(node: Node, done: set[str]) -> Node:
    """Let a node no longer wait for what is done."""
    return node._replace(depends_on=tuple(key for key in node.depends_on if key not in done))
