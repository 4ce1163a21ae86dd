"""The screen of the doctor, drawn from its report; narrow terminals get more lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orchestrator import clock
from orchestrator.commands import phrases
from orchestrator.commands.recommendation import dollars
from orchestrator.commands.screen import Paint
from orchestrator.decide.figures import OWN
from orchestrator.records import Json

WIDEST = 160  # longer lines are hard to follow
LEAST_TAIL = 22
BILLING = {"subscription": "plan", "metered": "paid", "free": "free"}
CODES = {
    2: "no provider takes any",
    3: "no room",
    4: "nothing ready",
    5: "outage",
    7: "storage",
    8: "configuration",
}


class Row(NamedTuple):
    """A line of a table: cells that are aligned, then text that is wrapped beside them."""

    cells: tuple[str, ...]
    tail: str = ""
    style: str = ""


def drawn(report: Json, paint: Paint, columns: int) -> str:
    """Draw the whole report."""
    width = min(columns - 1, WIDEST)
    now_ms = clock.parse(report["timestamp"])
    parts = [*_verdict(report, paint, width)]
    parts += _section("What to do", _advice(report), paint, width)
    for name, provider in report["providers"].items():
        parts += _provider(name, provider, report, paint, width, now_ms)
    if not report["providers"]:
        parts += _section("Worked last", _successes(report, now_ms), paint, width)
    parts += _section("Accounts", _accounts(report["accounts"], now_ms), paint, width)
    parts += _section("Budgets", _budgets(report), paint, width)
    parts += _section("Programs", _programs(report), paint, width)
    parts += _section("Here", _here(report), paint, width)
    return "\n".join(parts)


def told_account(row: Json, now_ms: int) -> str:
    """Write what is known of an account in one line."""
    error = f": {row['error']}" if row.get("error") else ""
    return " ".join(filter(None, _state(row, now_ms))) + error


def _verdict(report: Json, paint: Paint, width: int) -> Iterator[str]:
    titles = [report["providers"][name]["title"] for name in report["ready"]]
    if titles:
        text, style = f"A task can start now: {', '.join(titles)}", "green"
    else:
        code = report["exit_code"]
        why = CODES.get(code, "see below")
        text, style = f"No task can start now: {why} (a start ends with exit code {code})", "red"
    if report["config"]["overlay_left_out"]:
        text += "; shown as without config/local.json"
    yield from (paint(style, line) for line in _wrapped(text, width))


def _advice(report: Json) -> Iterator[Row]:
    for number, problem in enumerate(report["problems"], 1):
        text = f"{problem['about']}: {problem['what']} -> {problem['do']}"
        yield Row((f"{number}.",), text, "yellow")


def _provider(
    name: str, provider: Json, report: Json, paint: Paint, width: int, now_ms: int
) -> Iterator[str]:
    """Draw a provider: whether it can take a task, its ways, and its limits."""
    title, ways = provider["title"], provider["transports"]
    if provider["optional"] and all(way["unready"] for way in ways):
        why = ways[0]["unready"].partition("; ")[0]
        yield from ("", *_wrapped(f"{title}: off ({why})", width))
        return
    style, *told = _can(title, provider, width)
    yield ""
    yield from (paint(style, line) for line in told)
    worked = {
        (row["transport"], row["account"]): row
        for row in report["last_successes"]
        if row["provider"] == name
    }
    within = "" if report["log_read_whole"] else " in the last 8 MB of the log"
    rows = [
        Row(
            (way["kind"], way["account"], BILLING[way["billing"]]),
            _way(way) + _worked(way, worked.get((way["kind"], way["account"])), within, now_ms),
            "dim" if way["unready"] else "",
        )
        for way in ways
    ]
    yield from _table(rows, paint, width)
    yield from _table([_limit(row, now_ms) for row in provider["limits"]], paint, width)


def _can(title: str, provider: Json, width: int) -> list[str]:
    """Return a style, and then the lines that say whether a provider can take a task."""
    if provider["ready"]:
        return ["green", f"{title} can take a task"]
    reasons = [b["reason"] for b in provider["blocks"] if b["kind"] != "readiness"]
    why = reasons[0].partition(": ")[0] if reasons else "not ready"
    told = f"{title} can't take a task: {why}"
    return ["red", *_wrapped(told, width)]


def _way(way: Json) -> str:
    """Tell whether a way is ready, and by what."""
    if way["unready"]:
        return str(way["unready"]).partition("; ")[0]
    by = [way["client"]] if way["client"] else []
    if way["login"]:
        by.append("logged in")
    if way["key_set"]:
        by.append(f"{way['key_set']} is set")
    return ", ".join(by) or "ready"


def _worked(way: Json, row: Json | None, within: str, now_ms: int) -> str:
    """Tell when a way worked last; of one that is not ready nobody expects it."""
    if row is not None:
        return f"; worked {_ago(row['at'], now_ms)}, {row['model']}"
    return "" if way["unready"] else f"; no success{within}"


def _successes(report: Json, now_ms: int) -> Iterator[Row]:
    """List what worked last where no configuration tells what there is."""
    for row in report["last_successes"]:
        cells = (row["provider"], row["transport"], row["account"])
        yield Row(cells, f"{_ago(row['at'], now_ms)}, {row['model']}")


def _limit(row: Json, now_ms: int) -> Row:
    """Write a limit row: its fullness, and who says so."""
    account = row["row"].partition("@")[2]
    name = phrases.row_name(row["row"]) + (f" {account}" if account else "")
    if row["used"] is None:
        return Row((name, "unknown", ""), "nobody told", "dim")
    money = row["row"].startswith("cost_usd")
    write = dollars if money else "{:,.0f}".format
    held = f" +{write(row['reserved'])}" if row["reserved"] else ""
    used = f"{write(row['used'])}{held} of {write(row['limit'])}"
    taken = row["used"] + row["reserved"]
    percent = 100 * taken / row["limit"] if row["limit"] else 100.0
    style = "red" if percent >= row["block_at_percent"] else ""
    return Row((name, used, f"{percent:3.0f}%"), _sources(row, now_ms), style)


def _sources(row: Json, now_ms: int) -> str:
    """Name the source that decides, and all of them where they differ."""
    told = sorted(row["sources"], key=lambda each: (-each["used"], each["source"] == OWN))
    shown = told if row["differ"] else told[:1]
    texts = []
    for each in shown:
        text = str(each["source"])
        if row["differ"]:
            text += f" {each['percent']:.0f}%"
        if each["source"] != OWN:
            text += f" {_ago(each['observed_at'], now_ms)}"
        if each["resets_at"]:
            text += f", resets {_in(each['resets_at'], now_ms)}"
        texts.append(text)
    return "; ".join(texts) + (" (they differ)" if row["differ"] else "")


def _accounts(accounts: Json, now_ms: int) -> Iterator[Row]:
    """Write a line for each account that something is known of, and one for all others."""
    closed = []
    for name, row in accounts.items():
        state, rest = _state(row, now_ms)
        if rest:
            yield Row((f"{name}: {state}",), rest, "red" if row["blocks"] else "")
        else:
            closed.append(name)
    if closed:
        yield Row(("closed",), ", ".join(closed))


def _state(row: Json, now_ms: int) -> tuple[str, str]:
    """Tell how an account stands, and what more is known."""
    if row["state"] == "closed":
        return "closed", f"{row['failures']} failures in a row" if row["failures"] else ""
    parts = [f"since {_minute(row['since'])}"]
    if row["state"] == "person":
        parts.append("until a person clears it")
    elif row["until"]:
        parts.append(f"ends {_in(row['until'], now_ms)}")
    else:
        parts.append(f"next probe {_in(row['probe_at'], now_ms)}")
    names = {"outage": "outage", "unknown": "limit", "person": "money or plan"}
    return names.get(row["state"], f"limit ({row['state']})"), ", ".join(parts)


def _budgets(report: Json) -> Iterator[Row]:
    for period, row in report["budgets"].items():
        held = f" +{dollars(row['reserved_usd'])}" if row["reserved_usd"] else ""
        spent = f"{dollars(row['spent_usd'])}{held} of ${row['limit_usd']:.2f}"
        tail = f"projected {dollars(row['projected_usd'])}, resets {_minute(row['resets_at'])}"
        style = "red" if row["percent"] >= 100 else ""
        yield Row((period, spent, f"{row['percent']:3.0f}%"), tail, style)


def _programs(report: Json) -> Iterator[Row]:
    for name, program in report["programs"].items():
        if program["problem"] is None:
            yield Row((name, program["version"]), program["path"])
        else:
            told = " ".join(filter(None, (program["problem"], program["path"])))
            yield Row((name, "-"), told, "dim" if program["path"] is None else "red")


def _here(report: Json) -> Iterator[Row]:
    yield Row(("config",), report["config"]["folder"])
    for name, folder in report["folders"].items():
        parts = [folder["path"] + ("" if folder["exists"] else " (not there yet)")]
        if folder["free_bytes"] is not None:
            parts.append(f"{folder['free_bytes'] / 1e9:.1f} GB free")
        parts.append("can't be used" if folder["problem"] else "writable")
        if folder["warning"]:
            parts.append(f"network ({folder['file_system']})")
        style = "red" if folder["problem"] else ""
        yield Row((name,), ", ".join(parts), style)
    tasks, queue = report["in_flight"], report["deferred"]
    left = f", {tasks['left_behind']} left behind" if tasks["left_behind"] else ""
    waiting = f"{queue['pending']} deferred ({queue['due']} due)"
    yield Row(("tasks",), f"{tasks['running']} in flight{left}, {waiting}")


def _section(title: str, rows: Iterable[Row], paint: Paint, width: int) -> Iterator[str]:
    listed = list(rows)
    if listed:
        yield from ("", paint("bold", title), *_table(listed, paint, width))


def _table(rows: Sequence[Row], paint: Paint, width: int) -> Iterator[str]:
    """Align the cells; a tail that has too little room beside them goes below."""
    count = max((len(row.cells) for row in rows), default=0)
    widths = [max(len(row.cells[column]) for row in rows) for column in range(count)]
    indent = 2 + sum(size + 2 for size in widths)
    for row in rows:
        cells = (cell.ljust(size) for cell, size in zip(row.cells, widths, strict=True))
        head = "  " + "  ".join(cells)
        room, lines = width - indent, [head.rstrip()]
        longest = max(map(len, row.tail.split()), default=0)
        if row.tail and (len(row.tail) <= room or max(LEAST_TAIL, longest) <= room):
            first, *more = _wrapped(row.tail, room, after="")
            lines = [f"{head}  {first}", *(" " * indent + line for line in more)]
        elif row.tail:
            lines += (" " * 6 + line for line in _wrapped(row.tail, width - 6, after=""))
        yield from (paint(row.style, line) if row.style else line for line in lines)


def _wrapped(text: str, width: int, *, after: str = "  ") -> list[str]:
    """Break text at spaces alone: a path or a command stays whole, to be copied."""
    return textwrap.wrap(
        text, width, subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )


def _ago(moment: str, now_ms: int) -> str:
    passed = phrases.age(now_ms - clock.parse(moment))
    return passed if passed == "now" else f"{passed} ago"


def _in(moment: str, now_ms: int) -> str:
    """Write a moment to come, `in 3 h`, or that it has passed."""
    left_ms = clock.parse(moment) - now_ms
    if left_ms <= 0:
        return "now"
    return f"in {phrases.age(left_ms)}" if left_ms >= 60_000 else "within a minute"


def _minute(moment: str) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC"
