"""Why a provider was chosen, what to know of the choice, and why none could be."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.decide import budgets
from orchestrator.decide.models import Question
from orchestrator.decide.ranking import CHEAPEST
from orchestrator.decide.transports import pays
from orchestrator.errors import NoRoomError, OrchestratorError, UsageError
from orchestrator.records import Agent, Candidate, Estimate, Model, Room, Route, Wishes


def impossible(ranked: Sequence[Candidate], wishes: Wishes) -> OrchestratorError:
    """Make the error that says what keeps each provider out that was not left out on purpose."""
    asked = [c for c in ranked if wishes.provider in (None, c.provider)]
    told = "; ".join(dict.fromkeys(f"{c.provider}: {c.blocks[0].reason}" for c in asked))
    if any(block.kind in ("capability", "rule") for c in asked for block in c.blocks):
        return NoRoomError(f"no provider matches ({told}); ask for less, or enable one that does")
    return UsageError(f"no provider can take the task as asked ({told}); ask for less")


def reason(
    asked: Question,
    chosen: Candidate,
    ranked: Sequence[Candidate],
    strategy: str,
    *,
    no_room: bool,
) -> str:
    """Say in one line why this provider; `primary available` is exactly what seed 002 says."""
    wishes, classes = asked.wishes, asked.classes
    if no_room:
        return "emergency: all providers blocked"
    if wishes.provider:
        return "requested with --provider"
    name = chosen.provider
    exact = f"{name}/{chosen.model.name}" if chosen.model else name
    if wishes.preferred_provider in (name, exact):
        return "preferred with --preferred-provider"
    ruled = _ruled(asked, (name, exact))
    if strategy == CHEAPEST:
        return ruled or _cheapest(chosen, ranked)
    if name == classes.primary:
        return "primary available"
    primary = next((c for c in ranked if c.provider == classes.primary), None)
    if ruled and (primary is None or not primary.blocks):
        return ruled
    before = [c for c in ranked[: ranked.index(chosen)] if c.blocks]
    if primary is None or not primary.blocks:
        return "cheaper of equal scores"
    why = primary.blocks[0].reason
    if len(before) > 1:
        others = " and ".join(f"fallback {n}" for n in range(1, len(before)))
        return f"primary ({why}) and {others} blocked, using fallback {len(before)}"
    return f"primary blocked ({why}), using fallback"


def notes(
    asked: Question, chosen: Candidate, agent: Agent, chain: Sequence[Route]
) -> tuple[str, ...]:
    """List what a person should know before saying yes."""
    wishes, found = asked.wishes, []
    if chain and chain[0].access == "none":
        found.append("cannot see files: the API gets the task text only")
    elif agent.access == "edit" and not wishes.edit:
        found.append("read-only: add --edit to change files")
    elif wishes.edit and agent.access != "edit":
        found.append(f"read-only: the agent {agent.name} does not change files")
    paid = not chain or pays(chain[0].transport)
    if chosen.model and chosen.estimate and paid:
        found += _spending(chosen.model, chosen.estimate, chosen.room)
    return (*found, *_lowered(asked, chosen))


def _spending(model: Model, estimate: Estimate, room: Room) -> list[str]:
    if estimate.cost_usd is None:
        return [f"{model.name} has no price: no budget can hold it"]
    over = room.cost_today_usd + estimate.cost_usd
    if room.daily_budget_usd is None or over <= room.daily_budget_usd:
        return []
    return ["this task may exceed the daily budget"]


def renamed(wished: Wishes, wishes: Wishes) -> tuple[str, ...]:
    """Say that a model goes by another name today."""
    if wished.model == wishes.model:
        return ()
    return (f"{wished.model} is retired: {wishes.model} takes its place",)


def _ruled(asked: Question, names: tuple[str, str]) -> str | None:
    """Name the rule that prefers this provider or model."""
    if not any(name in asked.ruling.prefer for name in names):
        return None
    rules = {rule.name: rule for rule in asked.config.rules}
    for name, _, why in reversed(asked.ruling.applied):
        if any(each in rules[name].prefer for each in names):
            return f"rule {name}: {why}"
    return None


def _cheapest(chosen: Candidate, ranked: Sequence[Candidate]) -> str:
    tier = chosen.model.tier if chosen.model else ""
    before = [c for c in ranked[: ranked.index(chosen)] if c.blocks]
    if not before:
        return f"cheapest of the tier {tier}"
    why = f"{before[0].provider}: {before[0].blocks[0].reason}"
    return f"cheapest of the tier {tier} with room ({why})"


def _lowered(asked: Question, chosen: Candidate) -> list[str]:
    """Say that a budget lowered the tier, and how."""
    classes = asked.classes
    paid = not chosen.routes or pays(chosen.routes[0].transport)
    if chosen.model is None or not paid or classes.tier in (classes.paid_tier, chosen.model.tier):
        return []
    action = budgets.action(asked.world.totals)
    return [f"{chosen.model.tier} instead of {classes.tier}: the budget says {action}"]
