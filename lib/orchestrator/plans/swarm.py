"""A complex task taken apart: what a coordinator is asked, and its answer as nodes.

Seed 002, section 11, phase 3.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from orchestrator.config.documents import no_constant, unique
from orchestrator.plans import fields, graph
from orchestrator.plans.fields import Fields
from orchestrator.records import Json, Node

FEWEST, MOST = 2, 12
JOIN = "join"
JOINER = "reviewer"
KNOWN = ("id", "title", "task", "agent", "depends_on")
LIST = "subtasks"

ASK = """\
Take the task below apart into {fewest} to {most} parts that different agents can do on their own.
Do not do the task. Answer with one JSON object and nothing else:

{{"subtasks": [{{
  "id": "short-name",
  "title": "a few words",
  "task": "all that the agent has to know",
  "agent": "a name from the list below, or leave it out",
  "depends_on": ["ids of the parts it builds on"]
}}]}}

Each part stands alone: its agent sees the repository and the answers of the parts that it depends
on. Parts that do not depend on each other are done at the same time, so they must not change the
same files. No part may depend on itself through others. Somebody joins the answers afterwards:
leave that out.

Agents:
{agents}

The task:

{task}
"""
REPAIR = """\
{asked}

Your answer was:

{answer}

It can't be used:
{problems}

Answer again, with the whole JSON object.
"""
PART = """\
This is one part of a larger task, which others work on at the same time. Do this part alone.
The whole, for context only:

{whole}
"""
JOINED = """\
Several agents worked on the parts of the task below. Their answers follow. Write the one answer
that whoever gave the task is waiting for: join what they found, say where they contradict each
other, and what is missing.

The task:

{task}
"""
MOST_ANSWER = 16_384  # characters of an answer that is shown again
MOST_WHOLE = 8_192  # characters of the task that each part is shown


def asked(task: str, agents: Mapping[str, str]) -> str:
    """Write what the coordinator is asked; `agents` are names with what they are for."""
    listed = "\n".join(f"- {name}: {about}" for name, about in agents.items())
    return ASK.format(fewest=FEWEST, most=MOST, agents=listed, task=task)


def asked_again(before: str, answer: str, problems: Collection[str]) -> str:
    """Write what the coordinator is asked when its answer can't be used."""
    told = "\n".join(f"- {problem}" for problem in problems)
    return REPAIR.format(asked=before, answer=answer[:MOST_ANSWER], problems=told)


def nodes(
    answer: str, task: str, repository: str, given: Json, agents: Mapping[str, str]
) -> tuple[list[Node], list[str]]:
    """Read a coordinator's answer: the nodes of its parts and the one that joins them.

    Returns them, or none and every problem. `given` has the options of the command line, by field;
    `agents` are names with their access: one that only reads is not asked to edit.
    """
    rows, problem = _rows(answer)
    if problem:
        return [], [problem]
    found, problems = [], []
    for number, row in enumerate(rows, 1):
        node, told = _node(row, task, repository, given, agents)
        problems += [f"subtasks[{number}]: {text}" for text in told]
        found.append(node)
    keys = [(node.key, node.depends_on) for node in found]
    problems += [f"subtasks[{place + 1}]: {text}" for place, text in graph.problems(keys)]
    if problems:
        return [], problems
    return [*found, _join(found, task, repository, given)], []


def _rows(answer: str) -> tuple[list[Any], str]:
    """Find the object in an answer, be there talk around it or not."""
    decoder = json.JSONDecoder(object_pairs_hook=unique, parse_constant=no_constant)
    at = answer.find("{")
    while at >= 0:
        try:
            document, _ = decoder.raw_decode(answer, at)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and LIST in document:
            rows = document[LIST]
            if not isinstance(rows, list) or not FEWEST <= len(rows) <= MOST:
                return [], f"subtasks is no list of {FEWEST} to {MOST} parts"
            return rows, ""
        at = answer.find("{", at + 1)
    return [], 'there is no JSON object with "subtasks" in it'


def _node(
    row: Any, whole: str, repository: str, given: Json, agents: Mapping[str, str]
) -> tuple[Node, list[str]]:
    row = row if isinstance(row, dict) else {}
    read = Fields(row)
    key = read.take("id", fields.key, "")
    task = read.take("task", fields.text, "")
    agent = read.take("agent", fields.text, "")
    title = read.take("title", fields.text, "") or task
    missing = [f"{name} is missing" for name in ("id", "task") if name not in read.row]
    strange = [f"{name!r} is no field of a part" for name in row if name not in KNOWN]
    if agent and agent not in agents:
        strange.append(f"there is no agent {agent!r}")
    if key == JOIN:
        strange.append(f"{JOIN!r} is the name of the part that comes last; take another")
    reads, named = agents.get(agent) == "read", {"agent": agent} if agent else {}
    node = Node(
        key=key,
        task=task,
        repository=repository,
        options=_reading(given) | {"agent": agent} if reads else {**given, **named},
        depends_on=read.take("depends_on", fields.keys, ()),
        title=fields.title(title) if title else "",
        context=PART.format(whole=whole[:MOST_WHOLE]),
        informed=True,
    )
    return node, [*missing, *read.problems, *strange]


def _join(parts: list[Node], task: str, repository: str, given: Json) -> Node:
    """Make the node that joins the answers: it reads, and changes nothing."""
    return Node(
        key=JOIN,
        task=JOINED.format(task=task),
        repository=repository,
        options=_reading(given) | {"agent": JOINER},
        depends_on=tuple(node.key for node in parts),
        title="Join the answers",
        informed=True,
    )


def _reading(given: Json) -> Json:
    """Leave out what only somebody who edits can be asked for."""
    return {n: v for n, v in given.items() if n not in {"edit", "verify", "agent"}}
