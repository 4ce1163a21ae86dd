"""`check-config`: name every problem in the configuration, in one run."""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.config import environment, load, suggestions
from orchestrator.config.prices import price_of
from orchestrator.decide.windows import day_of
from orchestrator.errors import ConfigError, UsageError
from orchestrator.records import Config


def main(arguments: list[str]) -> int:
    """Check the documents, and what starting does not: agents' texts, their providers, prices."""
    if arguments:
        raise UsageError("check-config takes no arguments; ORCHESTRATE_CONFIG names another folder")
    _, at = environment.surroundings(os.environ)
    config = load.load(at.config)
    found = faults(config)
    if found:
        raise ConfigError(found)
    models = sum(len(provider.models) for provider in config.providers.values())
    agents = len(config.agents["agents"])
    screen.out(
        f"{at.config}: ok ({len(config.providers)} providers, {models} models, {agents} agents, "
        f"prices of {config.price_version})"
    )
    return 0


def faults(config: Config) -> list[str]:
    """List what is wrong and lets a start begin all the same: texts and prices that are missing."""
    return [*_agents(config), *_prices(config), *_aliases(config), *suggestions.problems(config)]


def _agents(config: Config) -> list[str]:
    found = []
    for name, row in config.agents["agents"].items():
        path = os.path.join(config.folder, "agents", f"{name}.md")
        if not os.path.isfile(path) or not os.path.getsize(path):
            found.append(f"config/agents/{name}.md: text: is missing or empty: the instructions")
        unknown = [provider for provider in row["providers"] if provider not in config.listed]
        found += [
            f"config/agents.json: agents.{name}.providers: {provider!r} is not a provider: "
            f"one of {', '.join(config.listed)}"
            for provider in unknown
        ]
    return found


def _aliases(config: Config) -> list[str]:
    """A model of a provider that is switched off is no fault: the name waits for it."""
    known = {model.name for provider in config.providers.values() for model in provider.models}
    if len(config.providers) < len(config.listed):
        return []
    return [
        f"config/providers.json: settings.model_aliases.{name}: {today!r} is no model: "
        "one that a provider has"
        for name, today in config.settings["model_aliases"].items()
        if today not in known
    ]


def _prices(config: Config) -> list[str]:
    day = day_of(clock.now_ms(), "UTC")
    return [
        f"config/prices.json: models.{model.name}: is missing: "
        f"a price for {provider.name}'s model, or it runs with --allow-unpriced only"
        for provider in config.providers.values()
        if not provider.optional  # a proxy may list models that nobody prices
        and any(transport.billing == "metered" for transport in provider.transports)
        for model in provider.models
        if price_of(config.prices, provider.name, model.name, day) is None
    ]
