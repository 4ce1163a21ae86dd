"""What can be said of each provider without changing anything, whatever is unsound."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from orchestrator import clock
from orchestrator.decide import budgets, figures
from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import Block, Config, Json, Provider, Total
from orchestrator.state import files, usage

Troubles = list[Json]  # what can't be read: whose, what, and whether a start ends on it
_Found = TypeVar("_Found")


def tried(
    look: Callable[[], _Found], instead: _Found, troubles: Troubles, provider: str = ""
) -> _Found:
    """Look; what can't be read is noted, and something else stands for it."""
    try:
        return look()
    except UnsoundError as error:
        troubles.append({"provider": provider, "what": error.what, "ends": False})
    except StorageError as error:
        troubles.append({"provider": provider, "what": str(error), "ends": True})
    return instead


def books(state: str, config: Config, now_ms: int, troubles: Troubles) -> dict[str, Json]:
    """Read what every provider used; a file that can't be read counts as empty."""
    return {
        provider.name: tried(
            partial(usage.load, state, provider, now_ms),
            usage.empty(provider.name, now_ms),
            troubles,
            provider.name,
        )
        for provider in usage.everybody(state, config)
    }


def look_at_shared(state: str, troubles: Troubles) -> None:
    """Note which of the files that all providers share are not sound."""
    folder = os.path.join(state, ".state")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".json"):
            tried(partial(files.read_json, os.path.join(folder, name)), None, troubles)


def rows(provider: Provider, book: Json, settings: Json, now_ms: int, *, known: bool) -> list[Json]:
    """Describe each limit row; of a file that can't be read nothing is known."""
    found = figures.rows(provider, book, now_ms, settings)
    unknown: Json = {
        "used": None,
        "reserved": None,
        "percent": None,
        "sources": [],
        "differ": False,
    }
    return found if known else [row | unknown for row in found]


def blocks(found: Iterable[Block]) -> list[Json]:
    """Describe what keeps a provider from taking a task."""
    return [
        {
            "kind": block.kind,
            "reason": block.reason,
            "retry_at": None if block.retry_at_ms is None else clock.iso(block.retry_at_ms),
        }
        for block in found
    ]


def money(totals: Sequence[Total], now_ms: int, zone: str) -> Json:
    """Describe the budgets over all providers, each with the advice of its highest threshold."""
    described = budgets.described(totals, now_ms, zone)
    for total, row in zip(totals, described.values(), strict=True):
        come_to = budgets.reached(total.budget.thresholds, row["percent"])
        row |= {
            "action": come_to[-1].action if come_to else None,
            "advice": come_to[-1].advice if come_to else None,
        }
    return described
