"""How much room a provider has, and whether one more turn may be reserved (seed 002, section 3).

`block_at_percent` gates starting, on the exact ratio (spent + reserved) / limit with `>=`; `limit`
bounds every reservation: none is granted that takes spent + reserved over it.
"""

from __future__ import annotations

import math

from orchestrator import clock
from orchestrator.decide import windows
from orchestrator.records import MICRO, Block, Json, Limit, Provider, Room, Turn


class Payer:
    """On whose account and with which model a call is made: what limit rows are keyed by."""

    __slots__ = ("account", "metered", "model")

    def __init__(self, account: str, model: str, *, metered: bool) -> None:
        """Keep the three facts; money counts only where it is metered."""
        self.account, self.model, self.metered = account, model, metered


def key_of(limit: Limit, payer: Payer) -> str:
    """Name the counter of a row: per provider, per account or per model."""
    if limit.scope == "account":
        return f"{limit.name}@{payer.account}"
    return f"{limit.name}#{payer.model}" if limit.scope == "model" else limit.name


def amount_of(limit: Limit, turn: Turn, payer: Payer) -> int:
    """Take from a turn what a row counts; a subscription or free call costs no money."""
    if limit.metric == "cost_usd":
        return turn.cost_micro_usd if payer.metered else 0
    return turn.requests if limit.metric == "requests" else turn.tokens


def spent(usage: Json, limit: Limit, payer: Payer, now_ms: int, zone: str) -> int:
    """Tell what a row has used: our own count, or an outside figure with our calls since."""
    key = key_of(limit, payer)
    window = usage["windows"].get(key)
    own = windows.used(window, limit, now_ms, zone) if window else 0
    seen = usage["observations"].get(key)
    if seen is None or not _still_counts(limit, seen["observed_at_ms"], now_ms, zone):
        return own
    return max(0, int(seen["used"]) + max(0, own - int(seen["own"])))


def reserved(usage: Json, limit: Limit, payer: Payer) -> int:
    """Sum what is reserved against a row and not yet settled."""
    if not usage["reservations"]:
        return 0
    key, total = key_of(limit, payer), 0
    for held in usage["reservations"].values():
        holder = Payer(held["account"], held["model"], metered=held["metered"])
        if key_of(limit, holder) == key:
            turn = Turn(held["requests"], held["tokens"], held["cost_micro_usd"])
            total += amount_of(limit, turn, holder)
    return total


def room(provider: Provider, usage: Json, payer: Payer, now_ms: int, zone: str) -> Room:
    """Tell how full a provider is and which rows keep it from starting."""
    percents: dict[str, float] = {}
    cost, budget = 0.0, None
    blocks: list[Block] = []
    for limit in provider.limits:
        taken = spent(usage, limit, payer, now_ms, zone) + reserved(usage, limit, payer)
        percent = 100.0 * taken / limit.limit if limit.limit else 100.0
        if limit.metric == "cost_usd" and limit.period == "day":
            cost, budget = taken / MICRO, limit.limit / MICRO
        if percent >= percents.get(limit.metric, 0.0):
            percents[limit.metric] = percent
        if _counts(limit, payer) and _at_gate(taken, limit):
            blocks.append(_gate(usage, limit, payer, now_ms, zone))
    return Room(percents.get("requests"), percents.get("tokens"), cost, budget, tuple(blocks))


def admit(
    provider: Provider,
    usage: Json,
    turn: Turn,
    payer: Payer,
    now_ms: int,
    zone: str,
    *,
    start: bool,
) -> Block | None:
    """Tell why one more turn may not be reserved, or None when it may.

    `start` applies the gate as well; the renewal of a running call only has the bound. A rate row
    that is empty admits a turn larger than itself (it could never run otherwise); a money row
    refuses it and names the limit that would do.
    """
    for limit in provider.limits:
        if not _counts(limit, payer):
            continue
        amount = amount_of(limit, turn, payer)
        taken = spent(usage, limit, payer, now_ms, zone) + reserved(usage, limit, payer)
        if start and _at_gate(taken, limit):
            return _gate(usage, limit, payer, now_ms, zone)
        if taken + amount <= limit.limit or (limit.metric != "cost_usd" and taken == 0):
            continue
        if limit.metric == "cost_usd" and amount > limit.limit:
            needed = math.ceil(amount / 100) / 10_000  # rounded up: this limit would do
            return Block(
                "limit",
                f"one turn may cost ${needed:.4f}, more than the limit of "
                f"${limit.limit / MICRO:.4f} a {limit.period or 'window'}",
            )
        window = usage["windows"].get(key_of(limit, payer), {})
        target = max(0, limit.limit - amount)
        retry = windows.free_at(window, limit, target, now_ms, zone)
        return Block("limit", f"{limit.name} has no room for this turn", retry)
    return None


def _counts(limit: Limit, payer: Payer) -> bool:
    return limit.metric != "cost_usd" or payer.metered


def _at_gate(taken: int, limit: Limit) -> bool:
    return taken * 100 >= limit.block_at_percent * limit.limit


def _gate(usage: Json, limit: Limit, payer: Payer, now_ms: int, zone: str) -> Block:
    window = usage["windows"].get(key_of(limit, payer), {})
    below = max(0, math.ceil(limit.limit * limit.block_at_percent / 100) - 1)
    retry = windows.free_at(window, limit, below, now_ms, zone)
    seen = usage["observations"].get(key_of(limit, payer))
    if seen is not None and limit.window_s and (retry is None or retry <= now_ms):
        retry = seen["observed_at_ms"] + limit.window_s * 1000
    money = {"day": "daily budget used", "month": "monthly budget used"}.get(limit.period or "")
    what = money if money and limit.metric == "cost_usd" else f"{limit.metric}_percent"
    return Block("limit", f"{what} >= {limit.block_at_percent:g}%", retry)


def _still_counts(limit: Limit, observed_at_ms: int, now_ms: int, zone: str) -> bool:
    if limit.period is not None:
        slot = windows.slot_of(limit, observed_at_ms, zone)
        return slot == windows.slot_of(limit, now_ms, zone)
    span_ms = (limit.window_s or 0) * 1000
    return now_ms - span_ms < observed_at_ms <= now_ms + span_ms  # no clock that was ahead blocks


def told_retry(block: Block) -> str:
    """Say when a block ends, for people: ` until 2026-11-20T10:00:00.000Z` or nothing."""
    return "" if block.retry_at_ms is None else f" until {clock.iso(block.retry_at_ms)}"
