"""What every piece of work needs: configuration, environment, books, logs, and the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.providers.attachments import NOTHING, Attachments
from orchestrator.records import Config, Json, Route, Wishes
from orchestrator.state.journal import Journal
from orchestrator.state.ledger import Ledger


class Context(NamedTuple):
    """Shared by all tasks of a process; nothing in it changes."""

    config: Config
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    state: str
    logs: str
    ledger: Ledger
    journal: Journal
    tell: Callable[[str], None]  # something that happened, for the person
    show: Callable[[str], None]  # what is going on now, for a live line
    interrupted: Callable[[], int]  # the number of the signal that asks us to stop, else 0

    @property
    def fsync(self) -> bool:
        """Tell whether writes must be on the disk before they are acknowledged."""
        return bool(self.config.settings["fsync"])


class Dispatch(NamedTuple):
    """A decided task."""

    line: Json  # the decision line so far
    task: str
    chain: tuple[Route, ...]
    wishes: Wishes
    climbs: tuple[tuple[Route, ...], ...] = ()  # chains of the tiers above
    given: Attachments = NOTHING  # what goes with it beside its text
    rows: Callable[[Json, str], list[Json]] | None = None  # its results, from line and answer
    results: str = ""  # the log that they go to
    queues: bool = True  # a task without room goes into the queue of deferred ones
    always_tree: bool = False  # an edit runs in a worktree, with one route, too
    branch: str = ""  # of its trees, below `orchestrate/`; the task's id when empty
    bases: tuple[str, ...] = ()  # branches that its trees begin from
