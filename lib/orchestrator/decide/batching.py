"""How many tasks of a provider run at one time, and how much money is left for a plan.

Seed 002, section 6.2: sub-batches of 4 to 10, by limits and by what the tasks are expected to take.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.decide import limits
from orchestrator.records import PARALLEL, Json, Limit, Provider, Total

LARGEST = 10  # of a sub-batch, unless more are asked for over all


def size(
    provider: Provider,
    usage: Json,
    most: int,
    tokens_each: float,
    now_ms: int,
    zone: str,
) -> int:
    """Tell how many tasks may run at one time: what fits into every rate window, from 1 to `most`.

    A window is filled at most as often as its length, so a batch as large as its room never waits.
    """
    payer = limits.Payer(_account(provider), _model(provider), metered=True)
    fits = [_fitting(row, usage, payer, tokens_each, now_ms, zone) for row in provider.limits]
    return max(1, min([most, *(each for each in fits if each is not None)]))


def largest(parallel: int, providers: int) -> int:
    """Tell the largest sub-batch: 10, or as many as are asked for over all, shared evenly."""
    return max(LARGEST, -(-parallel // max(1, providers)))


def left_micro_usd(found: Iterable[Total]) -> dict[str, int]:
    """Tell by period how much of the budgets is neither spent nor held, in micro-USD."""
    return {
        total.budget.row.period or "": max(0, total.budget.row.limit - total.spent - total.reserved)
        for total in found
    }


def _fitting(
    row: Limit, usage: Json, payer: limits.Payer, tokens_each: float, now_ms: int, zone: str
) -> int | None:
    """Tell how many tasks fit into what is left below a row's gate, None where it does not say."""
    if row.metric == PARALLEL:
        return row.limit
    each = {"requests": 1.0, "tokens": max(1.0, tokens_each)}.get(row.metric)
    if each is None or row.window_s is None:
        return None
    taken = limits.spent(usage, row, payer, now_ms, zone) + limits.reserved(usage, row, payer)
    return int((row.limit * row.block_at_percent / 100 - taken) / each)


def _account(provider: Provider) -> str:
    return provider.transports[0].account


def _model(provider: Provider) -> str:
    return provider.models[0].name if provider.models else ""
