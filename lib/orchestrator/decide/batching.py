"""How many tasks of a provider run at one time, and how much money is left for a plan.

Seed 002, section 6.2: sub-batches of 4 to 10, by limits and by what the tasks are expected to take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.records import PARALLEL, Limit, Provider, Total

LARGEST = 10  # of a sub-batch, unless more are asked for over all
UNLIMITED = 10_000


def size(provider: Provider, tokens_each: float) -> int:
    """Tell how many tasks fit into every rate window of a provider at once, 1 at least.

    What is used of the windows now does not count: that is over long before a batch is.
    """
    fits = [_fitting(row, tokens_each) for row in provider.limits]
    return max(1, min((each for each in fits if each is not None), default=UNLIMITED))


def caps(
    sizes: Mapping[str, int], asked: Mapping[str, int], parallel: int, used: int
) -> dict[str, int]:
    """Tell how many tasks of each provider run at once: what was asked for, else sub-batches.

    `sizes` are those of `size`, by provider; 10 at most, or more where more are asked for over all
    than that of the providers that are `used`.
    """
    most = largest(parallel, used)
    return {name: min(each, most) for name, each in sizes.items()} | dict(asked)


def largest(parallel: int, providers: int) -> int:
    """Tell the largest sub-batch: 10, or as many as are asked for over all, shared evenly."""
    return max(LARGEST, -(-parallel // max(1, providers)))


def left_micro_usd(found: Iterable[Total]) -> dict[str, int]:
    """Tell by period how much of the budgets is neither spent nor held, in micro-USD."""
    return {
        total.budget.row.period or "": max(0, total.budget.row.limit - total.spent - total.reserved)
        for total in found
    }


def _fitting(row: Limit, tokens_each: float) -> int | None:
    """Tell how many tasks fit below a row's gate, None where it does not say."""
    if row.metric == PARALLEL:
        return row.limit
    each = {"requests": 1.0, "tokens": max(1.0, tokens_each)}.get(row.metric)
    if each is None or row.window_s is None:
        return None
    return int(row.limit * row.block_at_percent / 100 / each)
