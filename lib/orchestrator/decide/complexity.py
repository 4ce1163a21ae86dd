"""How hard a task or a story is, 0 to 10, and the tier of models that follows (seed 001)."""

from __future__ import annotations

from orchestrator.decide.words import Lexicon, Word, find, words_of
from orchestrator.records import Json

# The parts of a story: the most points each gives of 10, and the size that gives them all.
FILES, FULL_FILES = 2.5, 10
CRITERIA, FULL_CRITERIA = 2.5, 8
KEYWORDS = 3.0
LENGTH, FULL_LENGTH = 1.0, 500
DEPENDENCIES, FULL_DEPENDENCIES = 1.0, 5


def complexity_of(task: str, words: list[Word], levels: Lexicon) -> float:
    """Score a bare task by the two parts it has, keywords and length, divided by their weight.

    A task without files, criteria and dependencies would otherwise never pass 4.
    """
    weight = (KEYWORDS + LENGTH) / 10
    return round(_text(task, words, levels) / weight, 1)


def story_complexity(story: Json, levels: Lexicon) -> float:
    """Score a user story by all its parts (seed 001, complexity calculation).

    `story` has lists `fileScope`, `acceptanceCriteria` and `dependencies` and a text `description`;
    what is not there counts nothing.
    """
    description = story.get("description", "")
    score = _text(description, words_of(description), levels)
    score += _share(len(story.get("fileScope", ())), FULL_FILES) * FILES
    score += _share(len(story.get("acceptanceCriteria", ())), FULL_CRITERIA) * CRITERIA
    score += _share(len(story.get("dependencies", ())), FULL_DEPENDENCIES) * DEPENDENCIES
    return round(score, 1)


def tier_of(complexity: float, tiers: list[Json]) -> str:
    """Name the first tier whose bound is above `complexity`, else the last."""
    for tier in tiers:
        if complexity < tier["below"]:
            return str(tier["name"])
    return str(tiers[-1]["name"])


def _text(text: str, words: list[Word], levels: Lexicon) -> float:
    """Score keywords and length, the parts that every task has."""
    keyword = max((float(hit.payload) for hit in find(words, levels)), default=0.0)
    return keyword + _share(len(text), FULL_LENGTH) * LENGTH


def _share(size: int, full: int) -> float:
    return min(size / full, 1.0)
