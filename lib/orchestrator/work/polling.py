"""Asking the sources of usage figures that are due, and noting what they tell.

Seed 002, section 7. Two are asked: the records a client leaves of its own sessions, and the
provider's usage API where an admin key is there. Rate-limit headers come with our own calls, the
rest from a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from orchestrator import clock
from orchestrator.decide import figures, windows
from orchestrator.errors import OrchestratorError, UnsoundError
from orchestrator.providers import usage_apis
from orchestrator.providers.usage_report import Wanted
from orchestrator.records import Config, Limit, Provider
from orchestrator.state import polling, usage
from orchestrator.state.ledger import Ledger
from orchestrator.work import client_records

RECORDS, API = "records", "api"
LOCAL = (RECORDS,)  # sources that need no network
EVERY = (RECORDS, API)


class Polled(NamedTuple):
    """One source that was asked; `problem` says why it was not read, or not all of it."""

    provider: str
    source: str
    read: bool
    problem: str | None


class Poller:
    """Polls for one start."""

    def __init__(
        self, config: Config, environment: Mapping[str, str], state: str, ledger: Ledger
    ) -> None:
        """Keep what all sources need."""
        self.config, self.environment, self.state = config, environment, state
        self.ledger, self.settings = ledger, config.settings["poll"]
        self.zone = str(config.settings["zone"])

    def sources(self, provider: Provider) -> list[str]:
        """List what can be asked about a provider."""
        found = []
        login = client_records.transport_of(self.config, provider)
        if login and os.path.isdir(client_records.folder_of(self.config, login, self.environment)):
            found.append(RECORDS)
        api = provider.usage_api
        if api is not None and usage_apis.key_of(api, self.environment) is not None:
            found.append(API)
        return found

    def poll(
        self, names: Iterable[str], *, force: bool = False, among: Sequence[str] = EVERY
    ) -> list[Polled]:
        """Ask what is due: not asked within the time to live, or about a row near its block."""
        now_ms = clock.now_ms()
        wanted, urgent = [], []
        for name in names:
            provider = self.config.providers[name]
            sources = [(name, source) for source in self.sources(provider) if source in among]
            wanted += sources
            if sources and (force or self._near(provider, now_ms)):
                urgent += sources
        if not wanted:
            return []
        ttl_ms = int(1000 * self.settings["ttl_s"])
        due = polling.claim(self.state, wanted, urgent, ttl_ms)
        return [self._ask(self.config.providers[name], source) for name, source in due]

    def _near(self, provider: Provider, now_ms: int) -> bool:
        try:
            document = usage.load(self.state, provider, now_ms)
        except UnsoundError:
            return True  # nobody knows; what is noted next mends it
        return figures.is_near(
            provider, document, now_ms, self.zone, float(self.settings["near_points"])
        )

    def _ask(self, provider: Provider, source: str) -> Polled:
        """Read one source; one that fails leaves the figures there are."""
        name, read, problem = (provider.name, source), True, None
        try:
            ask = self._records if source == RECORDS else self._api
            problem = ask(provider)
        except (OrchestratorError, OSError) as error:
            read, problem = False, str(error)
        polling.done(self.state, name, clock.now_ms(), read=read)
        return Polled(*name, read, problem)

    def _records(self, provider: Provider) -> str | None:
        """Note the figures before the place where they were read up to: they are never lost."""
        login = client_records.transport_of(self.config, provider)
        if login is None or login.client is None:
            return None
        seen, kept, problem = client_records.read(
            self.config, provider, login, self.environment, self.state, clock.now_ms()
        )
        if seen:
            self.ledger.observe(provider.name, seen)
        polling.keep(self.state, login.client, kept)
        return problem

    def _api(self, provider: Provider) -> str | None:
        """Note what a report tells; it is read whole or not at all."""
        now_ms = clock.now_ms()
        rows = [wanted for limit in provider.limits for wanted in self._wanted(limit, now_ms)]
        deadline_s = float(self.settings["deadline_s"])
        seen = usage_apis.read(provider.usage_api or {}, rows, self.environment, deadline_s)
        if seen:
            self.ledger.observe(provider.name, seen)
        return None

    def _wanted(self, limit: Limit, now_ms: int) -> list[Wanted]:
        """Say what to ask about a row; a report is too late for a short window."""
        if limit.scope == "model" or limit.metric == "percent":
            return []
        if limit.period is None:
            if (limit.window_s or 0) < usage_apis.SHORTEST_S:
                return []
            start_ms = now_ms - 1000 * (limit.window_s or 0)
        else:
            start_ms = windows.period_start(limit.period, now_ms, self.zone)
        days = limit.period is not None and self.zone == "UTC"
        return [Wanted(limit.metric, limit.window_s, limit.period, start_ms, now_ms, days)]
