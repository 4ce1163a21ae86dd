"""The one table of options, for the command line and for the rows of a batch queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from orchestrator.errors import UsageError
from orchestrator.records import Json, Wishes

MOST_DIGITS = 9  # of a number of tokens
MOST_SHOWN = 60  # characters of what was given, in a message


class Option(NamedTuple):
    """One option; `kind` is flag, text, number, choice, capabilities or files (may be repeated)."""

    name: str
    short: str
    kind: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = float("inf")

    @property
    def field(self) -> str:
        """Name the field that holds it, as a batch row does."""
        return {"max-cost": "max_cost_usd", "timeout": "timeout_s"}.get(
            self.name, self.name.replace("-", "_")
        )


OPTIONS = (
    Option("dry-run", "n", "flag"),
    Option("yes", "y", "flag"),
    Option("json", "", "flag"),
    Option("quiet", "q", "flag"),
    Option("explain", "", "flag"),
    Option("provider", "", "text"),
    Option("model", "", "text"),
    Option("agent", "", "text"),
    Option("transport", "", "choice", ("cli", "api")),
    Option("complexity", "", "number", high=10),
    Option("tier", "", "text"),
    Option("max-cost", "", "number"),
    Option("timeout", "", "number", low=0.1),
    Option("verify", "", "text"),
    Option("edit", "", "flag"),
    Option("allow-blind", "", "flag"),
    Option("force", "", "flag"),
    Option("no-defer", "", "flag"),
    Option("strategy", "", "choice", ("specialist", "cheapest")),
    Option("domain", "", "text"),
    Option("preferred-provider", "", "text"),
    Option("requires", "", "capabilities", ("vision", "tools", "json_mode")),
    Option("image", "", "files"),
    Option("mcp-config", "", "text"),
    Option("allow-unpriced", "", "flag"),
)


class Call(NamedTuple):
    """A command line, read."""

    wishes: Wishes
    modes: frozenset[str]  # dry_run yes json quiet explain
    rest: list[str]


def read(arguments: list[str]) -> Call:
    """Read the options of orchestrate.sh; raises UsageError naming what is wrong."""
    values, rest = parsed(arguments, _BY_NAME, "./orchestrate.sh")
    wishes = Wishes(**{key: value for key, value in values.items() if key in Wishes._fields})
    modes = frozenset(key for key in values if key not in Wishes._fields)
    return Call(wishes, modes, rest)


def by_name(options: Iterable[Option]) -> dict[str, Option]:
    """Index options by their names on the command line."""
    options = tuple(options)
    return {f"--{option.name}": option for option in options} | {
        f"-{option.short}": option for option in options if option.short
    }


def parsed(arguments: list[str], known: dict[str, Option], program: str) -> tuple[Json, list[str]]:
    """Read options up to the first word that is none; raises UsageError naming what is wrong."""
    values: Json = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, attached = word.partition("=")
        option = known.get(name)
        if option is None:
            raise UsageError(f"unknown option {name}; see '{program} --help'")
        if option.kind == "flag":
            if equals:
                raise UsageError(f"{name} takes no value")
            values[option.field] = True
            continue
        if not equals:
            if not rest:
                raise UsageError(f"{name} needs a value")
            attached = rest.pop(0)
        value = value_of(option, attached)
        if option.kind in ("capabilities", "files"):
            value = (*values.get(option.field, ()), *value)
        values[option.field] = value
    return values, rest


_BY_NAME = by_name(OPTIONS)


def field_names() -> dict[str, Option]:
    """Index the options a row of a queue may give, by `max_cost_usd`, `max_cost` and `max-cost`.

    Those that say how a start behaves are not among them: `yes`, `json`, `dry_run`.
    """
    return {
        name: option
        for option in OPTIONS
        if option.field in Wishes._fields
        for name in (option.field, option.name.replace("-", "_"), option.name)
    }


def value_of(option: Option, text: str) -> Any:
    """Turn the text of an option into its value; raises UsageError saying what is allowed."""
    return _value(option, text, f"--{option.name}", repr)


def told_value(option: Option, value: Any) -> Any:
    """Turn a JSON value into that of the option; raises UsageError saying what is allowed.

    What may be repeated is a text or a list of texts; capabilities may be an object as well,
    `{"vision": true, "tools": false}` (seed 001, story-level provider override).
    """
    name = option.field
    if option.kind == "flag":
        if type(value) is not bool:
            raise UsageError(f"{name} is {shown(value)}; allowed: true, false")
        return value
    if option.kind == "capabilities" and isinstance(value, dict):
        return _switched(option, value)
    if option.kind in ("capabilities", "files"):
        texts = value if isinstance(value, list) else [value]
        return tuple(one for text in texts for one in _told(option, text))
    return _told(option, value)


def shown(value: Any) -> str:
    """Write a JSON value as problems name it: short, and what holds others by its kind alone."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, str):
        text = value if len(value) <= MOST_SHOWN else f"{value[: MOST_SHOWN - 1]}…"
        return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and abs(value) >= 10**MOST_SHOWN:
        return "a huge number"
    return json.dumps(value)


def unfit(text: str) -> str:
    """Say why no program can be handed a text, or nothing: JSON can hold what arguments can't."""
    if "\0" in text:
        return "holds a NUL"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""


def _told(option: Option, value: Any) -> Any:
    why = unfit(value) if isinstance(value, str) else ""
    if why:
        raise UsageError(f"{option.field} {why}")
    return _value(option, value, option.field, shown)


def _switched(option: Option, switches: Json) -> tuple[str, ...]:
    """Read `{"vision": true, "tools": false, "context": 200000}`."""
    names: list[str] = []
    for name, wanted in switches.items():
        if type(wanted) not in (bool, int):
            told = f"{option.field} has {shown(wanted)} for {shown(name)}"
            raise UsageError(f"{told}; allowed: true, false")
        word = name if isinstance(wanted, bool) else f"{name}={wanted}"
        found = _told(option, word)
        names += found if wanted is not False else ()
    return tuple(names)


def _value(option: Option, value: Any, name: str, show: Callable[[Any], str]) -> Any:
    """Check what was given as `name`; `show` writes it into a message."""
    if option.kind == "number":
        return _number(option, value, name, show)
    if option.kind == "choice":
        if value not in option.choices:
            raise UsageError(f"{name} is {show(value)}; allowed: {', '.join(option.choices)}")
        return value
    if not isinstance(value, str):
        more = "" if option.kind == "text" else " or a list of texts"
        raise UsageError(f"{name} is {show(value)}; allowed: a text{more}")
    if not value:
        raise UsageError(f"{name} is empty")
    if option.kind == "capabilities":
        return _capabilities(option, value, name, show)
    return (value,) if option.kind == "files" else value


def _number(option: Option, value: Any, name: str, show: Callable[[Any], str]) -> float:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not option.low <= number <= option.high or number == float("inf"):
        top = "" if option.high == float("inf") else f" to {option.high:g}"
        raise UsageError(f"{name} is {show(value)}; allowed: a number, {option.low:g}{top}")
    return number


def _capabilities(
    option: Option, text: str, name: str, show: Callable[[Any], str]
) -> tuple[str, ...]:
    """Read `vision,tools,context=200000`."""
    capabilities = tuple(text.replace(" ", "").split(","))
    for one in capabilities:
        size = one.removeprefix("context=")
        sized = size != one and size.isdecimal() and len(size) <= MOST_DIGITS
        if one not in option.choices and not sized:
            allowed = f"{', '.join(option.choices)}, context=TOKENS"
            raise UsageError(f"{name} names {show(one)}; allowed: {allowed}")
    return capabilities
