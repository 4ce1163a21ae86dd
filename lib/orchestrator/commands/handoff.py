"""The file between the steps of orchestrate.sh: what was decided, with the task."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from orchestrator.records import Json, Wishes

Way = tuple[str, str, int, str]  # provider, model, transport's place, access


class Handoff(NamedTuple):
    """A decision to be run: the chain, and those of the tiers above."""

    line: Json
    task: str
    chain: list[Way]
    climbs: list[list[Way]]
    wishes: Wishes
    modes: frozenset[str]


def taken(path: str) -> Handoff:
    """Read the file and remove it: the task text stays nowhere but where it is needed."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    os.unlink(path)
    told = document["wishes"].items()
    wishes: Json = {name: tuple(v) if type(v) is list else v for name, v in told}
    return Handoff(
        document["line"],
        document["task"],
        [tuple(row) for row in document["chain"]],
        [[tuple(row) for row in chain] for chain in document["climbs"]],
        Wishes(**wishes),
        frozenset(document["modes"]),
    )


def written(path: str, given: Handoff) -> None:
    """Write the file, private and new; raises OSError when the path is taken."""
    document = {
        "line": given.line,
        "task": given.task,
        "chain": given.chain,
        "climbs": given.climbs,
        "wishes": given.wishes._asdict(),
        "modes": sorted(given.modes),
    }
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
