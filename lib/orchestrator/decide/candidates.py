"""One provider weighed for one task: its model, the ways to it, its room, what it would cost."""

from __future__ import annotations

from orchestrator.decide import costs, limits, windows
from orchestrator.records import (
    Block,
    Candidate,
    Classification,
    Config,
    Model,
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
    zone = config.settings["zone"]
    size = len(task.encode("utf-8", "surrogatepass"))
    model = _model_for(provider, classes.tier, wishes, size, config)
    usage = world.usages[provider.name]
    payer = limits.Payer("", model.name if model else "", metered=True)
    blocks: list[Block] = []
    if wishes.provider not in (None, provider.name):
        blocks.append(Block("wish", f"--provider {wishes.provider}"))
    if model is None:
        reason = f"--model {wishes.model}" if wishes.model else "task is larger than its context"
        blocks.append(Block("wish" if wishes.model else "access", reason))
    routes, refused, rooms = _routes(provider, model, wishes, world, config, now_ms)
    if not routes:
        blocks += refused or [Block("wish", f"--transport {wishes.transport}")]
    estimate = None
    if model is not None:
        ways = [route.transport for route in routes] or list(provider.transports)
        day = windows.day_of(now_ms, zone)
        estimate = costs.estimate(config, provider, model, ways[0], size, world.history, day)
        if estimate is None and not blocks:
            blocks.append(Block("access", f"no price for {model.name}; see make prices"))
        elif estimate and routes and pays(routes[0].transport):
            ceiling = wishes.max_cost_usd
            if ceiling is not None and estimate.cost_usd > ceiling:
                why = f"estimate ${estimate.cost_usd:.4f} is over --max-cost {ceiling:g}"
                blocks.append(Block("wish", why))
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
    model: Model | None,
    wishes: Wishes,
    world: Snapshot,
    config: Config,
    now_ms: int,
) -> tuple[list[Route], list[Block], list[Room]]:
    """Split the transports of a provider into routes that may run and the reasons of the others."""
    routes: list[Route] = []
    refused: list[Block] = []
    rooms: list[Room] = []
    unready: list[Block] = []
    for transport, why in zip(provider.transports, world.unready[provider.name], strict=True):
        if model is None or wishes.transport not in (None, transport.kind):
            continue
        if wishes.edit and transport.repo_access != "edit" and not wishes.allow_blind:
            refused.append(Block("access", f"{transport.kind} can't edit files"))
            continue
        if why is not None:
            unready.append(Block("readiness", why))
            continue
        payer = limits.Payer(transport.account, model.name, metered=pays(transport))
        usage, zone = world.usages[provider.name], config.settings["zone"]
        room = limits.room(provider, usage, payer, now_ms, zone)
        rooms.append(room)
        if room.blocks and not wishes.force:
            refused += room.blocks
            continue
        access = transport.repo_access
        routes.append(Route(provider.name, model.name, transport, access, model.max_output_tokens))
    limited = [block for block in refused if block.kind == "limit"]
    return routes, limited or unready or refused, rooms


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


def pays(transport: Transport) -> bool:
    """Tell whether a call over this transport is billed by use."""
    return transport.billing == "metered"
