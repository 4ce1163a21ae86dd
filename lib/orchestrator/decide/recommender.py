"""The cascade: candidates -> allowed -> ranked -> chosen (seed 002, section 4.1).

Read this file first. Everything is a function of its arguments; `now_ms` is the one clock
reading of the decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.decide import agents, budgets, costs, models, ranking, reasons, windows
from orchestrator.decide.classifier import Vocabulary, classify
from orchestrator.decide.complexity import tier_of
from orchestrator.decide.models import Question
from orchestrator.decide.wishes import honoured
from orchestrator.decide.words import Word, words_of
from orchestrator.records import (
    ACCESS_LEVELS,
    Candidate,
    Classification,
    Config,
    Decision,
    Route,
    Ruling,
    Snapshot,
    Wishes,
)

NO_RULES = Ruling()


def recommend(
    task: str,
    wishes: Wishes,
    config: Config,
    terms: Vocabulary,
    listed: agents.Catalog,
    world: Snapshot,
    now_ms: int,
) -> Decision:
    """Decide who runs `task`; raises UsageError when a wish can't be honoured.

    Raises NoRoomError when no provider can do what the task needs.
    """
    wished, wishes = wishes, honoured(wishes, config, listed)
    words = words_of(task[: config.settings["classify_bytes"]])
    classes = classify(task, config, terms, wishes.complexity, words)
    ruling = _ruling(config, wishes.domain, words, world, now_ms)
    tier = wishes.tier or (ruling.tier if wishes.complexity is None else None) or classes.tier
    asked = _question(task, wishes, config, classes._replace(tier=tier), ruling, world, now_ms)
    strategy = strategy_of(asked)
    ranked = ranking.ranked(asked, strategy)
    allowed = [c for c in ranked if not c.blocks]
    ready = bool(allowed)
    limited = [] if ready else [c for c in ranked if _only(c, "limit", "outage")]
    if not ready and not limited:
        allowed = [c for c in ranked if _only(c, "readiness")]
    if not allowed and not limited:
        raise reasons.impossible(ranked, wishes)
    no_room = not allowed
    chosen = min(limited, key=ranking.cost) if no_room else allowed[0]
    agent = agents.choose(
        listed,
        words,
        chosen.provider,
        classes.task_type,
        world.busy,
        wishes.agent,
        edit=wishes.edit,
    )
    edits = agent.access == "edit" and wishes.edit
    chain = _chain([chosen] if no_room and wishes.force else allowed, wishes, edits=edits)
    retries = [b.retry_at_ms for c in limited for b in c.blocks if b.retry_at_ms is not None]
    return Decision(
        classification=asked.classes,
        candidates=tuple(ranked),
        chosen=chosen,
        chain=chain,
        agent=agent,
        access=chain[0].access if chain else "none",
        reason=reasons.reason(asked, chosen, ranked, strategy, no_room=no_room),
        ready=ready or (no_room and wishes.force),
        no_room=no_room and not wishes.force,
        outage=no_room and not wishes.force and all(_only(c, "outage") for c in limited),
        retry_at_ms=min(retries, default=None) if no_room else None,
        notes=(*reasons.renamed(wished, wishes), *reasons.notes(asked, chosen, agent, chain)),
        totals=world.totals,
        strategy=strategy,
        ruling=ruling,
        climbs=_climbs(asked, strategy, chain, edits=edits),
    )


def select(wishes: Wishes, config: Config, world: Snapshot, now_ms: int) -> list[Candidate]:
    """List the cheapest models that can do what is asked, in the order they are tried (seed 001).

    There is no task: its complexity is in the wishes. Raises NoRoomError when none matches.
    """
    nothing = dict.fromkeys(config.providers, 0)
    level = wishes.complexity or 0.0
    tier = wishes.tier or tier_of(level, config.settings["tiers"])
    classes = Classification("", nothing, nothing, (), "", level, tier, tier, (), clear=False)
    asked = _question("", wishes, config, classes, NO_RULES, world, now_ms)
    ranked = ranking.ranked(asked, ranking.CHEAPEST)
    able = [c for c in ranked if not c.blocks] or [c for c in ranked if _only(c, "readiness")]
    if not able:
        raise reasons.impossible(ranked, wishes)
    return able


def _ruling(
    config: Config, domain: str | None, words: list[Word], world: Snapshot, now_ms: int
) -> Ruling:
    """Ask the rules, where there is one to be asked."""
    if domain is None and not any(rule.automatic for rule in config.rules):
        return NO_RULES
    from orchestrator.decide import rules  # as shipped, none is in force

    return rules.ruling(config, domain, words, world, now_ms)


def _question(
    task: str,
    wishes: Wishes,
    config: Config,
    classes: Classification,
    ruling: Ruling,
    world: Snapshot,
    now_ms: int,
) -> Question:
    """Put together what a placement depends on.

    Budgets lower the tier of what is paid for (seed 001, strategy 3); a tier or model that was
    asked for stays what it is.
    """
    needs, least_context = models.needs_of(wishes)
    pictures = len(wishes.image) * config.settings["image_tokens"] * costs.BYTES_PER_TOKEN
    names, action = models.tiers(config), None if wishes.model else budgets.action(world.totals)
    paid_tier = classes.tier if wishes.tier else budgets.lowered(classes.tier, names, action)
    return Question(
        size=len(task.encode("utf-8", "surrogatepass")) + pictures + world.beside_bytes,
        needs=needs,
        least_context=least_context,
        wishes=wishes,
        config=config,
        classes=classes._replace(paid_tier=paid_tier),
        ruling=ruling,
        world=world,
        now_ms=now_ms,
        day=windows.day_of(now_ms, config.settings["zone"]),
        paused=tuple(budgets.blocks(world.totals, now_ms, config.settings["zone"])),
        lowers=budgets.lowered(names[-1], names, action) != names[-1],
    )


def strategy_of(asked: Question) -> str:
    """Name the strategy: the one asked for, else a rule's, else the tier's, else the setting."""
    settings = asked.config.settings
    rows = {row["name"]: row for row in settings["tiers"]}
    own: str | None = rows[asked.classes.tier].get("strategy")
    return asked.wishes.strategy or asked.ruling.strategy or own or str(settings["strategy"])


def _chain(allowed: Sequence[Candidate], wishes: Wishes, *, edits: bool) -> tuple[Route, ...]:
    """List the routes to try, best first; a fallback never sees less of the repository."""
    wanted = "edit" if edits else "read"
    routes = [
        route._replace(access=min(route.access, wanted, key=ACCESS_LEVELS.index))
        for candidate in allowed
        for route in candidate.routes
    ]
    if not routes or wishes.allow_blind:
        return tuple(routes)
    return _seeing(routes, routes[0])


def _seeing(routes: Sequence[Route], first: Route) -> tuple[Route, ...]:
    """Keep the routes that see at least as much of the repository as the first."""
    floor = ACCESS_LEVELS.index(first.access)
    return tuple(route for route in routes if ACCESS_LEVELS.index(route.access) >= floor)


def _climbs(
    asked: Question, strategy: str, chain: Sequence[Route], *, edits: bool
) -> tuple[tuple[Route, ...], ...]:
    """List the chains of the tiers above, for a check that fails or a model out of time.

    Seed 001, strategy 1: quality gates. A model that was asked for stays; what is paid for climbs
    no further than the budgets let it.
    """
    wishes, names = asked.wishes, models.tiers(asked.config)
    gated = wishes.verify or any(route.parameters.timeout_s for route in chain)
    if not chain or not gated or wishes.model:
        return ()
    climbs = []
    for at in range(names.index(chain[0].tier) + 1, len(names)):
        paid = budgets.lowered(names[at], names, budgets.action(asked.world.totals))
        higher = asked._replace(classes=asked.classes._replace(tier=names[at], paid_tier=paid))
        allowed = [c for c in ranking.ranked(higher, strategy) if not c.blocks]
        routes = [r for r in _chain(allowed, wishes, edits=edits) if names.index(r.tier) >= at]
        climbs.append(tuple(routes) if wishes.allow_blind else _seeing(routes, chain[0]))
    return tuple(climbs)


def _only(candidate: Candidate, *kinds: str) -> bool:
    """Tell whether it is left out, and by nothing but blocks of these kinds."""
    return bool(candidate.blocks) and all(block.kind in kinds for block in candidate.blocks)
