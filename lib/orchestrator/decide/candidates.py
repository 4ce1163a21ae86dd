"""One provider weighed for one task: its model, the ways to it, its room, what it would cost."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.config.prices import price_of
from orchestrator.decide import breakers, budgets, costs, limits, windows
from orchestrator.records import (
    Block,
    Candidate,
    Classification,
    Config,
    Estimate,
    Model,
    Price,
    Provider,
    Room,
    Route,
    Snapshot,
    Transport,
    Wishes,
)


def weigh(
    task: str,
    provider: Provider,
    wishes: Wishes,
    config: Config,
    classes: Classification,
    world: Snapshot,
    now_ms: int,
) -> Candidate:
    """Find a provider's model, routes, room and estimate for a task, and what keeps it out."""
    usage, zone = world.usages[provider.name], config.settings["zone"]
    size = len(task.encode("utf-8", "surrogatepass"))
    model = _model_for(provider, _tier(provider, classes, world), wishes, size, config)
    blocks: list[Block] = []
    routes: list[Route] = []
    rooms: list[Room] = []
    estimate = None
    if wishes.provider not in (None, provider.name):
        blocks.append(Block("wish", f"--provider {wishes.provider}"))
    if model is None:
        blocks.append(_no_model(provider, wishes))
    else:
        price = price_of(config.prices, model.name, windows.day_of(now_ms, zone))

        def expected(transport: Transport) -> Estimate | None:
            return costs.estimate(price, provider, model, transport, size, world.history)

        def too_dear(transport: Transport) -> Block | None:
            return _too_dear(price, expected, transport, wishes) if pays(transport) else None

        routes, refused, rooms = _routes(provider, model, wishes, world, zone, too_dear, now_ms)
        blocks += refused
        estimate = expected(routes[0].transport if routes else provider.transports[0])
    payer = limits.Payer("", model.name if model else "", metered=True)
    return Candidate(
        provider=provider.name,
        raw_score=classes.raw_scores[provider.name],
        score=classes.scores[provider.name],
        model=model,
        room=rooms[0] if rooms else limits.room(provider, usage, payer, now_ms, zone),
        blocks=tuple(blocks),
        estimate=estimate,
        routes=tuple(routes),
    )


def _routes(
    provider: Provider,
    model: Model,
    wishes: Wishes,
    world: Snapshot,
    zone: str,
    too_dear: Callable[[Transport], Block | None],
    now_ms: int,
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
    usage = world.usages[provider.name]
    paused = budgets.blocks(world.totals, now_ms, zone)
    for transport, why in zip(provider.transports, world.unready[provider.name], strict=True):
        if wishes.transport not in (None, transport.kind):
            continue
        if wishes.edit and transport.repo_access != "edit" and not wishes.allow_blind:
            refused.append(Block("access", f"{transport.kind} can't edit files"))
            continue
        if why is not None:
            unready.append(Block("readiness", why))
            continue
        dear = too_dear(transport)
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
        route = route_of(provider.name, model, transport, transport.repo_access)
        blocks = [*([knocking] if knocking else []), *room.blocks]
        blocks += paused if pays(transport) else ()
        if blocks:
            limited.append(max(blocks, key=_lasts))
            full.append(route)
        else:
            routes.append(route)
    if routes:
        return routes, [], rooms
    other = [Block("wish", f"--transport {wishes.transport}")]
    return full, limited or unready or refused or other, rooms


def _tier(provider: Provider, classes: Classification, world: Snapshot) -> str:
    """Take the tier for what is paid, where the way that would be taken is, else the full one."""
    if classes.paid_tier == classes.tier:
        return classes.tier
    ways = zip(provider.transports, world.unready[provider.name], strict=True)
    first = next((way for way, why in ways if why is None), provider.transports[0])
    return classes.paid_tier if pays(first) else classes.tier


def _too_dear(
    price: Price | None,
    expected: Callable[[Transport], Estimate | None],
    transport: Transport,
    wishes: Wishes,
) -> Block | None:
    """Refuse a way that is paid for when its price is unknown or over the person's ceiling."""
    if price is None:
        return Block("access", "its model has no price; see make prices")
    ceiling = wishes.max_cost_usd
    estimate = expected(transport) if ceiling is not None else None
    if ceiling is None or estimate is None or estimate.cost_usd <= ceiling:
        return None
    return Block("wish", f"estimate ${estimate.cost_usd:.4f} is over --max-cost {ceiling:g}")


def _no_model(provider: Provider, wishes: Wishes) -> Block:
    """Say why no model of a provider takes the task."""
    if wishes.model and wishes.model not in [model.name for model in provider.models]:
        return Block("wish", f"--model {wishes.model}")
    return Block("access", "task is larger than its context")


def _lasts(block: Block) -> float:
    """Order blocks by how long they last; without an end means longest."""
    return float("inf") if block.retry_at_ms is None else block.retry_at_ms


def _model_for(
    provider: Provider, tier: str, wishes: Wishes, size: int, config: Config
) -> Model | None:
    """Pick the provider's model for the tier, the nearest tier above it, else the nearest below."""
    fitting = [
        m
        for m in provider.models
        if size // costs.BYTES_PER_TOKEN + m.max_output_tokens <= m.context_window
    ]
    if wishes.model:
        return next((m for m in fitting if m.name == wishes.model), None)
    names = [row["name"] for row in config.settings["tiers"]]
    at = names.index(tier)
    for name in (*names[at:], *reversed(names[:at])):
        for model in fitting:
            if model.tier == name:
                return model
    return None


def route_of(provider: str, model: Model, transport: Transport, access: str) -> Route:
    """Make the route to a model over a transport."""
    sizes = model.max_output_tokens, model.context_window
    return Route(provider, model.name, transport, access, *sizes)


def pays(transport: Transport) -> bool:
    """Tell whether a call over this transport is billed by use."""
    return transport.billing == "metered"
