"""What a command starts with: where things are, the checked configuration, and the world now."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.config import environment, load
from orchestrator.decide import agents, budgets, classifier, recommender
from orchestrator.errors import UnsoundError
from orchestrator.providers import readiness
from orchestrator.records import Config, Decision, Json, Snapshot, Wishes
from orchestrator.state import breakers, history, inflight, redaction, usage

if TYPE_CHECKING:
    from orchestrator.state.ledger import Ledger


class Session:
    """One start of a command."""

    def __init__(
        self,
        loaded: Callable[[str], Config] = load.load,
        own: Mapping[str, str] = os.environ,
    ) -> None:
        """Read the environment, `own` and `.env`, and the configuration; raises ConfigError."""
        self.environment, self.at = environment.surroundings(own)
        self.config = environment.adjusted(loaded(self.at.config), self.environment)
        self.all_providers = self.config  # also those that are not ready, for what they left behind
        self.unready = readiness.unready(self.config, self.environment)
        counting = {
            name: provider
            for name, provider in self.config.providers.items()
            if not (provider.optional and all(self.unready[name]))
        }
        # Where all are optional and none is ready, each says why.
        self.config = self.config._replace(providers=counting or self.config.providers)
        self.zone = str(self.config.settings["zone"])
        self.titles = {name: provider.title for name, provider in self.config.providers.items()}
        self.terms = classifier.vocabulary(self.config.keywords)
        self.catalog = agents.catalog(self.config.agents)
        self.secrets = redaction.secrets_of(self.environment)

    def world(self, now_ms: int) -> Snapshot:
        """Look at usage, readiness and what is running; raises StorageError."""
        try:
            usages = self._usages(now_ms)
        except UnsoundError:
            self.ledger(screen.talk).mend()
            usages = self._usages(now_ms)
        return self.seen(usages, now_ms)

    def seen(self, usages: dict[str, Json], now_ms: int) -> Snapshot:
        """Put what the usage files say beside all else that a decision is made from."""
        state, config = self.at.state, self.config
        return Snapshot(
            usages=usages,
            unready=self.unready,
            busy=inflight.busy_agents(state),
            history=history.load(state),
            totals=budgets.totals(config.budgets, usages.values(), now_ms, self.zone),
            breakers=breakers.load(state),
        )

    def rows(self, world: Snapshot, now_ms: int) -> dict[str, list[Json]]:
        """Tell how full each row of each provider is, with every source that says so."""
        from orchestrator.decide import figures  # a decision looks at the rows alone

        return {
            name: figures.rows(provider, world.usages[name], now_ms, self.config.settings)
            for name, provider in self.config.providers.items()
        }

    def ledger(self, tell: Callable[[str], None]) -> Ledger:
        """Open the books for spending; `tell` hears of what had to be mended."""
        from orchestrator.state.ledger import Ledger  # a look needs no lock

        return Ledger(self.at.state, self.all_providers, self.at.logs, tell)

    def _usages(self, now_ms: int) -> dict[str, Json]:
        """Read the usage of every provider, also of those that are not ready: it is spent."""
        state = self.at.state
        return {
            provider.name: usage.load(state, provider, now_ms)
            for provider in usage.everybody(state, self.all_providers)
        }

    def decide(
        self,
        task: str,
        wishes: Wishes,
        now_ms: int,
        repository: str = "",
        world: Snapshot | None = None,
        beside_bytes: int = 0,
    ) -> Decision:
        """Make the decision for a task in a repository; raises UsageError and NoRoomError."""
        world = self.world(now_ms) if world is None else world
        world = world._replace(repository=repository, beside_bytes=beside_bytes)
        if any(rule.automatic for rule in self.config.rules):
            world = _in_checkout(world, self.config)
        return recommender.recommend(
            task, wishes, self.config, self.terms, self.catalog, world, now_ms
        )


def new_task_id(now_ms: int) -> str:
    """Name one dispatch: its UTC time and eight random hex digits."""
    stamp = clock.iso(now_ms).replace("-", "").replace(":", "")
    return f"{stamp}-{os.urandom(4).hex()}"


def _in_checkout(world: Snapshot, config: Config) -> Snapshot:
    """Look at the branch and the top of the checkout, where a rule asks for them."""
    from orchestrator.decide import rules  # as shipped, none is in force
    from orchestrator.state import checkout

    branch = checkout.branch(world.repository) if rules.asks_for_branch(config) else ""
    top = checkout.top(world.repository) if rules.asks_for_repository(config) else ""
    return world._replace(branch=branch, checkout=top)
