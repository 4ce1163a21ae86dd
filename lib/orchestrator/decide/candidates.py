"""One model of one provider weighed for a task: the ways to it, its room, what it would cost."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.config.prices import price_of
from orchestrator.decide import breakers, costs, limits, transports
from orchestrator.decide.models import Question, held_to, lacking
from orchestrator.decide.transports import pays
from orchestrator.records import (
    Block,
    Candidate,
    Estimate,
    Model,
    Price,
    Provider,
    Room,
    Route,
    Transport,
    Wishes,
)


def weigh(asked: Question, provider: Provider, model: Model | None) -> Candidate:
    """Find the routes, room and estimate of a model, and what keeps it out; None: it has none."""
    config, world, zone = asked.config, asked.world, asked.config.settings["zone"]
    usage = world.usages[provider.name]
    blocks = [*_unwanted(asked, provider)]
    routes: list[Route] = []
    rooms: list[Room] = []
    estimate = None
    if model is None:
        blocks.append(lacking(asked, provider))
    else:
        price = price_of(config.prices, provider.name, model.name, asked.day)

        def expected(transport: Transport) -> Estimate:
            return costs.estimate(price, provider, model, transport, asked.size, world.history)

        def too_dear(transport: Transport) -> Block | None:
            return _too_dear(asked, provider, model, price, expected, transport)

        routes, refused, rooms = _routes(asked, provider, model, too_dear)
        blocks += refused
        estimate = expected(routes[0].transport if routes else provider.transports[0])
    payer = limits.Payer("", model.name if model else "", metered=True)
    return Candidate(
        provider=provider.name,
        raw_score=asked.classes.raw_scores[provider.name],
        score=asked.classes.scores[provider.name],
        model=model,
        room=rooms[0] if rooms else limits.room(provider, usage, payer, asked.now_ms, zone),
        blocks=tuple(blocks),
        estimate=estimate,
        routes=tuple(routes),
    )


def _unwanted(asked: Question, provider: Provider) -> list[Block]:
    """Say that another provider was asked for, or that a rule forbids this one."""
    found = []
    if asked.wishes.provider not in (None, provider.name):
        found.append(Block("wish", f"--provider {asked.wishes.provider}"))
    rule = asked.ruling.forbid.get(provider.name)
    if rule is not None:
        found.append(Block("rule", f"forbidden by the rule {rule}"))
    return found


def _routes(
    asked: Question,
    provider: Provider,
    model: Model,
    too_dear: Callable[[Transport], Block | None],
) -> tuple[list[Route], list[Block], list[Room]]:
    """Split the transports of a provider into routes that may run and the reasons of the others.

    Where none may run, those that only a limit keeps out come with their reasons: --force takes
    them.
    """
    routes: list[Route] = []
    full: list[Route] = []
    limited: list[Block] = []
    unready: list[Block] = []
    refused: list[Block] = []
    rooms: list[Room] = []
    known: dict[tuple[str, bool], Room] = {}
    world, now_ms, zone = asked.world, asked.now_ms, asked.config.settings["zone"]
    usage = world.usages[provider.name]
    for transport, why in zip(provider.transports, world.unready[provider.name], strict=True):
        if asked.wishes.transport not in (None, transport.kind):
            continue
        unable = transports.unable(asked.config, asked.wishes, model, transport)
        if unable is not None:
            refused.append(unable)
            continue
        if why is not None:
            unready.append(Block("readiness", why))
            continue
        dear = too_dear(transport) if pays(transport) else None
        if dear is not None:
            refused.append(dear)
            continue
        payer = limits.Payer(transport.account, model.name, metered=pays(transport))
        account = transport.account
        row = world.breakers.get(account, breakers.CLOSED)
        knocking = breakers.block(row, now_ms, account)
        seen = (transport.account, payer.metered)
        if seen not in known:  # ways of one account have one room
            known[seen] = limits.room(provider, usage, payer, now_ms, zone)
        room = known[seen]
        rooms.append(room)
        route = transports.route_of(provider.name, model, transport, transport.repo_access)
        blocks = [*([knocking] if knocking else []), *room.blocks]
        blocks += asked.paused if pays(transport) else ()
        if blocks:
            limited.append(max(blocks, key=_lasts))
            full.append(route)
        else:
            routes.append(route)
    if routes:
        return routes, [], rooms
    other = [Block("wish", f"--transport {asked.wishes.transport}")]
    return full, limited or unready or refused or other, rooms


def _too_dear(
    asked: Question,
    provider: Provider,
    model: Model,
    price: Price | None,
    expected: Callable[[Transport], Estimate],
    transport: Transport,
) -> Block | None:
    """Refuse a way that is paid for when its price is unknown or over the person's ceiling.

    What has no price can't be held within a budget: only `--allow-unpriced` runs it under one. A
    budget that lowers the tier holds every paid way to it, also one beside a plan.
    """
    wishes, most = asked.wishes, held_to(asked, provider, model)
    if most is not None:
        return Block("access", f"a budget holds paid calls to the tier {most}")
    if price is None:
        if wishes.allow_unpriced or not _counts_money(asked, provider, wishes):
            return None
        return Block("access", "its model has no price; see make prices, or --allow-unpriced")
    ceiling = wishes.max_cost_usd
    usd = expected(transport).cost_usd if ceiling is not None else None
    if ceiling is None or usd is None or usd <= ceiling:
        return None
    return Block("wish", f"estimate ${usd:.4f} is over --max-cost {ceiling:g}")


def _counts_money(asked: Question, provider: Provider, wishes: Wishes) -> bool:
    """Tell whether any limit of money stands over a provider's calls."""
    if wishes.max_cost_usd is not None or asked.config.budgets:
        return True
    return any(limit.metric == "cost_usd" for limit in provider.limits)


def _lasts(block: Block) -> float:
    """Order blocks by how long they last; without an end means longest."""
    return float("inf") if block.retry_at_ms is None else block.retry_at_ms
