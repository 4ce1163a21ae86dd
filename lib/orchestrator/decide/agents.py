"""Which agent of the catalog takes a task (seed 002, section 5).

score = provider fit + task type fit + matched keywords; agents whose tasks in flight reach
`max_parallel` are passed over. The choice is never empty.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.decide.words import Lexicon, Word, find, lexicon
from orchestrator.errors import UsageError
from orchestrator.records import Agent, Json

SECOND_PROVIDER = 0.75
SECOND_TYPE = 0.5


class Catalog(NamedTuple):
    """The agents of the configuration with their keywords, indexed once."""

    agents: Json
    weights: Json
    keywords: Lexicon
    aliases: dict[str, str]


def catalog(document: Json) -> Catalog:
    """Index `config/agents.json`."""
    agents = document["agents"]
    pairs = [(word, (name, word)) for name, row in agents.items() for word in row["keywords"]]
    aliases = {alias: name for name, row in agents.items() for alias in row.get("aliases", ())}
    return Catalog(agents, document["weights"], lexicon(pairs), aliases)


def choose(
    listed: Catalog,
    words: list[Word],
    provider: str,
    task_type: str,
    busy: dict[str, int],
    wanted: str | None = None,
    *,
    edit: bool = False,
) -> Agent:
    """Pick the best agent; `busy` counts tasks in flight by agent. The catalog's order breaks ties.

    `edit` leaves only agents that may change files. Raises UsageError when `wanted` names no agent.
    """
    matched: dict[str, set[str]] = {}
    for hit in find(words, listed.keywords):
        name, word = hit.payload
        matched.setdefault(name, set()).add(word)
    if wanted is not None:
        name = listed.aliases.get(wanted, wanted)
        if name not in listed.agents:
            raise UsageError(f"there is no agent {wanted!r}; see config/agents.json for the names")
        return _agent(listed, name, provider, task_type, matched, "requested with --agent")
    best, best_score = "", -1.0
    fitting = [n for n, row in listed.agents.items() if not edit or row["access"] == "edit"]
    free = [n for n in fitting if busy.get(n, 0) < listed.agents[n]["max_parallel"]]
    for name in free or fitting or listed.agents:
        score = _score(listed, name, provider, task_type, matched)
        if score > best_score:
            best, best_score = name, score
    return _agent(listed, best, provider, task_type, matched, "" if free else "all agents are busy")


def _score(
    listed: Catalog, name: str, provider: str, task_type: str, matched: dict[str, set[str]]
) -> float:
    row, weights = listed.agents[name], listed.weights
    score = 0.0
    if provider in row["providers"]:
        score += weights["provider"] * (1 if row["providers"][0] == provider else SECOND_PROVIDER)
    if task_type in row["task_types"]:
        score += weights["task_type"] * (1 if row["task_types"][0] == task_type else SECOND_TYPE)
    count = min(len(matched.get(name, ())), weights["max_keywords"])
    return float(score + weights["keyword"] * count)


def _agent(
    listed: Catalog,
    name: str,
    provider: str,
    task_type: str,
    matched: dict[str, set[str]],
    note: str,
) -> Agent:
    row = listed.agents[name]
    fits = []
    if provider in row["providers"]:
        fits.append(f"fits {provider}")
    if task_type in row["task_types"]:
        fits.append(f"task type {task_type}")
    if matched.get(name):
        fits.append("words: " + ", ".join(sorted(matched[name])))
    reason = "; ".join(([note] if note else []) + fits) or "best of the catalog"
    score = _score(listed, name, provider, task_type, matched)
    return Agent(name, row["category"], row["specialization"], row["access"], reason, score)
