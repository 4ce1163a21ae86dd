"""Money over all providers: how much of a budget is used, and what to do about it.

Thresholds and their actions are those of seed 001 (strategy 3) and seed 002 (section 8.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator import clock
from orchestrator.decide import limits, windows
from orchestrator.records import MICRO, Block, Budget, Json, Threshold, Total

# What a threshold does, the mildest first. From the last one on nothing that is paid for starts.
ACTIONS = ("log_warning", "downgrade_tier", "cheapest_only", "pause_execution")
ANYBODY = limits.Payer("", "", metered=True)


def totals(
    budgets: Sequence[Budget], usages: Iterable[Json], now_ms: int, zone: str
) -> tuple[Total, ...]:
    """Sum over the usage of all providers what is spent and held of each budget."""
    if not budgets:
        return ()
    books = list(usages)
    return tuple(
        Total(
            budget,
            sum(limits.spent(usage, budget.row, ANYBODY, now_ms, zone) for usage in books),
            sum(limits.reserved(usage, budget.row, ANYBODY) for usage in books),
        )
        for budget in budgets
    )


def blocks(found: Sequence[Total], now_ms: int, zone: str) -> tuple[Block, ...]:
    """List the budgets that keep paid calls from starting."""
    return tuple(
        _paused(total, now_ms, zone)
        for total in found
        if limits.at_gate(total.spent + total.reserved, total.budget.row)
    )


def admit(
    found: Sequence[Total], amount: int, now_ms: int, zone: str, *, start: bool
) -> Block | None:
    """Tell which budget has no room for `amount` micro-USD; `start` applies the gate as well."""
    for total in found:
        row = total.budget.row
        taken = total.spent + total.reserved
        if start and limits.at_gate(taken, row):
            return _paused(total, now_ms, zone)
        if taken + amount <= row.limit:
            continue
        if amount > row.limit:
            return limits.too_small(row, amount)
        what = f"the total {limits.adjective(row)} budget"
        if total.spent + amount <= row.limit:
            return limits.held(f"{what} has no room for this turn", now_ms)
        retry = windows.next_period(row.period or "day", now_ms, zone)
        return Block("limit", f"{what} has no room for this turn", retry)
    return None


def percent(used: int, limit: int) -> float:
    """Tell how much of a limit is used; all of one that is nothing."""
    return 100.0 * used / limit if limit else 100.0


def reached(thresholds: Sequence[Threshold], share: float) -> tuple[Threshold, ...]:
    """List the thresholds that a share, in percent, has come to (`>=`), lowest first."""
    return tuple(threshold for threshold in thresholds if share >= threshold.percent)


def action(found: Sequence[Total]) -> str | None:
    """Name the strongest action that any budget has come to, by what is spent; None for none."""
    names = [
        threshold.action
        for total in found
        for threshold in reached(
            total.budget.thresholds, percent(total.spent, total.budget.row.limit)
        )
    ]
    return max(names, key=ACTIONS.index, default=None)


def lowered(tier: str, tiers: Sequence[str], action_now: str | None) -> str:
    """Name the tier a paid call may use; `tiers` are all of them, the cheapest first."""
    if action_now in ("cheapest_only", "pause_execution"):
        return tiers[0]
    if action_now == "downgrade_tier":
        return tiers[max(0, tiers.index(tier) - 1)]
    return tier


def projected(total: Total, now_ms: int, zone: str) -> int:
    """Tell what will be spent by the end of the period, in micro-USD, if it goes on like this."""
    period = total.budget.row.period or "day"
    if not total.spent:
        return 0
    start = windows.period_start(period, now_ms, zone)
    end = windows.next_period(period, now_ms, zone)
    return round(total.spent * (end - start) / max(1, now_ms - start))


def described(found: Sequence[Total], now_ms: int, zone: str) -> Json:
    """Write budgets as logs and JSON hold them, by period."""
    return {
        total.budget.row.period or "": {
            "spent_usd": total.spent / MICRO,
            "reserved_usd": total.reserved / MICRO,
            "limit_usd": total.budget.row.limit / MICRO,
            "percent": round(percent(total.spent, total.budget.row.limit), 2),
            "projected_usd": round(projected(total, now_ms, zone) / MICRO, 6),
            "resets_at": clock.iso(
                windows.next_period(total.budget.row.period or "day", now_ms, zone)
            ),
        }
        for total in found
    }


def totals_of(budgets: Sequence[Budget], told: Json) -> tuple[Total, ...]:
    """Read back what `described` wrote when the decision was made."""
    rows = [(budget, told[budget.row.period or ""]) for budget in budgets]
    return tuple(
        Total(budget, round(row["spent_usd"] * MICRO), round(row["reserved_usd"] * MICRO))
        for budget, row in rows
    )


def _paused(total: Total, now_ms: int, zone: str) -> Block:
    row = total.budget.row
    reason = f"total {limits.adjective(row)} budget used >= {row.block_at_percent:g}%"
    if not limits.at_gate(total.spent, row):
        return limits.held(reason, now_ms)
    return Block("limit", reason, windows.next_period(row.period or "day", now_ms, zone))
