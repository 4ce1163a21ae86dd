"""The cost report as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.commands import report_columns
from orchestrator.commands.recommendation import wrapped
from orchestrator.commands.report_columns import percent, seconds, tokens, usd
from orchestrator.commands.report_grid import drawn
from orchestrator.commands.screen import Paint
from orchestrator.records import Json

MOST_WIDE = 110  # of what is no table
MOST_ROWS = 8  # of a table, without --detailed
TITLES = {
    "by_provider": "By provider",
    "by_model": "By model",
    "by_tier": "By tier",
    "by_agent": "By agent",
    "by_repository": "By repository",
    "by_day": "By day",
    "by_provider_and_role": "By provider and role",
    "escalation_by_tier": "Escalation by tier",
    "escalation_by_complexity": "Escalation by complexity",
    "estimates": "Estimate against actual",
    "unpriced": "Unpriced calls: what they cost is in no sum",
    "savings_rows": "How the baseline is computed (USD per million tokens)",
}
SHORT = ("by_provider", "by_model", "by_tier", "by_agent", "by_repository", "by_day")


def page(
    document: Json, tables: dict[str, list[Json]], columns: int, paint: Paint, *, detailed: bool
) -> list[str]:
    """Write the report in lines of at most `columns` characters; all rows when it is `detailed`.

    What is in it that is not ours has been made harmless.
    """
    columns -= 1  # a full line makes some terminals break it
    wide = min(columns, MOST_WIDE)
    lines = [*_heading(document, wide, paint), *_summary(document, wide, paint)]
    for name in TITLES if detailed else SHORT:
        rows = tables[name]
        if rows and (detailed or _tells(name, rows)):
            lines += ["", paint("bold", TITLES[name])]
            lines += _table(name, rows, columns, paint, detailed=detailed)
    lines += _savings(document["savings"], wide, paint)
    lines += _budget(document["budgets"], wide, paint)
    lines += _advice(document["recommendations"], wide, paint)
    return lines


def summary(document: Json) -> str:
    """Write the report in one line (seed 001, cost analysis workflow)."""
    label = document["period"]["label"] or _days(document["period"])
    saved, savings = "", document["savings"]
    if savings and savings["savings_percent"] is not None:
        amount = usd(savings["savings_usd"])
        saved = f", {amount} saved ({savings['savings_percent']:.0f}%)"
    text = f"{label[:1].upper()}{label[1:]}: {document['total_requests']:,} requests"
    return f"{text}, {usd(document['total_cost_usd'])} spent{saved}{_plans(document)}"


def _heading(document: Json, wide: int, paint: Paint) -> list[str]:
    period = document["period"]
    about = [document["run"] and f"run {document['run']}", period["label"] or None, _days(period)]
    if document["run"]:
        about = about[:1]
    about.append(document["provider"] and f"{document['provider']} only")
    title = "Cost report"
    text = " · ".join([title, *(part for part in about if part)])
    first, *rest = wrapped(text, wide + 1)
    return [paint("bold", first), *rest, "═" * wide]


def _days(period: Json) -> str:
    days = period["since"]
    if period["until"] != period["since"]:
        days += f" to {period['until']}"
    return f"{days} ({period['zone']})"


def _summary(document: Json, wide: int, paint: Paint) -> list[str]:
    """List the figures over everything, each with what has to be known of it."""
    latency = document["average_latency_ms"]
    mean = "" if latency is None else f"; {seconds(latency)} on average"
    requests = f"{document['total_requests']:,}"
    if document["total_requests"]:
        told = document["successful_requests"], document["failed_requests"]
        share = percent(document["success_percent"])
        requests += f": {told[0]:,} successful ({share}), {told[1]:,} failed{mean}"
    counted = document["tasks_by_status"].items()
    statuses = [f"{count:,} {status}" for status, count in sorted(counted, key=lambda c: -c[1])]
    ran = f" ({percent(document['task_success_percent'])} of those run)"
    tasks = f"{document['total_tasks']:,}: {', '.join(statuses)}{ran}" if statuses else "0"
    cached = f", {tokens(document['cached_input_tokens'])} of it from a cache"
    read = tokens(document["input_tokens"])
    read += " input" + (cached if document["cached_input_tokens"] else "")
    rows = [
        ("This run", _run(document) if document["run"] else ""),
        ("Billed", paint("bold", usd(document["total_cost_usd"]))),
        ("On plans", f"{usd(document['total_notional_usd'])} at list prices, not billed"),
        ("Unpriced", _unpriced(document)),
        ("Requests", requests),
        ("Tasks", tasks),
        ("Tokens", f"{read}; {tokens(document['output_tokens'])} output"),
        ("Fallback", f"{percent(document['fallback_percent'])} of the tasks"),
        ("Escalation", f"{percent(document['escalation_percent'])} of the tasks"),
        ("Estimates", _estimate(document["estimate"])),
    ]
    return [line for name, text in rows if text for line in wrapped(f"{name:<12}{text}", wide + 1)]


def _run(document: Json) -> str:
    """Tell how far the current run is (seed 001, real-time cost monitoring)."""
    month = document["budgets"].get("month")
    text = f"{document['tasks_run']:,}/{document['total_tasks']:,} tasks completed"
    if document["run_projected_usd"] is not None:
        text += f"; projected total {usd(document['run_projected_usd'])}"
    if month and month["limit_usd"]:
        left = max(0.0, 100 - month["percent"])
        text += f"; budget {usd(month['limit_usd'])} ({left:.1f}% remaining)"
    return text


def _unpriced(document: Json) -> str:
    count = document["unpriced_requests"]
    named = [f"{r['provider']}/{r['model']} ({r['requests']:,})" for r in document["unpriced"]]
    calls = "1 call" if count == 1 else f"{count:,} calls"
    return f"{calls}, in no sum: {', '.join(named)}" if count else ""


def _estimate(told: Json) -> str:
    if not told["tasks"]:
        return ""
    apart = told["difference_percent"]
    text = f"{usd(told['estimated_usd'])} expected, {usd(told['actual_usd'])} used"
    return text if apart is None else f"{text} ({apart:+.0f}%)"


def _tells(name: str, rows: list[Json]) -> bool:
    """Tell whether a table says something: not where old lines lack what it is about."""
    key = name.removeprefix("by_")
    return any(row.get(key) != "-" for row in rows)


def _table(name: str, rows: list[Json], columns: int, paint: Paint, *, detailed: bool) -> list[str]:
    shown, more = rows, 0
    if not detailed and len(rows) > MOST_ROWS:
        shown = rows[-MOST_ROWS:] if name == "by_day" else rows[:MOST_ROWS]
        more = len(rows) - MOST_ROWS
    heading, *lines = drawn(report_columns.of(name, rows), shown, columns)
    told = [paint("dim", heading), *lines]
    if more:
        told.append(paint("dim", f"  {more} more with --detailed"))
    return told


def _savings(savings: Json | None, wide: int, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("bold", "Savings")
    if savings is None:
        yield "  no model of the last tier has a price to compare with"
        return
    model = f"{savings['baseline_provider']}/{savings['baseline_model']}".strip("/")
    share = savings["savings_percent"]
    rows = {
        f"If all {model}:": usd(savings["baseline_usd"]),
        "Actual, plans at list prices:": usd(savings["actual_usd"]),
        "Savings:": usd(savings["savings_usd"]),
    }
    label, amount = (max(map(len, texts)) for texts in (rows, rows.values()))
    told = [f"  {name:<{label}}  {usd_text:>{amount}}" for name, usd_text in rows.items()]
    told[-1] += "" if share is None else f"  ({share:.1f}% reduction)"
    for line in told[:-1]:
        yield from wrapped(line, wide + 1)
    for line in wrapped(told[-1], wide + 1):
        yield paint("green" if savings["savings_usd"] >= 0 else "yellow", line)
    left = [
        f"{row['requests']:,} {row['reason']} ({usd(row['actual_usd'])})"
        if row["reason"] != "unpriced"
        else f"{row['requests']:,} unpriced"
        for row in savings["left_out"]
    ]
    about = f"{savings['requests']:,} requests at {savings['price_version']}"
    about += f"; the model is {savings['chosen_by']}"
    about += f"; left out on both sides: {', '.join(left)}" if left else ""
    for line in wrapped(f"  {about}", wide + 1):
        yield paint("dim", line)


def _budget(budgets: Json, wide: int, paint: Paint) -> Iterator[str]:
    if not budgets:
        return
    yield ""
    yield paint("bold", "Budget")
    names = {"day": "Spent today", "month": "Month-to-date spend"}
    for period, row in budgets.items():
        limit, share = row["limit_usd"], row["percent"]
        style = "red" if share >= 100 else "yellow" if share >= 75 else "green"
        told = f"  {names[period]}: {usd(row['spent_usd'])} / {usd(limit)} ({share:.1f}%)"
        for line in wrapped(told, wide + 1):
            yield paint(style, line)
        if period == "month":
            over = row["projected_usd"] > limit
            state = "overage projected" if over else "within the budget"
            told = f"  Estimated end-of-month: {usd(row['projected_usd'])} ({state})"
            for line in wrapped(told, wide + 1):
                yield paint("red" if over else "green", line)


def _advice(told: list[Json], wide: int, paint: Paint) -> Iterator[str]:
    if told:
        yield ""
        yield paint("bold", "Recommendations")
    for row in told:
        mark, style = ("✓", "green") if row["level"] == "good" else ("⚠", "yellow")
        first, *rest = wrapped(f"  {mark} {row['text']}", wide + 1)
        yield first.replace(mark, paint(style, mark), 1)
        yield from rest


def _plans(document: Json) -> str:
    notional, unpriced = document["total_notional_usd"], document["unpriced_requests"]
    text = f"; {usd(notional)} on plans, not billed" if notional else ""
    return text + (f"; {unpriced:,} calls unpriced" if unpriced else "")
