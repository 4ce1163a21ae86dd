"""Two ways to put candidates in order: the best fit of seed 002, the lowest price of seed 001.

Each lists every provider at least once, with what keeps it out, so that a record shows them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.decide import budgets, models
from orchestrator.decide.candidates import weigh
from orchestrator.decide.classifier import order_of
from orchestrator.decide.models import Question
from orchestrator.decide.transports import pays
from orchestrator.records import Block, Candidate, Config, Model, Provider

SPECIALIST, CHEAPEST = "specialist", "cheapest"
Able = dict[str, list[Model]]  # by provider, the models that can take the task


def ranked(asked: Question, strategy: str) -> list[Candidate]:
    """Rank by a strategy; what a person or a rule prefers goes before all else."""
    return ORDERS[strategy](asked)


def specialist(asked: Question) -> list[Candidate]:
    """Order by raw score; scores within `tie_margin` of the best of them go by cost, then order.

    Each provider stands with its model of the tier (seed 002, section 4.1).
    """
    margin = asked.config.settings["tie_margin"]
    rest = [
        weigh(asked, provider, models.nearest(asked, provider, _tier(asked, provider)))
        for provider in asked.config.providers.values()
    ]
    rest.sort(key=lambda c: -c.raw_score)
    found: list[Candidate] = []
    while rest:
        equal = [c for c in rest if c.raw_score >= rest[0].raw_score - margin]
        equal.sort(key=lambda c: (cost(c), order_of(c.provider, asked.config.settings)))
        found += equal
        rest = rest[len(equal) :]
    return _preferred(asked, found)


def cheapest(asked: Question) -> list[Candidate]:
    """Order by what is billed, then by what it would cost, over all models of the tier.

    The chain: the cheapest and the next two of the tier, a reliable one of the tier above, last
    the client that is always there (seed 001, provider selection logic; fallback chain).
    """
    settings = asked.config.settings["cheapest"]
    able = {name: models.fitting(asked, p) for name, p in asked.config.providers.items()}
    tier_rows = _cut(_preferred(asked, _of_tier(asked, able)), settings["next"] + 1)
    rows = _once(
        [
            *tier_rows,
            *_cut(_reliable(asked, able, tier_rows), settings["reliable"]),
            *_last(asked, settings["last_client"]),
        ]
    )
    listed = {row.provider for row in rows}
    out = [p for name, p in asked.config.providers.items() if name not in listed]
    return [*rows, *(_left_out(asked, provider, able[provider.name]) for provider in out)]


ORDERS: dict[str, Callable[[Question], list[Candidate]]] = {
    SPECIALIST: specialist,
    CHEAPEST: cheapest,
}


def cost(candidate: Candidate) -> float:
    """Tell what a candidate would cost in USD, notional or billed; endless when it is unpriced."""
    known = candidate.estimate.cost_usd if candidate.estimate else None
    return float("inf") if known is None else known


def _of_tier(asked: Question, able: Able) -> list[Candidate]:
    """Weigh the models of the tier, cheapest first; those of the nearest one where it has none."""
    providers, steps = asked.config.providers, []
    asking = {asked.classes.tier, asked.classes.paid_tier}
    near = {tier: models.near(asked.config, tier) for tier in asking}
    for step in range(len(models.tiers(asked.config))):
        rows = []
        for name, provider in providers.items():
            tier = near[_tier(asked, provider)][step]
            rows += [weigh(asked, provider, model) for model in able[name] if model.tier == tier]
        if any(_possible(row) for row in rows):
            return _by_price(rows, asked.config)
        steps.append(rows)
    return next((_by_price(rows, asked.config) for rows in steps if rows), [])


def _reliable(asked: Question, able: Able, tier_rows: Sequence[Candidate]) -> list[Candidate]:
    """Weigh what is reliable in the tier above that of the cheapest, as far as budgets allow it."""
    names = models.tiers(asked.config)
    here = next((row.model.tier for row in tier_rows if row.model), asked.classes.tier)
    if here == names[-1]:
        return []
    above = names[names.index(here) + 1]
    rows = [
        weigh(asked, provider, model)
        for name, provider in asked.config.providers.items()
        for model in able[name]
        if model.reliable and model.tier == above
    ]
    lowered = budgets.lowered(above, names, budgets.action(asked.world.totals))
    if lowered != above:  # what is paid for may not climb
        rows = [row for row in rows if not _pays(row, asked.config)]
    return _by_price(rows, asked.config)


def _last(asked: Question, client: str) -> list[Candidate]:
    """Weigh the client that is tried last, with its provider's model of the tier."""
    rows = []
    for provider in asked.config.providers.values():
        if any(transport.client == client for transport in provider.transports):
            model = models.nearest(asked, provider, _tier(asked, provider))
            row = weigh(asked, provider, model)
            routes = tuple(each for each in row.routes if each.transport.client == client)
            rows += [row._replace(routes=routes)] if routes or row.blocks else []
    return rows


def _left_out(asked: Question, provider: Provider, able: Sequence[Model]) -> Candidate:
    """Weigh a provider that has no model to be tried."""
    row = weigh(asked, provider, None)
    other = Block("rank", "no model of the tier")
    return _blocked(row, other) if able else row


def _cut(rows: Sequence[Candidate], most: int) -> list[Candidate]:
    """Keep so many that may run; those after them stay listed, with the reason."""
    may = [row for row in rows if not row.blocks] or [row for row in rows if _unready(row)]
    late, cut = Block("rank", "dearer than those that are tried"), may[most:]
    return [_blocked(row, late) if row in cut else row for row in rows]


def _once(rows: Sequence[Candidate]) -> list[Candidate]:
    """List each model once: where it may run, else where it stood first."""
    kept: dict[tuple[str, str], Candidate] = {}
    for row in rows:
        key = (row.provider, row.model.name if row.model else "")
        if key not in kept or len(row.blocks) < len(kept[key].blocks):
            kept.pop(key, None)
            kept[key] = row
    return list(kept.values())


def _by_price(rows: Sequence[Candidate], config: Config) -> list[Candidate]:
    """Order by what is billed: a plan is paid for already; then by what the tokens cost."""

    def key(row: Candidate) -> tuple[float, float, int]:
        billed = cost(row) if _pays(row, config) else 0.0
        return billed, cost(row), order_of(row.provider, config.settings)

    return sorted(rows, key=key)


def _preferred(asked: Question, found: list[Candidate]) -> list[Candidate]:
    """Put what a person prefers first, then what rules do."""
    wish = asked.wishes.preferred_provider
    if not (wish or asked.ruling.prefer):
        return found
    first: list[Candidate] = []
    for name in (*([wish] if wish else ()), *asked.ruling.prefer):
        first += [row for row in _named(asked, name, found) if row not in first]
    return [*first, *(row for row in found if row not in first)]


def _named(asked: Question, name: str, found: Sequence[Candidate]) -> list[Candidate]:
    """Find the candidates of PROVIDER or PROVIDER/MODEL; a model that is not there is weighed."""
    provider, _, model = name.partition("/")
    rows = [
        row
        for row in found
        if row.provider == provider and (not model or (row.model and row.model.name == model))
    ]
    known = asked.config.providers.get(provider)
    if rows or known is None:
        return rows
    if model:
        able = [each for each in models.fitting(asked, known) if each.name == model]
    else:
        closest = models.nearest(asked, known, _tier(asked, known))
        able = [closest] if closest else []
    return [weigh(asked, known, each) for each in able]


def _tier(asked: Question, provider: Provider) -> str:
    """Take the tier for what is paid, where the way that would be taken is, else the full one."""
    classes = asked.classes
    if classes.paid_tier == classes.tier:
        return classes.tier
    ways = zip(provider.transports, asked.world.unready[provider.name], strict=True)
    ready = [way for way, why in ways if why is None] or [provider.transports[0]]
    if pays(ready[0]) or not any(pays(way) for way in ready):
        return classes.paid_tier if pays(ready[0]) else classes.tier
    full = weigh(asked, provider, models.nearest(asked, provider, classes.tier))
    return classes.paid_tier if full.blocks else classes.tier


def _pays(row: Candidate, config: Config) -> bool:
    first = row.routes[0].transport if row.routes else config.providers[row.provider].transports[0]
    return pays(first)


def _possible(row: Candidate) -> bool:
    """Tell whether nothing but time or readiness keeps a candidate out."""
    return all(block.kind in ("limit", "outage", "readiness") for block in row.blocks)


def _unready(row: Candidate) -> bool:
    return all(block.kind == "readiness" for block in row.blocks)


def _blocked(row: Candidate, block: Block) -> Candidate:
    return row._replace(blocks=(block, *row.blocks))
