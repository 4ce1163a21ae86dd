"""`decline HANDOFF`: record that a person said no."""

from __future__ import annotations

from orchestrator.commands import handoff, screen
from orchestrator.commands.session import Session
from orchestrator.state.journal import DECISIONS, Journal


def main(arguments: list[str]) -> int:
    """Append the decision as declined; nothing was run."""
    given, session = handoff.taken(arguments[0]), Session()
    given.line["execution_metrics"] = {"status": "declined", "outcome": None}
    log = Journal(session.at.logs, fsync=bool(session.config.settings["fsync"]))
    log.append(DECISIONS, given.line)
    screen.talk("declined; nothing was run")
    return 0
