"""The cascade: candidates -> allowed -> ranked -> chosen (seed 002, section 4.1).

Read this file first. Everything is a function of its arguments; `now_ms` is the one clock
reading of the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.decide import agents, costs, limits, windows
from orchestrator.decide.classifier import Vocabulary, classify, order_of
from orchestrator.decide.words import words_of
from orchestrator.errors import UsageError
from orchestrator.records import (
    ACCESS_LEVELS,
    Agent,
    Block,
    Candidate,
    Classification,
    Config,
    Decision,
    Model,
    Provider,
    Room,
    Route,
    Snapshot,
    Transport,
    Wishes,
)


def recommend(
    task: str,
    wishes: Wishes,
    config: Config,
    terms: Vocabulary,
    listed: agents.Catalog,
    world: Snapshot,
    now_ms: int,
) -> Decision:
    """Decide who runs `task`; raises UsageError when a wish can't be honoured."""
    check_wishes(wishes, config, listed)
    words = words_of(task[: config.settings["classify_bytes"]])
    classes = classify(task, config, terms, wishes.complexity, words)
    if wishes.tier:
        classes = classes._replace(tier=wishes.tier)
    candidates = tuple(
        _candidate(task, provider, wishes, config, classes, world, now_ms)
        for provider in config.providers.values()
    )
    ranked = _ranked(candidates, config)
    allowed = [c for c in ranked if not c.blocks]
    ready = bool(allowed)
    if not allowed and not any(_has_room_problem(c) and _is_ready(c) for c in ranked):
        allowed = [c for c in ranked if all(b.kind == "readiness" for b in c.blocks)]
    chosen, no_room = (allowed[0], False) if allowed else (_cheapest(ranked), True)
    agent = agents.choose(
        listed,
        words,
        chosen.provider if chosen else classes.primary,
        classes.task_type,
        world.busy,
        wishes.agent,
        edit=wishes.edit,
    )
    runnable = [chosen] if no_room and wishes.force and chosen else allowed
    chain = _chain(runnable, agent.access == "edit" and wishes.edit, wishes)
    retries = [b.retry_at_ms for c in ranked for b in c.blocks if b.retry_at_ms is not None]
    return Decision(
        classification=classes,
        candidates=tuple(ranked),
        chosen=chosen,
        chain=chain,
        agent=agent,
        access=chain[0].access if chain else "none",
        reason=_reason(chosen, ranked, wishes, classes, no_room=no_room),
        ready=ready or (no_room and wishes.force),
        no_room=no_room and not wishes.force,
        retry_at_ms=min(retries, default=None) if no_room else None,
        notes=_notes(chosen, agent, chain, wishes),
    )


def check_wishes(wishes: Wishes, config: Config, listed: agents.Catalog) -> None:
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


def _candidate(
    task: str,
    provider: Provider,
    wishes: Wishes,
    config: Config,
    classes: Classification,
    world: Snapshot,
    now_ms: int,
) -> Candidate:
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
        elif estimate and routes and _pays(routes[0].transport):
            ceiling = wishes.max_cost_usd
            if ceiling is not None and estimate.cost_usd > ceiling:
                why = f"estimate ${estimate.cost_usd:.2f} is over --max-cost {ceiling:g}"
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
        payer = limits.Payer(transport.account, model.name, metered=_pays(transport))
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


def _ranked(candidates: Sequence[Candidate], config: Config) -> list[Candidate]:
    """Order by raw score; scores within `tie_margin` of the best of them go by cost, then order."""
    margin = config.settings["tie_margin"]
    rest = sorted(candidates, key=lambda c: -c.raw_score)
    ranked: list[Candidate] = []
    while rest:
        equal = [c for c in rest if c.raw_score >= rest[0].raw_score - margin]
        equal.sort(key=lambda c: (_cost(c), order_of(c.provider, config.settings)))
        ranked += equal
        rest = rest[len(equal) :]
    return ranked


def _chain(allowed: Sequence[Candidate], edit: bool, wishes: Wishes) -> tuple[Route, ...]:  # noqa: FBT001
    """List the routes to try, best first; a fallback never sees less of the repository."""
    wanted = "edit" if edit else "read"
    routes = [
        route._replace(access=min(route.access, wanted, key=ACCESS_LEVELS.index))
        for candidate in allowed
        for route in candidate.routes
    ]
    if not routes or wishes.allow_blind:
        return tuple(routes)
    floor = ACCESS_LEVELS.index(routes[0].access)
    return tuple(route for route in routes if ACCESS_LEVELS.index(route.access) >= floor)


def _cheapest(ranked: Sequence[Candidate]) -> Candidate | None:
    """Name the emergency provider: the cheapest of those only a limit keeps out."""
    limited = [c for c in ranked if _has_room_problem(c) and _is_ready(c)]
    return min(limited or ranked, key=_cost, default=None)


def _reason(
    chosen: Candidate | None,
    ranked: Sequence[Candidate],
    wishes: Wishes,
    classes: Classification,
    *,
    no_room: bool,
) -> str:
    if no_room or chosen is None:
        return "emergency: all providers blocked"
    if wishes.provider:
        return "requested with --provider"
    if chosen.provider == classes.primary:
        return "primary available"
    primary = next((c for c in ranked if c.provider == classes.primary), None)
    before = [c for c in ranked[: ranked.index(chosen)] if c.blocks]
    if primary is None or not primary.blocks:
        return "cheaper of equal scores"
    why = primary.blocks[0].reason
    if len(before) > 1:
        others = " and ".join(f"fallback {n}" for n in range(1, len(before)))
        return f"primary ({why}) and {others} blocked, using fallback {len(before)}"
    return f"primary blocked ({why}), using fallback"


def _notes(
    chosen: Candidate | None, agent: Agent, chain: Sequence[Route], wishes: Wishes
) -> tuple[str, ...]:
    notes = []
    if chain and chain[0].access == "none":
        notes.append("cannot see files: the API gets the task text only")
    elif agent.access == "edit" and not wishes.edit:
        notes.append("read-only: add --edit to change files")
    elif wishes.edit and agent.access != "edit":
        notes.append(f"read-only: the agent {agent.name} does not change files")
    if chosen and chosen.estimate and chosen.room.daily_budget_usd is not None:
        after = chosen.room.cost_today_usd + chosen.estimate.cost_usd
        paid = not chain or _pays(chain[0].transport)
        if paid and after > chosen.room.daily_budget_usd:
            notes.append("this task may exceed the daily budget")
    return tuple(notes)


def _pays(transport: Transport) -> bool:
    return transport.billing == "metered"


def _cost(candidate: Candidate) -> float:
    return candidate.estimate.cost_usd if candidate.estimate else float("inf")


def _is_ready(candidate: Candidate) -> bool:
    return not any(block.kind == "readiness" for block in candidate.blocks)


def _has_room_problem(candidate: Candidate) -> bool:
    return any(block.kind == "limit" for block in candidate.blocks)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
