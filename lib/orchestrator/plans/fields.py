"""The fields of a row or a story: each is checked, and every problem kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar

from orchestrator.config.options import Option, shown, told_value, unfit
from orchestrator.errors import UsageError
from orchestrator.records import Json

T = TypeVar("T")
D = TypeVar("D")
TITLE = 72  # characters
PRIORITIES = 1000  # either way
LONGEST_NAME = 40  # of a field that may be a slip of the pen
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


class Fields:
    """One row; what is wrong with it is collected in `problems`. A null says nothing."""

    def __init__(self, row: Json) -> None:
        """Begin without problems."""
        self.row = {name: value for name, value in row.items() if value is not None}
        self.problems: list[str] = []

    def take(self, name: str, check: Callable[[str, Any], T], default: D) -> T | D:
        """Read a field; the default when it is not there, or wrong."""
        if name not in self.row:
            return default
        try:
            return check(name, self.row[name])
        except UsageError as error:
            self.problems.append(str(error))
            return default

    def options(self, names: dict[str, Option]) -> Json:
        """Read the options that are among the fields, by their field in `Wishes`."""
        found: Json = {}
        given: dict[str, str] = {}
        for name, option in [(name, names[name]) for name in self.row if name in names]:
            first = given.setdefault(option.field, name)
            if first != name:
                self.problems.append(f"{name} is the same option as {first}")
                continue
            try:
                found[option.field] = told_value(option, self.row[name])
            except UsageError as error:
                self.problems.append(str(error))
        return found

    def unknown(self, known: tuple[str, ...]) -> list[str]:
        """List the fields that are not known."""
        return [name for name in self.row if name not in known]


def merged(given: Json, own: Json) -> Json:
    """Lay a row's options over those of the command line; a switch that is off is none."""
    both = {**given, **own}
    return {field: value for field, value in both.items() if value is not False and value != ()}


def text(name: str, value: Any) -> str:
    """Check a text that says something; raises UsageError."""
    if not isinstance(value, str):
        raise UsageError(f"{name} is {shown(value)}; allowed: a text")
    if not value.strip():
        raise UsageError(f"{name} is empty")
    if why := unfit(value):
        raise UsageError(f"{name} {why}")
    return value


def prose(name: str, value: Any) -> str:
    """Check a text that may be empty; raises UsageError."""
    return "" if value == "" else text(name, value)


def switch(name: str, value: Any) -> bool:
    """Check what is true or false; raises UsageError."""
    if type(value) is not bool:
        raise UsageError(f"{name} is {shown(value)}; allowed: true, false")
    return value


def names(name: str, value: Any) -> tuple[str, ...]:
    """Check one text or a list of texts; raises UsageError."""
    return texts(name, [value] if isinstance(value, str) else value)


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Check a list of texts; raises UsageError."""
    if not isinstance(value, list):
        raise UsageError(f"{name} is {shown(value)}; allowed: a list of texts")
    return tuple(text(f"{name}[{index}]", one) for index, one in enumerate(value))


def key(name: str, value: Any) -> str:
    """Check what others call a row; raises UsageError."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        allowed = "1 to 64 letters, digits, . _ and -, the first no . or -"
        raise UsageError(f"{name} is {shown(value)}; allowed: {allowed}")
    return value


def keys(name: str, value: Any) -> tuple[str, ...]:
    """Check the keys of other rows, one or a list, and leave out what is there twice."""
    listed = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(key(name, one) for one in listed))


def priority(name: str, value: Any) -> int:
    """Check a priority; raises UsageError."""
    if type(value) is not int or abs(value) > PRIORITIES:
        allowed = f"an integer, -{PRIORITIES} to {PRIORITIES}"
        raise UsageError(f"{name} is {shown(value)}; allowed: {allowed}")
    return value


def too_large(task: str, settings: Json) -> list[str]:
    """Say that a task is too large to be handed to anybody, or nothing."""
    limit = settings["max_task_bytes"]
    large = len(task.encode("utf-8")) > limit
    return [f"task has more bytes than max_task_bytes {limit}"] if large else []


def title(task: str) -> str:
    """Take the first line that says something, as a title."""
    lines = task.lstrip()[: 4 * TITLE].splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    return line if len(line) <= TITLE else f"{line[: TITLE - 1]}…"


@lru_cache(maxsize=1024)
def hint(name: str, known: tuple[str, ...], cutoff: float) -> str:
    """Name the fields that read like `name`: `; did you mean tier?`, or nothing."""
    if len(name) > LONGEST_NAME:
        return ""
    lower = {one.lower(): one for one in known if "-" not in one}
    close = get_close_matches(name.lower(), lower, n=2, cutoff=cutoff)
    return f"; did you mean {' or '.join(lower[one] for one in close)}?" if close else ""
