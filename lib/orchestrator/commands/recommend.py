"""`recommend [options] TEXT`: the whole decision for a text."""

from __future__ import annotations

from orchestrator import clock
from orchestrator.commands import helpers
from orchestrator.commands.session import Session, new_task_id
from orchestrator.decide import lines


def main(arguments: list[str]) -> int:
    """Print the decision as the log line it would become; nothing is recorded."""
    session, call = Session(), helpers.call_of(arguments)
    text, now_ms = helpers.text_of(session, call.rest), clock.now_ms()
    found = session.decide(text, call.wishes, now_ms)
    task = session.logged_task(text)
    return helpers.answer(lines.decision(found, new_task_id(now_ms), "", task, now_ms))
