"""The environment of a start: the process's own, over what our `.env` file says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from orchestrator.config import locations
from orchestrator.config.locations import Locations
from orchestrator.errors import ConfigError
from orchestrator.records import MICRO, Budget, Config, Limit, Rule

MOST_USD = 1e9
SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read(root: str, own: Mapping[str, str]) -> dict[str, str]:
    """Merge `.env` of the project folder under the process environment; empty means unset.

    The file is parsed, never run: `NAME=value` lines, an optional `export`, matching quotes
    removed, `#` lines ignored; nothing is expanded. The repository's own `.env` is never read.
    """
    merged = _dotenv(os.path.join(root, ".env"))
    merged.update(own)
    if "PATH" in merged:  # what is not absolute would be looked for in REPO
        folders = merged["PATH"].split(os.pathsep)
        merged["PATH"] = os.pathsep.join(folder for folder in folders if os.path.isabs(folder))
    return {name: value for name, value in merged.items() if value}


def surroundings(own: Mapping[str, str]) -> tuple[dict[str, str], Locations]:
    """Read the environment of a start, `own` over `.env`, and find the folders it names."""
    given = read(locations.locate(own).root, own)
    return given, locations.locate(given)


def adjusted(config: Config, environment: Mapping[str, str]) -> Config:
    """Put what variables say in place of settings; raises ConfigError naming the variable.

    Seed 001: `ENABLE_TIME_RULES`, `MONTHLY_COST_BUDGET`.
    """
    config = with_month_budget(config, environment)
    told = environment.get("ENABLE_TIME_RULES")
    if told is not None and told.lower() not in SWITCH:
        allowed = ", ".join(SWITCH)
        raise ConfigError([f"ENABLE_TIME_RULES: is {told!r}: one of {allowed}"])
    timed = config.time_rules if told is None else SWITCH[told.lower()]
    return config if timed else config._replace(rules=tuple(map(_untimed, config.rules)))


def _untimed(rule: Rule) -> Rule:
    """Leave a rule of hours or branches to its name; one that forbids waits for nothing."""
    return rule._replace(automatic=False) if rule.timed and not rule.forbid else rule


def with_month_budget(config: Config, environment: Mapping[str, str]) -> Config:
    """Put `MONTHLY_COST_BUDGET`, in USD, in place of the month's limit; raises ConfigError."""
    told = environment.get("MONTHLY_COST_BUDGET")
    if told is None:
        return config
    found = {budget.row.period: budget for budget in config.budgets}
    none = Budget(Limit("cost_usd", None, "month", 0, 100.0, "total"), ())
    month, limit = found.get("month", none), number("MONTHLY_COST_BUDGET", told, MOST_USD)
    found["month"] = month._replace(row=month.row._replace(limit=round(limit * MICRO)))
    return config._replace(budgets=tuple(found.values()))


def number(name: str, told: str, most: float) -> float:
    """Read a variable that holds a plain number from 0 to `most`; raises ConfigError naming it."""
    plain = told.strip().replace(".", "", 1)
    value = float(told) if plain.isascii() and plain.isdigit() else -1.0
    if not 0 <= value <= most:
        raise ConfigError([f"{name}: is {told!r}: a plain number from 0 to {most:.15g}"])
    return value


def _dotenv(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found
