"""`filter`: how full each provider is, and which have room (seed 002, section 3.3)."""

from __future__ import annotations

from orchestrator import clock
from orchestrator.commands import standalone
from orchestrator.commands.session import Session
from orchestrator.decide import budgets, lines
from orchestrator.errors import UsageError


def main(arguments: list[str]) -> int:
    """Print the available providers and the state of all."""
    session, call = Session(), standalone.call_of(arguments)
    if call.rest:
        raise UsageError("filter takes options only")
    now_ms = clock.now_ms()
    world = session.world(now_ms)
    found = session.decide("-", call.wishes, now_ms, world=world)
    rows = session.rows(world, now_ms)
    states = {c.provider: lines.state(c) | {"rows": rows[c.provider]} for c in found.candidates}
    return standalone.answer(
        {
            "available": [name for name, state in states.items() if state["available"]],
            "providers": states,
            "budgets": budgets.described(found.totals, now_ms, session.zone),
        }
    )
