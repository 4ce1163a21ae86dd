"""Taking over what Phase 1 left: its figures become ours, its file is kept under another name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from orchestrator.commands import screen
from orchestrator.commands.session import Session
from orchestrator.errors import OrchestratorError
from orchestrator.records import Limit, Provider, Seen
from orchestrator.state import phase1
from orchestrator.state.ledger import Ledger


def taken_over(
    session: Session,
    provider: Provider,
    models: Mapping[str, str],
    row: Limit,
    paths: Sequence[str],
) -> list[Seen]:
    """Note the figures of each file in `row`, then rename it; raises ConfigError.

    Returns the figures that could not be noted yet, as before `make setup`: their file stays.
    """
    told = [(path, phase1.read(path, models, row)) for path in paths]
    config = session.all_providers
    config = config._replace(providers={**config.providers, provider.name: provider})
    ledger = Ledger(session.at.state, config, session.at.logs, screen.talk)
    not_yet: list[Seen] = []
    for path, seen in told:
        try:
            ledger.observe(provider.name, seen)
            screen.talk(f"{path}: taken over; kept as {os.path.basename(phase1.take(path))}")
        except OrchestratorError as error:
            screen.talk(f"{path}: counts, but is not yet taken over: {error}")
            not_yet += seen
    return not_yet
