"""Taking over what Phase 1 left: its figures become ours, its file is kept under another name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.commands import screen
from orchestrator.errors import OrchestratorError
from orchestrator.records import Limit, Provider, Seen
from orchestrator.state import phase1
from orchestrator.state.ledger import Ledger

if TYPE_CHECKING:
    from orchestrator.commands.suggest import Start


def taken_over(start: Start, provider: Provider, row: Limit, paths: Sequence[str]) -> list[Seen]:
    """Note the figures of each file in `row`, then rename it; raises ConfigError.

    Returns the figures that could not be noted yet, as before `make setup`: their file stays.
    """
    told = [(path, phase1.read(path, start.rules["models"], row)) for path in paths]
    config = start.config
    config = config._replace(providers={**config.providers, provider.name: provider})
    ledger = Ledger(start.at.state, config, start.at.logs, screen.talk)
    not_yet: list[Seen] = []
    for path, seen in told:
        try:
            ledger.observe(provider.name, seen)
            kept = phase1.take(path)
            if kept is not None:
                screen.talk(f"{path}: taken over; kept as {os.path.basename(kept)}")
        except OrchestratorError as error:
            screen.talk(f"{path}: counts, but is not yet taken over: {error}")
            not_yet += seen
    return not_yet
