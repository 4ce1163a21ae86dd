"""`classify TEXT`: which provider a text suits."""

from __future__ import annotations

from orchestrator.commands import standalone
from orchestrator.commands.session import Session
from orchestrator.decide.classifier import classify


def main(arguments: list[str]) -> int:
    """Print the classification, with the field names of seed 002, section 2.1."""
    session, call = Session(), standalone.call_of(arguments)
    text = standalone.text_of(session, call.rest)
    found = classify(text, session.config, session.terms, call.wishes.complexity)
    return standalone.answer(
        {
            "primary_provider": found.primary,
            "primary_score": found.scores[found.primary],
            "fallback_chain": found.fallback_chain,
            "all_scores": found.scores,
            "raw_scores": found.raw_scores,
            "task_type": found.task_type,
            "complexity": found.complexity,
            "tier": found.tier,
            "clear_match": found.clear,
            "matched": [match._asdict() for match in found.matched],
        }
    )
