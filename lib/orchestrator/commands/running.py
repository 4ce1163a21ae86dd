"""What running a task takes, from the session of a command."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.commands.session import Session
from orchestrator.state import redaction
from orchestrator.state.journal import Journal
from orchestrator.work.context import Context


def context_of(
    session: Session,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    interrupted: Callable[[], int],
) -> Context:
    """Put together what all tasks of a process share; what is told is redacted first."""
    return Context(
        config=session.config,
        environment=session.environment,
        secrets=session.secrets,
        state=session.at.state,
        logs=session.at.logs,
        ledger=session.ledger(tell),
        journal=Journal(session.at.logs, fsync=bool(session.config.settings["fsync"])),
        tell=lambda text: tell(redaction.redact(text, session.secrets)),
        show=lambda text: show(redaction.redact(text, session.secrets)),
        interrupted=interrupted,
    )
