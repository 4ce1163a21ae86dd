"""One story of a PRD, or a subtask of one: what it says, and the task that it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from orchestrator.config.options import field_names, shown
from orchestrator.plans import fields
from orchestrator.plans.fields import Fields
from orchestrator.records import Json

CRITERIA = ("acceptanceCriteria", "acceptance_criteria")
SCOPE = ("fileScope", "file_scope")
DEPENDENCIES = ("dependencies", "dependsOn", "depends_on")
DONE = ("passes", "done", "completed")
DELEGATION = "delegation"
# Seed 001, story-level provider override, has its own word for what must be there.
OPTIONS = field_names() | {"required_capabilities": field_names()["requires"]}
OWN = ("id", "title", "description", "priority", DELEGATION)
KNOWN = (*OWN, *CRITERIA, *SCOPE, *DEPENDENCIES, *DONE, *OPTIONS)
CUTOFF = 0.85  # a PRD holds notes: only what is nearly the same is a slip of the pen

Score = Callable[[Json], float]  # how hard a story is, from its parts, 0 to 10


class Story(NamedTuple):
    """What a story says; `options` are its own alone."""

    key: str  # "" when it has none, or a wrong one
    title: str
    description: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    depends_on: tuple[str, ...]
    priority: int | None  # 1 is the most urgent
    done: bool
    options: Json

    @property
    def heading(self) -> str:
        """Name it for a person: `US-001 Title`."""
        return f"{self.key} {' '.join(self.title.split())}"


def read(row: Json) -> tuple[Story, list[str]]:
    """Read a story and list what is wrong with it; of one that is done only its id counts."""
    found = Fields(row)
    key = found.take("id", fields.key, "")
    of_id = list(found.problems)
    done = [found.take(name, fields.switch, default=False) for name in DONE]
    story = Story(
        key=key,
        title=found.take("title", fields.text, "").strip(),
        description=found.take("description", fields.prose, "").strip(),
        criteria=_listed(found, CRITERIA),
        scope=_listed(found, SCOPE),
        depends_on=tuple(
            one for name in DEPENDENCIES for one in found.take(name, fields.names, ())
        ),
        priority=found.take("priority", fields.priority, None),
        done=any(done),
        options=found.options(OPTIONS),
    )
    if "title" not in found.row:
        found.problems.append("title is missing")
    found.problems += slips(found, KNOWN)
    return story, of_id if story.done else found.problems


def slips(found: Fields, known: tuple[str, ...], place: str = "") -> list[str]:
    """List the fields that are not known and nearly are."""
    hints = [(name, fields.hint(name, known, CUTOFF)) for name in found.unknown(known)]
    return [f"unknown field {shown(name)}{place}{hint}" for name, hint in hints if hint]


def options(story: Story, given: Json, score: Score) -> Json:
    """List what goes with a story's task: its own options, and the command line's.

    A provider and a tier of the command line are for all (seed 001, usage). A story that says how
    large it is and not how hard is scored.
    """
    for_all: Json = {name: given[name] for name in ("provider", "tier") if name in given}
    scored: Json = {}
    if "complexity" not in {**given, **story.options} and (story.scope or story.criteria):
        parts = {
            "description": story.description,
            "fileScope": story.scope,
            "acceptanceCriteria": story.criteria,
            "dependencies": story.depends_on,
        }
        scored["complexity"] = score(parts)
    return fields.merged(given, {**scored, **story.options, **for_all})


def task(story: Story, project: str, whole: Story | None, parts: Sequence[Story] = ()) -> str:
    """Write the task of a story, or of a part of the `whole` one."""
    blocks = ["Implement this user story." if whole is None else "Implement this part of a story."]
    blocks += [f"# {story.heading}", story.description]
    blocks += _section("Acceptance criteria", story.criteria)
    blocks += _section("Files in scope", story.scope)
    blocks += _section("Its parts", [part.heading for part in parts])
    if whole is not None:
        blocks += ["## The story", whole.heading, whole.description]
    blocks += [f"Project: {project}"] if project else []
    return "\n\n".join(block for block in blocks if block) + "\n"


def _section(name: str, rows: Sequence[str]) -> list[str]:
    points = ["\n  ".join(row.strip().splitlines()) for row in rows]
    return [f"## {name}", "\n".join(f"- {point}" for point in points)] if rows else []


def _listed(found: Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for name in names for one in found.take(name, fields.texts, ()))
