"""What a person asked for is refused, never ignored, when it can't be honoured."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.decide.agents import Catalog
from orchestrator.errors import UsageError
from orchestrator.records import Config, Wishes


def check(wishes: Wishes, config: Config, listed: Catalog) -> None:
    """Refuse a wish that names what is not there; raises UsageError naming what is."""
    known = config.providers
    if wishes.provider and wishes.provider not in known:
        raise UsageError(f"provider {wishes.provider!r} is not enabled; there are {_list(known)}")
    tiers = [tier["name"] for tier in config.settings["tiers"]]
    if wishes.tier and wishes.tier not in tiers:
        raise UsageError(f"there is no tier {wishes.tier!r}; there are {_list(tiers)}")
    if wishes.agent and listed.aliases.get(wishes.agent, wishes.agent) not in listed.agents:
        raise UsageError(f"there is no agent {wishes.agent!r}; config/agents.json has the names")
    models = [m.name for p in known.values() for m in p.models if wishes.provider in (None, p.name)]
    if wishes.model and wishes.model not in models:
        raise UsageError(f"model {wishes.model!r} is not configured; there are {_list(models)}")
    if wishes.edit and wishes.agent:
        row = listed.agents[listed.aliases.get(wishes.agent, wishes.agent)]
        if row["access"] != "edit":
            raise UsageError(f"agent {wishes.agent} only reads; leave out --edit or pick another")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
