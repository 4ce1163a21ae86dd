"""What a person asked for is refused, never ignored, when it can't be honoured."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.decide import models
from orchestrator.decide.agents import Catalog
from orchestrator.errors import CredentialsError, UsageError
from orchestrator.records import Config, Wishes


def honoured(wishes: Wishes, config: Config, listed: Catalog) -> Wishes:
    """Put today's names in place of retired ones; raises UsageError for what is not there."""
    aliases = config.settings["model_aliases"]
    if wishes.model in aliases and wishes.model not in _models(config, wishes.provider):
        wishes = wishes._replace(model=aliases[wishes.model])
    if wishes.preferred_provider:
        found = models.resolved(config, wishes.preferred_provider)
        if found is None:
            raise UsageError(
                f"provider {wishes.preferred_provider!r} is not enabled; there are "
                f"{_list(config.providers)}, or PROVIDER/MODEL"
            )
        name, model = found
        wishes = wishes._replace(preferred_provider=f"{name}/{model}" if model else name)
    if wishes.domain and wishes.domain not in [rule.name for rule in config.rules]:
        named = _list(rule.name for rule in config.rules)
        raise UsageError(f"there is no rule {wishes.domain!r}; there are {named or 'none'}")
    check(wishes, config, listed)
    return wishes


def check(wishes: Wishes, config: Config, listed: Catalog) -> None:
    """Refuse a wish that names what is not there; raises UsageError naming what is.

    Raises CredentialsError for a provider that counts only when it is ready, and is not.
    """
    known = config.providers
    if wishes.provider in config.listed and wishes.provider not in known:
        raise CredentialsError(f"provider {wishes.provider!r} is off; scripts/doctor.sh says why")
    if wishes.provider and wishes.provider not in known:
        raise UsageError(f"provider {wishes.provider!r} is not enabled; there are {_list(known)}")
    tiers = models.tiers(config)
    if wishes.tier and wishes.tier not in tiers:
        raise UsageError(f"there is no tier {wishes.tier!r}; there are {_list(tiers)}")
    if wishes.agent and listed.aliases.get(wishes.agent, wishes.agent) not in listed.agents:
        raise UsageError(f"there is no agent {wishes.agent!r}; config/agents.json has the names")
    named = _models(config, wishes.provider)
    if wishes.model and wishes.model not in named:
        raise UsageError(f"model {wishes.model!r} is not configured; there are {_list(named)}")
    if wishes.edit and wishes.agent:
        row = listed.agents[listed.aliases.get(wishes.agent, wishes.agent)]
        if row["access"] != "edit":
            raise UsageError(f"agent {wishes.agent} only reads; leave out --edit or pick another")


def _models(config: Config, provider: str | None) -> list[str]:
    known = config.providers.values()
    return [m.name for p in known for m in p.models if provider in (None, p.name)]


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
