"""Which rules of config/rules.json apply to a task, and what they ask for.

Seed 000: custom provider rules; seed 001: domain routing and time-based selection. A rule applies
when all its conditions hold; one without conditions only by its name (`--domain`). Of two rules
the later in the file goes first; what a person asked for goes before all.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.decide.words import Word, find, lexicon
from orchestrator.records import Config, Hours, Rule, Ruling, Snapshot

DAY_MINUTES = 1440
NOTHING = Ruling()


def ruling(
    config: Config, domain: str | None, words: list[Word], world: Snapshot, now_ms: int
) -> Ruling:
    """Put together what the rules that apply ask for."""
    found = [
        rule for rule in config.rules if rule.name == domain or _applies(rule, words, world, now_ms)
    ]
    if not found:
        return NOTHING
    prefer = [name for rule in reversed(found) for name in rule.prefer]
    return Ruling(
        prefer=tuple(dict.fromkeys(prefer)),
        forbid={name: rule.name for rule in found for name in rule.forbid},
        tier=next((rule.tier for rule in reversed(found) if rule.tier), None),
        strategy=next((rule.strategy for rule in reversed(found) if rule.strategy), None),
        applied=tuple((rule.name, _effect(rule), rule.reason) for rule in found),
    )


def asks_for_branch(config: Config) -> bool:
    """Tell whether a rule in force looks at the branch: only then is it worth reading."""
    return any(rule.branches and rule.automatic for rule in config.rules)


def asks_for_repository(config: Config) -> bool:
    """Tell whether a rule in force looks at the repository."""
    return any(rule.repositories and rule.automatic for rule in config.rules)


def _applies(rule: Rule, words: list[Word], world: Snapshot, now_ms: int) -> bool:
    return (
        rule.automatic
        and (not rule.words or bool(find(words, lexicon((word, None) for word in rule.words))))
        and (not rule.repositories or _is_in(world, rule.repositories))
        and (not rule.branches or _matches((world.branch,), rule.branches))
        and (not rule.hours or _within(rule.hours, rule.zone, now_ms))
    )


def _is_in(world: Snapshot, patterns: Sequence[str]) -> bool:
    """Tell whether patterns name a repository, or the checkout that it is a folder of."""
    return is_named(world.repository, patterns) or is_named(world.checkout, patterns)


def is_named(repository: str, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern names a repository, by its path or by its last part."""
    return _matches((repository, repository.rstrip("/").rpartition("/")[2]), patterns)


def _matches(names: tuple[str, ...], patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase  # only rules of repositories and branches pay for it

    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _within(hours: tuple[Hours, ...], zone: str, now_ms: int) -> bool:
    """Tell whether it is now within one of the hours; over midnight they belong to their first day.

    A clock put forward skips, put back repeats, as the wall clock of the zone does.
    """
    day, minute = _local(now_ms, zone)
    for each in hours:
        end = each.end if each.end > each.start else each.end + DAY_MINUTES
        if day in each.days and each.start <= minute < end:
            return True
        if (day - 1) % 7 in each.days and minute + DAY_MINUTES < end:
            return True
    return False


def _local(now_ms: int, zone: str) -> tuple[int, int]:
    """Tell the day of the week, Monday is 0, and the minute of the day in a zone."""
    import datetime as dt  # only rules of hours pay for it

    if zone == "UTC":
        now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    else:
        import zoneinfo  # only other zones pay for it

        now = dt.datetime.fromtimestamp(now_ms / 1000, zoneinfo.ZoneInfo(zone))
    return now.weekday(), now.hour * 60 + now.minute


def _effect(rule: Rule) -> str:
    """Say what a rule does."""
    parts = [f"prefers {', '.join(rule.prefer)}"] if rule.prefer else []
    parts += [f"forbids {', '.join(rule.forbid)}"] if rule.forbid else []
    parts += [f"tier {rule.tier}"] if rule.tier else []
    parts += [f"strategy {rule.strategy}"] if rule.strategy else []
    return "; ".join(parts) or "nothing"
