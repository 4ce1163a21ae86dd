"""The columns of each table of the cost report, and how their cells are written."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.commands.report_grid import Column
from orchestrator.records import Json


def of(name: str, rows: list[Json]) -> list[Column]:
    """List the columns of a table."""
    if name.startswith("by_"):
        return _breakdown(name, unpriced=any(row["unpriced_requests"] for row in rows))
    return OTHERS[name]


def _breakdown(name: str, *, unpriced: bool) -> list[Column]:
    keys = name.removeprefix("by_").split("_and_")
    first = Column(
        keys[0] if name != "by_model" else "model",
        lambda row: _name(row, keys),
        left=True,
    )
    return [
        first,
        *([Column("role", text("role"), left=True)] if "role" in keys else []),
        Column("requests", number("requests")),
        Column("tasks", number("tasks"), 7),
        Column("success", lambda row: percent(row["success_percent"]), 1),
        Column("fallback", number("fallbacks"), 5),
        Column("climbed", number("escalations"), 8),
        Column("average", lambda row: seconds(row["average_latency_ms"]), 4),
        Column("input", lambda row: tokens(row["input_tokens"]), 3),
        Column("cached", lambda row: tokens(row["cached_input_tokens"]), 9),
        Column("output", lambda row: tokens(row["output_tokens"]), 3),
        *([Column("unpriced", number("unpriced_requests"))] if unpriced else []),
        Column("billed", lambda row: usd(row["cost_usd"])),
        Column("on plans", lambda row: usd(row["cost_notional_usd"]), 2),
        Column("share", lambda row: percent(row["share_percent"]), 6),
    ]


def _name(row: Json, keys: list[str]) -> str:
    if keys == ["model"]:
        return f"{row['provider']}/{row['model']}"
    return str(row[keys[0]])


def text(name: str) -> Callable[[Json], str]:
    """Make the cell of a text."""
    return lambda row: str(row[name])


def number(name: str) -> Callable[[Json], str]:
    """Make the cell of a count."""
    return lambda row: f"{row[name]:,}"


def money(name: str) -> Callable[[Json], str]:
    """Make the cell of an amount."""
    return lambda row: usd(row[name])


def rate(name: str) -> Callable[[Json], str]:
    """Make the cell of a rate of the baseline."""
    return lambda row: f"{row[name]:g}"


def percent(share: float | None) -> str:
    """Write a share, `-` for that of nothing."""
    return "-" if share is None else f"{share:.1f}%"


def seconds(latency_ms: float | None) -> str:
    """Write a span of time, `-` where none is known."""
    return "-" if latency_ms is None else f"{latency_ms / 1000:,.1f}s"


OTHERS = {
    "escalation_by_tier": [
        Column("tier", text("tier"), left=True),
        Column("tasks", number("tasks")),
        Column("climbed", number("escalated_tasks")),
        Column("rate", lambda row: percent(row["escalated_percent"])),
    ],
    "escalation_by_complexity": [
        Column("complexity", text("complexity"), left=True),
        Column("tasks", number("tasks")),
        Column("climbed", number("escalated_tasks")),
        Column("rate", lambda row: percent(row["escalated_percent"])),
        Column("delivered", number("successful_tasks")),
    ],
    "estimates": [
        Column("provider", text("provider"), left=True),
        Column("tasks", number("tasks")),
        Column("estimated", money("estimated_usd")),
        Column("actual", money("actual_usd")),
        Column("difference", money("difference_usd"), 1),
        Column("in percent", lambda row: percent(row["difference_percent"])),
    ],
    "unpriced": [
        Column("model", lambda row: f"{row['provider']}/{row['model']}", left=True),
        Column("calls", number("requests")),
        Column("input", lambda row: tokens(row["input_tokens"])),
        Column("output", lambda row: tokens(row["output_tokens"])),
    ],
    "savings_rows": [
        Column("billing", text("billing"), left=True),
        Column("from", text("first_day"), 4),
        Column("to", text("last_day"), 4),
        Column("prompts above", lambda row: f"{row['above_input_tokens'] or 0:,}", 5),
        Column("requests", number("requests"), 3),
        Column("input", number("plain_input_tokens")),
        Column("in $/M", rate("input_usd_per_mtok"), 1),
        Column("cache read", number("cache_read_tokens"), 2),
        Column("read $/M", rate("cache_read_usd_per_mtok"), 2),
        Column("cache write", number("cache_write_tokens"), 3),
        Column("write $/M", rate("cache_write_usd_per_mtok"), 3),
        Column("output", number("output_tokens")),
        Column("out $/M", rate("output_usd_per_mtok"), 1),
        Column("baseline", money("baseline_usd")),
        Column("actual", money("actual_usd"), 2),
    ],
}


def usd(amount: float | None) -> str:
    """Write money: cents, four digits where cents would hide it, `unpriced` for None."""
    if amount is None:
        return "unpriced"
    sign, amount = "-" if amount < 0 else "", abs(amount)
    return f"{sign}${amount:,.4f}" if 0 < amount < 0.01 else f"{sign}${amount:,.2f}"


def tokens(count: int) -> str:
    """Write a count of tokens: `850`, `12.3K`, `2.0M`, `34.5B`."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 1000)):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return str(count)
