"""How hard a task is, 0 to 10, and the tier of models that follows (seed 001)."""

from __future__ import annotations

from orchestrator.decide.words import Lexicon, Word, find
from orchestrator.records import Json

KEYWORD_POINTS = 3.0
LENGTH_POINTS = 1.0
FULL_LENGTH = 500


def complexity_of(task: str, words: list[Word], levels: Lexicon) -> float:
    """Score a bare task by the two parts it has, keywords and length, divided by their weight.

    Seed 001 weighs keywords 3 and length 1 of 10; a task without files, criteria and dependencies
    would otherwise never pass 4.
    """
    keyword = max((float(hit.payload) for hit in find(words, levels)), default=0.0)
    length = min(len(task) / FULL_LENGTH, 1.0) * LENGTH_POINTS
    weight = (KEYWORD_POINTS + LENGTH_POINTS) / 10
    return round((keyword + length) / weight, 1)


def tier_of(complexity: float, tiers: list[Json]) -> str:
    """Name the first tier whose bound is above `complexity`, else the last."""
    for tier in tiers:
        if complexity < tier["below"]:
            return str(tier["name"])
    return str(tiers[-1]["name"])
