"""The cascade: candidates -> allowed -> ranked -> chosen (seed 002, section 4.1).

Read this file first. Everything is a function of its arguments; `now_ms` is the one clock
reading of the decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.decide import agents, budgets
from orchestrator.decide.candidates import pays, weigh
from orchestrator.decide.classifier import Vocabulary, classify, order_of
from orchestrator.decide.wishes import check
from orchestrator.decide.words import words_of
from orchestrator.errors import UsageError
from orchestrator.records import (
    ACCESS_LEVELS,
    Agent,
    Candidate,
    Classification,
    Config,
    Decision,
    Route,
    Snapshot,
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
    check(wishes, config, listed)
    words = words_of(task[: config.settings["classify_bytes"]])
    classes = classify(task, config, terms, wishes.complexity, words)
    tier = wishes.tier or classes.tier
    classes = classes._replace(tier=tier, paid_tier=_paid_tier(tier, wishes, config, world))
    candidates = tuple(
        weigh(task, provider, wishes, config, classes, world, now_ms)
        for provider in config.providers.values()
    )
    ranked = _ranked(candidates, config)
    allowed = [c for c in ranked if not c.blocks]
    ready = bool(allowed)
    limited = [] if ready else [c for c in ranked if _only(c, "limit", "outage")]
    if not ready and not limited:
        allowed = [c for c in ranked if _only(c, "readiness")]
    if not allowed and not limited:
        raise UsageError(_impossible(ranked, wishes))
    no_room = not allowed
    chosen = min(limited, key=_cost) if no_room else allowed[0]
    agent = agents.choose(
        listed,
        words,
        chosen.provider,
        classes.task_type,
        world.busy,
        wishes.agent,
        edit=wishes.edit,
    )
    runnable = [chosen] if no_room and wishes.force else allowed
    chain = _chain(runnable, agent.access == "edit" and wishes.edit, wishes)
    retries = [b.retry_at_ms for c in limited for b in c.blocks if b.retry_at_ms is not None]
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
        outage=no_room and not wishes.force and all(_only(c, "outage") for c in limited),
        retry_at_ms=min(retries, default=None) if no_room else None,
        notes=(*_notes(chosen, agent, chain, wishes), *_lowered(chosen, classes, world)),
        totals=world.totals,
    )


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


def _impossible(ranked: Sequence[Candidate], wishes: Wishes) -> str:
    """Say what keeps each provider out that was not left out on purpose."""
    asked = [c for c in ranked if wishes.provider in (None, c.provider)]
    reasons = "; ".join(f"{c.provider}: {c.blocks[0].reason}" for c in asked)
    return f"no provider can take the task as asked ({reasons}); ask for less"


def _reason(
    chosen: Candidate,
    ranked: Sequence[Candidate],
    wishes: Wishes,
    classes: Classification,
    *,
    no_room: bool,
) -> str:
    if no_room:
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
    chosen: Candidate, agent: Agent, chain: Sequence[Route], wishes: Wishes
) -> tuple[str, ...]:
    notes = []
    if chain and chain[0].access == "none":
        notes.append("cannot see files: the API gets the task text only")
    elif agent.access == "edit" and not wishes.edit:
        notes.append("read-only: add --edit to change files")
    elif wishes.edit and agent.access != "edit":
        notes.append(f"read-only: the agent {agent.name} does not change files")
    if chosen.estimate and chosen.room.daily_budget_usd is not None:
        after = chosen.room.cost_today_usd + chosen.estimate.cost_usd
        paid = not chain or pays(chain[0].transport)
        if paid and after > chosen.room.daily_budget_usd:
            notes.append("this task may exceed the daily budget")
    return tuple(notes)


def _paid_tier(tier: str, wishes: Wishes, config: Config, world: Snapshot) -> str:
    """Lower the tier of paid tasks as far as the budgets say (seed 001, strategy 3).

    A tier or model that was asked for stays what it is.
    """
    action = budgets.action(world.totals)
    if action is None or wishes.tier or wishes.model:
        return tier
    return budgets.lowered(tier, [row["name"] for row in config.settings["tiers"]], action)


def _lowered(chosen: Candidate, classes: Classification, world: Snapshot) -> list[str]:
    """Say that a budget lowered the tier, and how."""
    paid = not chosen.routes or pays(chosen.routes[0].transport)
    if chosen.model is None or classes.paid_tier == classes.tier or not paid:
        return []
    action = budgets.action(world.totals)
    return [f"{chosen.model.tier} instead of {classes.tier}: the budget says {action}"]


def _cost(candidate: Candidate) -> float:
    return candidate.estimate.cost_usd if candidate.estimate else float("inf")


def _only(candidate: Candidate, *kinds: str) -> bool:
    """Tell whether it is left out, and by nothing but blocks of these kinds."""
    return bool(candidate.blocks) and all(block.kind in kinds for block in candidate.blocks)
