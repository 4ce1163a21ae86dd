"""`select ...`: which model is the cheapest that can do it, without a task (seed 001, its API).

`select --complexity N` chooses, `list` shows what is configured, `fallback-chain --provider P`
tells what is tried after P. lib/provider_selector.py is its name for scripts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.commands.recommendation import dollars
from orchestrator.commands.session import Session
from orchestrator.config.options import Option, by_name, parsed
from orchestrator.config.prices import price_of
from orchestrator.decide import recommender
from orchestrator.decide.windows import day_of
from orchestrator.decide.wishes import honoured
from orchestrator.errors import UsageError
from orchestrator.records import Candidate, Config, Json, Model, Price, Provider, Wishes

PROGRAM = "lib/provider_selector.py"
HIGHEST = 10  # complexity
JSON = Option("json", "", "flag")
SELECT = (
    Option("complexity", "", "number", high=HIGHEST),
    Option("requires-vision", "", "flag"),
    Option("requires-tools", "", "flag"),
    Option("requires-json-mode", "", "flag"),
    Option("preferred", "", "text"),
    JSON,
)
LIST = (Option("verbose", "v", "flag"), JSON)
CHAIN = (Option("provider", "", "text"), JSON)
USAGE = f"""\
{PROGRAM} select --complexity N [--requires-vision] [--requires-tools] [--requires-json-mode]
                 [--preferred PROVIDER] [--json]
{PROGRAM} list [--verbose] [--json]
{PROGRAM} fallback-chain --provider PROVIDER [--json]

PROVIDER is a provider, PROVIDER/MODEL, a model, or a retired name of one."""


class Selection(NamedTuple):
    """What was selected, and what is tried after it; keys are PROVIDER/MODEL."""

    provider: str
    model: str
    reasoning: str
    fallback_chain: list[str]
    cost_estimate: float | None  # USD, None when it is unpriced
    selection_time_ms: float


class ProviderSelector:
    """Selects by complexity and capabilities (seed 001, Python API)."""

    def __init__(self, config_path: str | None = None) -> None:
        """Read the configuration once, from a folder or the usual one; raises ConfigError."""
        own = dict(os.environ)
        if config_path is not None:
            if not os.path.isdir(config_path):
                raise UsageError(f"config_path {config_path!r} is no folder; give one like config/")
            own["ORCHESTRATE_CONFIG"] = config_path
        self.session = Session(own=own)

    def select_provider(
        self,
        complexity: float,
        *,
        requires_vision: bool = False,
        requires_tools: bool = False,
        requires_json_mode: bool = False,
        preferred_provider: str | None = None,
    ) -> Selection:
        """Choose the cheapest that can do it and has room.

        Raises NoRoomError when nothing matches, UsageError for a complexity that is not from 0 to
        10 and for a provider that is not there.
        """
        flags = (requires_vision, requires_tools, requires_json_mode)
        names = ("vision", "tools", "json_mode")
        if not 0 <= complexity <= HIGHEST:
            raise UsageError(f"complexity is {complexity!r}; allowed: a number, 0 to {HIGHEST}")
        wishes = self._honoured(
            complexity=complexity,
            requires=tuple(n for n, asked in zip(names, flags, strict=True) if asked),
            preferred_provider=preferred_provider,
        )
        began = time.perf_counter()
        able = self._able(wishes)
        first = able[0]
        return Selection(
            provider=first.provider,
            model=first.model.name if first.model else "",
            reasoning=_reasoning(wishes, first),
            fallback_chain=_keys(able),
            cost_estimate=first.estimate.cost_usd if first.estimate else None,
            selection_time_ms=round((time.perf_counter() - began) * 1000, 3),
        )

    def fallback_chain(self, provider: str) -> list[str]:
        """List what is tried when PROVIDER is chosen, itself first; raises UsageError."""
        name, model = self._named(provider)
        wishes = self._honoured(tier=model.tier, preferred_provider=f"{name}/{model.name}")
        return _keys(self._able(wishes))

    def _named(self, provider: str) -> tuple[str, Model]:
        config = self.session.config
        wishes = self._honoured(preferred_provider=provider)
        name, _, model = str(wishes.preferred_provider).partition("/")
        known = {each.name: each for each in config.providers[name].models}
        if not known:
            hint = config.providers[name].hint or "list one"
            raise UsageError(f"{name}: none of its models is listed; {hint}")
        return name, known.get(model) or next(iter(known.values()))

    def _honoured(self, **told: Any) -> Wishes:
        return honoured(Wishes(**told), self.session.config, self.session.catalog)

    def _able(self, wishes: Wishes) -> list[Candidate]:
        session, now_ms = self.session, clock.now_ms()
        return recommender.select(wishes, session.config, session.world(now_ms), now_ms)

    def listed(self) -> list[Json]:
        """List every model that is switched on, with today's price in USD per million tokens."""
        config = self.session.config
        day = day_of(clock.now_ms(), self.session.zone)
        return [
            _row(provider, model, _price(config, provider, model, day))
            for provider in config.providers.values()
            for model in provider.models
        ]


def main(arguments: list[str]) -> int:
    """Run one of its commands; raises UsageError."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name in ("-h", "--help") or "--help" in rest or "-h" in rest:
        screen.out(USAGE)
        return 0
    if name not in COMMANDS:
        raise UsageError(f"name a command: {', '.join(COMMANDS)}; see '{PROGRAM} --help'")
    table, command = COMMANDS[name]
    values, left = parsed(rest, by_name(table), PROGRAM)
    if left:
        raise UsageError(f"{left[0]!r} is one word too many; see '{PROGRAM} --help'")
    command(ProviderSelector(), values)
    return 0


def _select(selector: ProviderSelector, values: Json) -> None:
    if "complexity" not in values:
        raise UsageError(f"--complexity is missing, 0 to 10; see '{PROGRAM} --help'")
    found = selector.select_provider(
        values["complexity"],
        requires_vision="requires_vision" in values,
        requires_tools="requires_tools" in values,
        requires_json_mode="requires_json_mode" in values,
        preferred_provider=values.get("preferred"),
    )
    if "json" in values:
        screen.data(found._asdict())
        return
    screen.out(f"Provider: {found.provider}")
    screen.out(f"Model: {found.model}")
    screen.out(f"Reasoning: {found.reasoning}")
    screen.out(f"Fallback chain: {' -> '.join(found.fallback_chain)}")
    screen.out(f"Estimated cost: {_exact(found.cost_estimate)}")
    screen.out(f"Selection time: {found.selection_time_ms:.2f} ms")


def _list(selector: ProviderSelector, values: Json) -> None:
    rows = selector.listed()
    if "json" in values:
        screen.data(rows)
        return
    width = max(len(row["key"]) for row in rows)
    screen.out("Configured models, USD per million tokens in/out:")
    for row in rows:
        screen.out(f"  {row['key']:<{width}}  {_rates(row):>13}  {row['tier']}")
        if "verbose" in values:
            able = ", ".join(row["capabilities"]) or "none"
            screen.out(f"      can: {able}; context {row['context_window']:,} tokens")
            screen.out(f"      goes over: {', '.join(row['transports'])}")


def _chain(selector: ProviderSelector, values: Json) -> None:
    if "provider" not in values:
        raise UsageError(f"--provider is missing; see '{PROGRAM} list'")
    chain = selector.fallback_chain(values["provider"])
    if "json" in values:
        screen.data(chain)
    else:
        screen.out(" -> ".join(chain))


Command = Callable[[ProviderSelector, Json], None]
COMMANDS: dict[str, tuple[tuple[Option, ...], Command]] = {
    "select": (SELECT, _select),
    "list": (LIST, _list),
    "fallback-chain": (CHAIN, _chain),
}


def _keys(able: Sequence[Candidate]) -> list[str]:
    return [f"{row.provider}/{row.model.name}" for row in able if row.model]


def _reasoning(wishes: Wishes, first: Candidate) -> str:
    model = first.model.name if first.model else ""
    preferred = wishes.preferred_provider in (first.provider, f"{first.provider}/{model}")
    how = "preferred" if preferred else "selected cheapest capable"
    return f"Complexity: {wishes.complexity:g}, {how}: {model}"


def _price(config: Config, provider: Provider, model: Model, day: str) -> Price | None:
    """Look up a price; what is billed nowhere costs nothing."""
    if all(way.billing == "free" for way in provider.transports):
        return Price(0.0, 0.0, 0.0, 0.0)
    return price_of(config.prices, provider.name, model.name, day)


def _row(provider: Provider, model: Model, price: Price | None) -> Json:
    return {
        "key": f"{provider.name}/{model.name}",
        "provider": provider.name,
        "model": model.name,
        "tier": model.tier,
        "capabilities": sorted(model.capabilities),
        "context_window": model.context_window,
        "input_usd_per_mtok": price.input_usd_per_mtok if price else None,
        "output_usd_per_mtok": price.output_usd_per_mtok if price else None,
        "transports": [f"{way.kind} ({way.billing})" for way in provider.transports],
    }


def _rates(row: Json) -> str:
    if row["input_usd_per_mtok"] is None:
        return "unpriced"
    return f"{dollars(row['input_usd_per_mtok'])}/{dollars(row['output_usd_per_mtok'])}"


def _exact(amount: float | None) -> str:
    return "unpriced" if amount is None else f"${amount:.4f}"
