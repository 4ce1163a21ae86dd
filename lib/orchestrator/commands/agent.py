"""`agent [--provider P] TEXT`: the agent that takes a text (seed 002, section 5)."""

from __future__ import annotations

from orchestrator.commands import standalone
from orchestrator.commands.session import Session
from orchestrator.decide import agents, classifier, wishes
from orchestrator.decide.words import words_of
from orchestrator.state import inflight


def main(arguments: list[str]) -> int:
    """Print the agent, why it was chosen, and where its instruction text is."""
    session, call = Session(), standalone.call_of(arguments)
    text = standalone.text_of(session, call.rest)
    wishes.check(call.wishes, session.config, session.catalog)
    found = classifier.classify(text, session.config, session.terms)
    provider = call.wishes.provider or found.primary
    busy = inflight.busy_agents(session.at.state)
    words = words_of(text)
    chosen = agents.choose(
        session.catalog, words, provider, found.task_type, busy, call.wishes.agent
    )
    return standalone.answer(
        {
            "agent": chosen.name,
            "provider": provider,
            "task_type": found.task_type,
            "category": chosen.category,
            "specialization": chosen.specialization,
            "access": chosen.access,
            "score": chosen.score,
            "reason": chosen.reason,
            "instructions": f"config/agents/{chosen.name}.md",
        }
    )
