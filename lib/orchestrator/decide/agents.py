"""Which agent of the catalog takes a task (seed 002, section 5).

score = provider fit + task type fit + matched keywords; agents whose tasks in flight reach
`max_parallel` are passed over. The choice is never empty.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.decide.words import Lexicon, Word, find, lexicon
from orchestrator.records import Agent, Json

SECOND_PROVIDER = 0.75
SECOND_TYPE = 0.5


class Catalog(NamedTuple):
    """The agents of the configuration, indexed once by keyword, provider and task type."""

    agents: Json
    keyword_weight: float
    max_keywords: int
    keywords: Lexicon
    by_provider: dict[str, dict[str, float]]  # provider -> agent -> points
    by_type: dict[str, dict[str, float]]  # task type -> agent -> points
    places: dict[str, int]  # agent -> its place in the catalog
    aliases: dict[str, str]


def catalog(document: Json) -> Catalog:
    """Index `config/agents.json`."""
    agents, weights = document["agents"], document["weights"]
    by_provider: dict[str, dict[str, float]] = {}
    by_type: dict[str, dict[str, float]] = {}
    for name, row in agents.items():
        for place, provider in enumerate(row["providers"]):
            points = weights["provider"] * (SECOND_PROVIDER if place else 1)
            by_provider.setdefault(provider, {})[name] = points
        for place, task_type in enumerate(row["task_types"]):
            points = weights["task_type"] * (SECOND_TYPE if place else 1)
            by_type.setdefault(task_type, {})[name] = points
    return Catalog(
        agents,
        weights["keyword"],
        weights["max_keywords"],
        lexicon((word, (name, word)) for name, row in agents.items() for word in row["keywords"]),
        by_provider,
        by_type,
        {name: place for place, name in enumerate(agents)},
        {alias: name for name, row in agents.items() for alias in row.get("aliases", ())},
    )


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

    `edit` leaves only agents that may change files; `wanted` is the name or alias of one.
    """
    matched: dict[str, set[str]] = {}
    for hit in find(words, listed.keywords):
        name, word = hit.payload
        matched.setdefault(name, set()).add(word)
    scores = dict(listed.by_provider.get(provider, {}))
    for name, points in listed.by_type.get(task_type, {}).items():
        scores[name] = scores.get(name, 0.0) + points
    for name, found in matched.items():
        points = listed.keyword_weight * min(len(found), listed.max_keywords)
        scores[name] = scores.get(name, 0.0) + points
    if wanted is not None:
        best, note = listed.aliases.get(wanted, wanted), "requested with --agent"
    else:
        best, note = _best(listed, scores, busy, edit=edit)
    row, reasons = listed.agents[best], [note] if note else []
    if provider in row["providers"]:
        reasons.append(f"fits {provider}")
    if task_type in row["task_types"]:
        reasons.append(f"task type {task_type}")
    if best in matched:
        reasons.append("words: " + ", ".join(sorted(matched[best])))
    reason = "; ".join(reasons) or "best of the catalog"
    score = float(scores.get(best, 0.0))
    return Agent(best, row["category"], row["specialization"], row["access"], reason, score)


def _best(
    listed: Catalog, scores: dict[str, float], busy: dict[str, int], *, edit: bool
) -> tuple[str, str]:
    """Take the highest score among agents that fit and are free; a busy one rather than none."""
    agents, places = listed.agents, listed.places
    fitting = scores
    if edit or not scores:
        names = [n for n in agents if not edit or agents[n]["access"] == "edit"] or list(agents)
        scored = {name: scores[name] for name in names if name in scores}
        fitting = scored or dict.fromkeys(names, 0.0)
    free = fitting
    if busy:
        free = {n: p for n, p in fitting.items() if busy.get(n, 0) < agents[n]["max_parallel"]}
    best, most = "", -1.0
    for name, points in (free or fitting).items():
        if points > most or (points == most and places[name] < places[best]):
            best, most = name, points
    return best, "" if free else "all fitting agents are busy"
