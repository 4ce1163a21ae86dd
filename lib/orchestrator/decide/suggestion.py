"""Which Claude model a task asks for, and which has room: the thinking of ./suggest_model.sh.

Phase 1 of seed 002: whole words, the length and the repository make a score, the score names a
model; one that is nearly used up gives way to the least used open one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.decide import figures, limits
from orchestrator.decide.rules import is_named
from orchestrator.decide.words import words_of
from orchestrator.records import Json, Limit, Provider

OTHER = "other"  # the tier of a repository that no pattern names
MINUTE_MS = 60_000


class Part(NamedTuple):
    """What counted in a score: `words`, `length` or `repository`, and what of it."""

    of: str
    counted: str
    points: int


class Use(NamedTuple):
    """How much of a model is used, by its fullest row; `percent` is None where nobody told."""

    percent: float | None
    row: str | None
    source: str | None
    observed_at_ms: int | None
    block: str | None
    retry_at_ms: int | None


class Choice(NamedTuple):
    """The model to take; `reason` says why it is not the ideal one."""

    model: str
    reason: str | None
    blocked: bool


def tier_of(path: str, rules: Json) -> tuple[str, int]:
    """Find the tier of a repository and its points: the first with a pattern that names it."""
    for tier, row in rules["repository_tiers"].items():
        if row["match"] and is_named(path, row["match"]):
            return tier, row["points"]
    return OTHER, 0


def scored(task: str, tier: tuple[str, int], rules: Json, most_characters: int) -> list[Part]:
    """List what counts; words are looked for in the first `most_characters` of the task.

    Of the word lists the first with a match counts, once.
    """
    texts = [word.text for word in words_of(task[:most_characters])]
    parts = []
    for row in rules["words"]:
        found = [phrase for phrase in row["words"] if _holds(texts, phrase)]
        if found:
            parts.append(Part("words", ", ".join(found), row["points"]))
            break
    count = len(task.split())
    for rule in rules["length_rules"]:
        if count > rule["above"] if "above" in rule else count < rule["below"]:
            parts.append(Part("length", f"{count} words", rule["points"]))
            break
    name, points = tier
    return [*parts, Part("repository", name, points)]


def ideal(score: int, rules: Json) -> str:
    """Name the model a score asks for."""
    if score >= rules["thresholds"]["opus"]:
        return "opus"
    return "haiku" if score <= rules["thresholds"]["haiku"] else "sonnet"


def told_row(rules: Json) -> Limit:
    """Make the row that a person's figures of a model are kept in: percent of its quota."""
    block_at = float(rules["block_at_percent"])
    return Limit("percent", rules["told_window_s"], None, 100, block_at, "model")


def uses(provider: Provider, usage: Json, rules: Json, now_ms: int, zone: str) -> dict[str, Use]:
    """Tell how full each model is, by its fullest row.

    Rows are the provider's own by model, the windows of its plan, which all models share, and what
    a person told of each model. All block at `block_at_percent` here.
    """
    block_at = float(rules["block_at_percent"])
    plan = next((t for t in provider.transports if t.billing == "subscription"), None)
    account = plan or provider.transports[0]
    rows = {
        row.name + row.scope: row._replace(block_at_percent=block_at)
        for row in (*provider.limits, told_row(rules))
        if (row.scope == "model" and not (plan and row.metric == "cost_usd"))
        or row.metric == "percent"
    }
    return {
        name: _use(
            provider._replace(limits=tuple(rows.values())),
            usage,
            limits.Payer(account.account, model, metered=plan is None),
            now_ms,
            zone,
        )
        for name, model in rules["models"].items()
    }


def chosen(wanted: str, used: Mapping[str, Use], block_at_percent: int) -> Choice:
    """Take the ideal model where it is open, else the least used open one, else the least used.

    What nobody told of counts as unused; of equals the ideal one, then the order of the config.
    """
    if used[wanted].block is None:
        return Choice(wanted, None, blocked=False)
    names = [wanted, *(name for name in used if name != wanted)]
    free = [name for name in names if used[name].block is None]
    least = min(names, key=lambda name: used[name].percent or 0.0)  # an open one where there is any
    if free:
        why = f"{wanted} is blocked ({used[wanted].block}); {least} is the least used open model"
    else:
        why = f"every model is at {block_at_percent}% or more; {least} is the least used"
    return Choice(least, why, blocked=not free)


def minutes_until(at_ms: int | None, now_ms: int) -> int | None:
    """Count the minutes that are left, rounded up; None where the moment is not known."""
    return None if at_ms is None else max(0, -(-(at_ms - now_ms) // MINUTE_MS))


def _holds(texts: list[str], phrase: str) -> bool:
    """Tell whether a phrase is among the words, whole; a hyphen in it may be a space."""
    wanted = phrase.lower().replace("-", " ").split()
    last = len(texts) - len(wanted) + 1
    return any(texts[start : start + len(wanted)] == wanted for start in range(last))


def _use(provider: Provider, usage: Json, payer: limits.Payer, now_ms: int, zone: str) -> Use:
    percent, fullest = -1.0, Use(None, None, None, None, None, None)
    for row in provider.limits:
        own, told = limits.figures(usage, row, payer, now_ms, zone)
        if not told and row.metric == "percent":
            continue  # what nobody told of is not known
        source = max(told, key=lambda name: told[name]) if told else figures.OWN
        taken = told.get(source, own) + limits.reserved(usage, row, payer)
        share = 100.0 * taken / row.limit if row.limit else 100.0
        if share > percent:
            seen = usage["observations"].get(limits.key_of(row, payer), {}).get(source)
            at_ms = seen["observed_at_ms"] if seen else now_ms
            percent, fullest = share, Use(share, row.name, source, at_ms, None, None)
    blocks = limits.room(provider, usage, payer, now_ms, zone).blocks
    if not blocks:
        return fullest
    ends = [block.retry_at_ms for block in blocks]
    retry_at_ms = None if None in ends else max(end or 0 for end in ends)
    return fullest._replace(block=f"{int(percent)}% used", retry_at_ms=retry_at_ms)
