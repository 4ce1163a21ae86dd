"""`recommend [options] TEXT`: the whole decision for a text."""

from __future__ import annotations

from orchestrator import clock
from orchestrator.commands import standalone, tasks
from orchestrator.commands.session import Session, new_task_id
from orchestrator.decide import lines


def main(arguments: list[str]) -> int:
    """Print the decision as the log line it would become; nothing is recorded."""
    session, call = Session(), standalone.call_of(arguments)
    text, now_ms = standalone.text_of(session, call.rest), clock.now_ms()
    found = session.decide(text, call.wishes, now_ms)
    task = tasks.logged(text, session.config.settings, session.secrets)
    task_id = new_task_id(now_ms)
    return standalone.answer(lines.decision(found, task_id, "", task, now_ms, session.zone))
