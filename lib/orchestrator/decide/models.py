"""Which models of a provider can take a task: what they must be able to do, and their tier."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.decide import costs
from orchestrator.records import (
    Block,
    Classification,
    Config,
    Model,
    Provider,
    Ruling,
    Snapshot,
    Wishes,
)

CONTEXT = "context="  # a capability with a size in tokens: context=200000


class Question(NamedTuple):
    """A task to be placed, with all that the answer depends on."""

    size: int  # bytes, pictures counted as text of as many tokens
    needs: frozenset[str]  # capabilities
    least_context: int  # tokens
    wishes: Wishes
    config: Config
    classes: Classification
    ruling: Ruling
    world: Snapshot
    now_ms: int
    day: str
    paused: tuple[Block, ...]  # what keeps anything from being paid for
    lowers: bool  # a budget lowers the tier of what is paid for


def needs_of(wishes: Wishes) -> tuple[frozenset[str], int]:
    """Tell which capabilities a model must have, and how many tokens must fit into its context.

    A picture needs vision; servers of tools need tools (seed 001, capability filtering).
    """
    sizes = [
        int(name.removeprefix(CONTEXT)) for name in wishes.requires if name.startswith(CONTEXT)
    ]
    names = {name for name in wishes.requires if not name.startswith(CONTEXT)}
    names |= {"vision"} if wishes.image else set()
    names |= {"tools"} if wishes.mcp_config else set()
    return frozenset(names), max(sizes, default=0)


def fitting(asked: Question, provider: Provider) -> list[Model]:
    """List the models of a provider that can take the task."""
    wanted = asked.wishes.model
    return [
        model
        for model in provider.models
        if (wanted is None or model.name == wanted)
        and asked.needs <= model.capabilities
        and asked.least_context <= model.context_window
        and asked.size // costs.BYTES_PER_TOKEN + model.max_output_tokens <= model.context_window
    ]


def nearest(asked: Question, provider: Provider, tier: str) -> Model | None:
    """Take the provider's first model of the tier, of the nearest above it, else nearest below."""
    able = fitting(asked, provider)
    for name in near(asked.config, tier):
        for model in able:
            if model.tier == name:
                return model
    return None


def held_to(asked: Question, provider: Provider, model: Model) -> str | None:
    """Name the tier that budgets hold paid calls to, where a model is above it; None: it is not."""
    if not asked.lowers:
        return None
    most, names = nearest(asked, provider, asked.classes.paid_tier), tiers(asked.config)
    above = most is not None and names.index(model.tier) > names.index(most.tier)
    return most.tier if most is not None and above else None


def near(config: Config, tier: str) -> list[str]:
    """List all tiers: this one, those above it, then those below it from the top."""
    names = tiers(config)
    at = names.index(tier)
    return [*names[at:], *reversed(names[:at])]


def tiers(config: Config) -> list[str]:
    """List the names of the tiers, the cheapest first."""
    return [row["name"] for row in config.settings["tiers"]]


def lacking(asked: Question, provider: Provider) -> Block:
    """Say why no model of a provider takes the task."""
    wishes = asked.wishes
    if not provider.models:
        return Block("access", f"none of its models is listed; {provider.hint or 'list one'}")
    named = [m for m in provider.models if wishes.model in (None, m.name)]
    if not named:
        return Block("wish", f"--model {wishes.model}")
    able = [m for m in named if asked.needs <= m.capabilities]
    if not able:
        return Block("capability", f"no model has {', '.join(sorted(asked.needs))}")
    if all(m.context_window < asked.least_context for m in able):
        return Block("capability", f"no model has {CONTEXT}{asked.least_context}")
    return Block("access", "task is larger than its context")


def resolved(config: Config, name: str) -> tuple[str, str | None] | None:
    """Find what PROVIDER, PROVIDER/MODEL, a model or a retired name means; None: nothing.

    Returns the provider, and the model where one is meant.
    """
    aliases = config.settings["model_aliases"]
    if name in config.providers:
        return name, None
    provider, _, model = name.partition("/")
    known = config.providers.get(provider)
    wanted = aliases.get(model, model)
    if known is not None and any(m.name == wanted for m in known.models):
        return provider, wanted
    wanted = aliases.get(name, name)  # which may hold a slash, as names of proxies do
    for each in config.providers.values():
        if any(m.name == wanted for m in each.models):
            return each.name, wanted
    return None
