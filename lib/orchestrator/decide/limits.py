"""How much room a provider has, and whether one more turn may be reserved (seed 002, section 3).

`block_at_percent` gates starting, on the exact ratio (spent + reserved) / limit with `>=`; `limit`
bounds every reservation: none is granted that takes spent + reserved over it.
"""

from __future__ import annotations

import math

from orchestrator import clock
from orchestrator.decide import windows
from orchestrator.records import MICRO, PARALLEL, Block, Json, Limit, Provider, Room, Turn

SOON_MS = 60_000
_HELD = {"requests": "requests", "tokens": "tokens", "cost_usd": "cost_micro_usd"}


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
    """Take from a turn what a row counts; a subscription or free call costs no money.

    How much of a plan's window a call takes nobody tells: `percent` rows are filled by what is seen
    from outside alone. Of a `parallel` row a call takes a place while it runs, and leaves nothing.
    """
    if limit.metric == "cost_usd":
        return turn.cost_micro_usd if payer.metered else 0
    return {"requests": turn.requests, "tokens": turn.tokens}.get(limit.metric, 0)


def spent(usage: Json, limit: Limit, payer: Payer, now_ms: int, zone: str) -> int:
    """Tell what a row has used: our own count, or the highest outside figure with our calls since.

    `own` is what we had counted when a figure was seen, `slot` the part of it in that moment's
    slot. A figure above ours tells of outside use, which counts until it has left the window; one
    below it replaces ours, and what we book since is added.
    """
    key = key_of(limit, payer)
    if key not in usage["windows"] and key not in usage["observations"]:
        return 0
    own, told = figures(usage, limit, payer, now_ms, zone)
    return max(told.values(), default=own)


def figures(
    usage: Json, limit: Limit, payer: Payer, now_ms: int, zone: str
) -> tuple[int, dict[str, int]]:
    """Tell our own count of a row, and each outside figure that still counts, by its source."""
    key = key_of(limit, payer)
    window = usage["windows"].get(key) or {}
    own = windows.used(window, limit, now_ms, zone) if window else 0
    told = {}
    for source, seen in usage["observations"].get(key, {}).items():
        if began_at(limit, seen, zone) <= now_ms < ends_at(limit, seen, zone):
            outside = seen["used"] - seen["own"]
            at_ms = seen["observed_at_ms"]
            later = windows.since(window, limit, at_ms, zone) - seen["slot"]
            told[source] = own + outside if outside >= 0 else seen["used"] + max(0, later)
    return own, told


def began_at(limit: Limit, seen: Json, zone: str) -> int:
    """Tell from when on an outside figure may count: one from a clock far ahead never does."""
    at_ms: int = seen["observed_at_ms"]
    if limit.period is not None:
        return windows.period_start(limit.period, at_ms, zone)
    return at_ms - (limit.window_s or 0) * 1000


def ends_at(limit: Limit, seen: Json, zone: str) -> int:
    """Tell until when an outside figure counts, in epoch milliseconds."""
    at_ms: int = seen["observed_at_ms"]
    if seen["resets_at_ms"] is not None:
        return int(seen["resets_at_ms"])
    if limit.period is not None:
        return windows.next_period(limit.period, at_ms, zone)
    return at_ms + (limit.window_s or 0) * 1000


def reserved(usage: Json, limit: Limit, payer: Payer) -> int:
    """Sum what is reserved against a row and not yet settled; for `parallel`, count the calls."""
    field = _HELD.get(limit.metric)
    held = usage["reservations"].values()
    if not held or (field is None and limit.metric != PARALLEL):
        return 0
    if limit.scope in ("account", "model"):
        mine = getattr(payer, limit.scope)
        held = [row for row in held if row[limit.scope] == mine]
    if field is None:
        return len(held)
    if limit.metric == "cost_usd":
        return sum(row[field] for row in held if row["metered"])
    return sum(row[field] for row in held)


def room(provider: Provider, usage: Json, payer: Payer, now_ms: int, zone: str) -> Room:
    """Tell how full a provider is and which rows keep it from starting."""
    percents: dict[str, float] = {}
    cost, budget = 0.0, None
    blocks: list[Block] = []
    for limit in provider.limits:
        used = spent(usage, limit, payer, now_ms, zone)
        taken = used + reserved(usage, limit, payer)
        percent = 100.0 * taken / limit.limit if limit.limit else 100.0
        if limit.metric == "cost_usd" and limit.period == "day":
            cost, budget = taken / MICRO, limit.limit / MICRO
        if percent >= percents.get(limit.metric, 0.0):
            percents[limit.metric] = percent
        if _counts(limit, payer) and at_gate(taken, limit):
            blocks.append(_gate(usage, limit, payer, used, now_ms, zone))
    return Room(percents.get("requests"), percents.get("tokens"), cost, budget, tuple(blocks))


def admit(  # noqa: PLR0913 the facts of one turn
    provider: Provider,
    usage: Json,
    turn: Turn,
    payer: Payer,
    now_ms: int,
    zone: str,
    *,
    start: bool,
    booked_ms: int | None = None,
) -> Block | None:
    """Tell why one more turn may not be reserved, or None when it may.

    `start` applies the gate as well; the renewal of a running call only has the bound, in days and
    months those of `booked_ms`, when the call began: its turns are booked on them. A rate row
    that is empty admits a turn larger than itself (it could never run otherwise); a money row
    refuses it and names the limit that would do.
    """
    for limit in provider.limits:
        if not _counts(limit, payer):
            continue
        at_ms = now_ms if limit.period is None or booked_ms is None else booked_ms
        amount = amount_of(limit, turn, payer)
        if not start and not amount:
            continue  # whatever others used, this turn takes nothing of it
        used = spent(usage, limit, payer, at_ms, zone)
        taken = used + reserved(usage, limit, payer)
        if start and at_gate(taken, limit):
            return _gate(usage, limit, payer, used, at_ms, zone)
        if taken + amount <= limit.limit or (limit.metric != "cost_usd" and taken == 0):
            continue
        if limit.metric == "cost_usd" and amount > limit.limit:
            return too_small(limit, amount)
        if used + amount <= limit.limit:
            return held(f"{limit.name} has no room for this turn", now_ms)
        target = max(0, limit.limit - amount)
        retry = _free_at(usage, limit, payer, target, at_ms, zone)
        return Block("limit", f"{limit.name} has no room for this turn", retry)
    return None


def _counts(limit: Limit, payer: Payer) -> bool:
    return limit.metric != "cost_usd" or payer.metered


def at_gate(taken: int, limit: Limit) -> bool:
    """Tell whether a row keeps calls from starting: on the exact ratio, with `>=`."""
    return taken * 100 >= limit.block_at_percent * limit.limit


def _gate(usage: Json, limit: Limit, payer: Payer, used: int, now_ms: int, zone: str) -> Block:
    """Say why a row keeps a call from starting, and from when on it will not."""
    if limit.metric == PARALLEL:
        running = reserved(usage, limit, payer)
        told = f"{running} of {limit.limit} calls run"
        return Block("limit", told, now_ms + SOON_MS, busy=True)
    reason = f"{_named(limit)} >= {limit.block_at_percent:g}%"
    if not at_gate(used, limit):
        return held(reason, now_ms)
    below = max(0, math.ceil(limit.limit * limit.block_at_percent / 100) - 1)
    return Block("limit", reason, _free_at(usage, limit, payer, below, now_ms, zone))


def _free_at(
    usage: Json, limit: Limit, payer: Payer, target: int, now_ms: int, zone: str
) -> int | None:
    """Tell from when on neither our calls nor any source say that more than `target` is used."""
    key = key_of(limit, payer)
    retry = windows.free_at(usage["windows"].get(key) or {}, limit, target, now_ms, zone)
    if limit.period is not None or retry is None:
        return retry
    seen = usage["observations"].get(key, {})
    _, told = figures(usage, limit, payer, now_ms, zone)
    ends = [ends_at(limit, seen[name], zone) for name, used in told.items() if used > target]
    return max([retry, *ends])


def held(reason: str, now_ms: int) -> Block:
    """Say that only calls that run are in the way: nobody knows when they settle, ask soon."""
    told = f"{reason} (calls that run hold it)"
    return Block("limit", told, now_ms + SOON_MS, busy=True)


def too_small(limit: Limit, amount: int) -> Block:
    """Say that a money row is smaller than one turn, and which limit would do."""
    needed = math.ceil(amount / 100) / 10_000  # rounded up: this limit would do
    return Block(
        "limit",
        f"one turn may cost ${needed:.4f}, more than the limit of "
        f"${limit.limit / MICRO:.4f} a {limit.period or 'window'}",
    )


def _named(limit: Limit) -> str:
    """Name what a row measures, as block reasons do (seed 002, section 10.1)."""
    if limit.metric == "cost_usd" and limit.period:
        return f"{adjective(limit)} budget used"
    if limit.metric == "percent":
        return f"the plan's {(limit.window_s or 0) / 3600:g}-hour window"
    return f"{limit.metric}_percent"


def adjective(limit: Limit) -> str:
    """Name the period of a row: `daily`, `monthly`, or nothing."""
    return {"day": "daily", "month": "monthly"}.get(limit.period or "", "")


def told_retry(block: Block) -> str:
    """Say when a block ends, for people: ` until 2026-11-20T10:00:00.000Z` or nothing."""
    return "" if block.retry_at_ms is None else f" until {clock.iso(block.retry_at_ms)}"
