"""The subtasks of a story: what they are called, and what they wait for (seed 001, delegation)."""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.config.options import shown
from orchestrator.errors import UsageError
from orchestrator.plans import fields, story
from orchestrator.plans.fields import Fields
from orchestrator.plans.story import DELEGATION, Story
from orchestrator.records import Json

SUBTASKS = "subtasks"

Problems = list[tuple[str, str]]


class Part(NamedTuple):
    """A subtask in its place, with all that it has from its story."""

    where: str
    story: Story


def parts(where: str, row: Json, whole: Story) -> tuple[list[Part], Problems]:
    """Read the subtasks of a story; returns them, and what is wrong, each with its place."""
    listed, wrong = _listed(row.get(DELEGATION))
    problems: Problems = [(f"{where} {whole.key}".rstrip(), text) for text in wrong]
    found: list[Part] = []
    for index, one in enumerate(listed):
        place = f"{where}.{DELEGATION}.{SUBTASKS}[{index}]"
        if not isinstance(one, dict):
            problems.append((place, f"is {shown(one)}; allowed: an object with a title"))
            continue
        part, wrong = story.read(one)
        if whole.key and one.get("id") is None:
            part = part._replace(key=_numbered(whole.key, index + 1, wrong))
        if one.get(DELEGATION) is not None:
            wrong.append(f"{DELEGATION} is not for subtasks")
        place = f"{place} {part.key}".rstrip()
        problems += [(place, text) for text in wrong]
        found.append(Part(place, part))
    return [_inheriting(part, whole) for part in _resolved(found, problems)], problems


def _listed(value: Any) -> tuple[list[Any], list[str]]:
    """Take the list of subtasks."""
    if value is None:
        return [], []
    if not isinstance(value, dict):
        return [], [f"{DELEGATION} is {shown(value)}; allowed: an object with {SUBTASKS}"]
    read = Fields(value)
    listed = read.row.get(SUBTASKS, [])
    if not isinstance(listed, list):
        return [], [f"{DELEGATION}.{SUBTASKS} is {shown(listed)}; allowed: a list"]
    return listed, story.slips(read, (SUBTASKS,), f" in {DELEGATION}")


def _numbered(key: str, number: int, wrong: list[str]) -> str:
    """Name a subtask that has no id by its story: US-042.1."""
    try:
        return fields.key("id", f"{key}.{number}")
    except UsageError as error:
        wrong.append(str(error))
        return ""


def _resolved(found: list[Part], problems: Problems) -> list[Part]:
    """Put keys in place of the titles of siblings."""
    keys = {part.story.key for part in found}
    titled: dict[str, list[str]] = {}
    for part in found:
        titled.setdefault(part.story.title, []).append(part.story.key)
    resolved = []
    for where, own in found:
        meant = []
        for name in own.depends_on:
            named = [name] if name in keys else titled.get(name.strip(), [name])
            if len(named) > 1:
                problems.append((where, f"depends on {shown(name)}, the title of several"))
            meant.append(named[0])
        resolved.append(Part(where, own._replace(depends_on=tuple(meant))))
    return resolved


def _inheriting(part: Part, whole: Story) -> Part:
    """Hand down what a story asks for, but how hard it is: that differs (seed 001, delegation)."""
    own = part.story
    handed = {name: value for name, value in whole.options.items() if name != "complexity"}
    heir = own._replace(
        depends_on=(*whole.depends_on, *own.depends_on),
        priority=whole.priority if own.priority is None else own.priority,
        done=whole.done or own.done,
        options={**handed, **own.options},
    )
    return Part(part.where, heir)
