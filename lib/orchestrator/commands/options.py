"""The one table of options, for the command line and for the rows of a batch queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from orchestrator.errors import UsageError
from orchestrator.records import Json, Wishes

MOST_DIGITS = 9  # of a number of tokens


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


def value_of(option: Option, text: str) -> Any:
    """Turn the text of an option into its value; raises UsageError saying what is allowed."""
    if option.kind == "choice":
        if text not in option.choices:
            raise UsageError(f"--{option.name} is {text!r}; allowed: {', '.join(option.choices)}")
        return text
    if option.kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not option.low <= number <= option.high or number == float("inf"):
            top = "" if option.high == float("inf") else f" to {option.high:g}"
            raise UsageError(f"--{option.name} is {text!r}; allowed: a number, {option.low:g}{top}")
        return number
    if not text:
        raise UsageError(f"--{option.name} is empty")
    if option.kind == "capabilities":
        return _capabilities(option, text)
    return (text,) if option.kind == "files" else text


def _capabilities(option: Option, text: str) -> tuple[str, ...]:
    """Read `vision,tools,context=200000`."""
    names = tuple(text.replace(" ", "").split(","))
    for name in names:
        size = name.removeprefix("context=")
        sized = size != name and size.isdecimal() and len(size) <= MOST_DIGITS
        if name not in option.choices and not sized:
            allowed = f"{', '.join(option.choices)}, context=TOKENS"
            raise UsageError(f"--{option.name} names {name!r}; allowed: {allowed}")
    return names
