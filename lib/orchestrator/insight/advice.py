"""What is wrong, and what to do about it: one line each, the most important first."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.records import Json

LITTLE_ROOM = 64 * 1024 * 1024  # bytes
PLAN = "percent/"
TOOLS = {
    "git": "install it (apt-get install git): without it edits are made in place",
    "bash": "install it (apt-get install bash)",
}


class Problem(NamedTuple):
    """What is wrong, of whom, and what a person does about it."""

    about: str
    what: str
    do: str


def problems(report: Json) -> list[Problem]:
    """List the problems a report of the doctor tells of."""
    return list(dict.fromkeys(problem for part in PARTS for problem in part(report)))


def _config(report: Json) -> Iterator[Problem]:
    for problem in (*report["config"]["problems"], *report["config"]["faults"]):
        name = problem.partition(": ")[0]
        yield Problem("configuration", problem, f"correct {name}, then make check-config")
    if report["never"]:
        yield Problem("configuration", report["never"], "make check-config")
    for name in report["packages_missing"]:
        yield Problem("python", f"the package {name} is missing", "make setup")


def _folders(report: Json) -> Iterator[Problem]:
    for name, folder in report["folders"].items():
        if folder["problem"]:
            yield _split(name, folder["problem"])
        elif folder["free_bytes"] is not None and folder["free_bytes"] < LITTLE_ROOM:
            left = f"{folder['path']}: {folder['free_bytes'] // 1024} kB are free"
            yield Problem(name, left, "make room: a start without it is refused")


def _state(report: Json) -> Iterator[Problem]:
    for trouble in report["state_troubles"]:
        if trouble["ends"]:
            yield _split("state", trouble["what"])
        elif trouble["provider"]:
            mend = "scripts/repair_state.sh builds it anew from the logs, as the next start does"
            yield Problem("state", trouble["what"], mend)


def _accounts(report: Json) -> Iterator[Problem]:
    """Tell of the accounts that are not open, first of those a person has to do something for."""
    rows = [(a, row) for a, row in report["accounts"].items() if row["state"] != "closed"]
    for account, row in sorted(rows, key=lambda each: each[1]["state"] != "person"):
        clear = f"scripts/doctor.sh --clear {shlex.quote(account)}"
        since = f"since {_short(row['since'])}: {row['error']}"
        if row["state"] == "person":
            what, do = f"money or a plan is needed {since}", f"see to that, then {clear}"
        elif row["until"]:
            what = f"limit reached {since}"
            do = f"nothing: it ends at {_short(row['until'])}; if it ended before, {clear}"
        else:
            what = f"{'outage' if row['state'] == 'outage' else 'limit reached'} {since}"
            when = f"at {_short(row['probe_at'])}" if row["blocks"] else "with the next task"
            do = f"nothing: one attempt looks again {when}; to look at once, {clear}"
        yield Problem(account, what, do)


def _readiness(report: Json) -> Iterator[Problem]:
    others = not all(provider["optional"] for provider in report["providers"].values())
    for name, provider in report["providers"].items():
        ways = provider["transports"]
        for way in ways:
            if way["unready"] and "; " in way["unready"]:
                yield _split(name, way["unready"])
        if (provider["optional"] and others) or not all(way["unready"] for way in ways):
            continue
        what = "; ".join(dict.fromkeys(way["unready"] for way in ways))
        yield Problem(name, what, _get_ready(ways))
    for name, provider in report["providers"].items():
        for block in provider["blocks"]:
            if block["kind"] == "access":
                yield _split(name, block["reason"])


def _get_ready(ways: list[Json]) -> str:
    """Say how to get a provider ready: by a login, or by a key."""
    client = next((way for way in ways if way["client"]), None)
    keys = next((way["key_variables"] for way in ways if way["key_variables"]), ())
    steps = []
    if client is not None:
        missing = "not installed" in client["unready"]
        install = f"{client['install']} and " if missing else ""
        steps.append(f"{install}log in (run {client['client']})")
    if keys:
        steps.append(f"export {' or '.join(keys)}")
    return ", or ".join(steps) or "see README.md"


def _limits(report: Json) -> Iterator[Problem]:
    for name, provider in report["providers"].items():
        for row in provider["limits"]:
            if row["used"] is None:
                continue
            taken = row["used"] + row["reserved"]
            if taken * 100 < row["block_at_percent"] * row["limit"]:
                continue
            retries = [b["retry_at"] for b in provider["blocks"] if b["kind"] == "limit"]
            when = next((f"at {_short(at)}" for at in retries if at), "as its window moves on")
            told = (s for s in row["sources"] if s["resets_at"] and s["used"] == row["used"])
            when = next((f"at {_short(source['resets_at'])}" for source in told), when)
            what = f"{row['row']} is at {_share(row, taken)}, and blocks from "
            raised = f"config/local.json can raise providers.{name}.limits"
            yield Problem(
                name,
                f"{what}{row['block_at_percent']:g}% on",
                f"nothing: there is room again {when}; {raised}",
            )


def _budgets(report: Json) -> Iterator[Problem]:
    for period, row in report["budgets"].items():
        if row["advice"]:
            spent = f"${row['spent_usd']:.2f} of ${row['limit_usd']:.2f} this {period}"
            yield Problem("budget", f"{spent} ({row['percent']:.0f}%)", row["advice"])


def _programs(report: Json) -> Iterator[Problem]:
    installs = {
        way["client"]: way["install"]
        for provider in report["providers"].values()
        for way in provider["transports"]
        if way["client"]
    }
    for name, program in report["programs"].items():
        if program["problem"] is None:
            continue
        if program["path"] is not None:
            anew = f"; or install it anew: {installs[name]}" if name in installs else ""
            do = f"run it yourself: {shlex.quote(program['path'])} --version{anew}"
            yield Problem(name, program["problem"], do)
        elif name in TOOLS:
            yield Problem(name, program["problem"], TOOLS[name])


def _waiting(report: Json) -> Iterator[Problem]:
    left, due = report["in_flight"]["left_behind"], report["deferred"]["due"]
    if left:
        what = f"{left} {'was' if left == 1 else 'were'} left behind by starts that died"
        yield Problem("tasks", what, "nothing: the next start settles them, or repair_state.sh")
    if due:
        what = f"{due} of {report['deferred']['pending']} deferred tasks are due"
        yield Problem("tasks", what, "scripts/run_deferred.sh --yes")


def _figures(report: Json) -> Iterator[Problem]:
    for name, provider in report["providers"].items():
        plans = {w["account"] for w in provider["transports"] if w["login"] and not w["unready"]}
        for row in provider["limits"]:
            if row["differ"]:
                told = ", ".join(f"{s['source']} {s['percent']:.0f}%" for s in row["sources"])
                do = f"look at its own page, then scripts/poll_usage.sh --set {name}.FIGURE=NUMBER"
                yield Problem(name, f"{row['row']}: sources differ ({told})", do)
            account = row["row"].partition("@")[2]
            if row["used"] is None and row["row"].startswith(PLAN) and account in plans:
                what = "how full the windows of its plan are is not known"
                yield Problem(name, what, "make poll, or scripts/poll_usage.sh --manual")


def _surroundings(report: Json) -> Iterator[Problem]:
    for name, folder in report["folders"].items():
        if folder["warning"]:
            yield _split(name, folder["warning"])

    for trouble in report["state_troubles"]:
        if not (trouble["ends"] or trouble["provider"]):
            mend = "nothing: it counts as empty, and is written anew when it is needed"
            yield Problem("state", trouble["what"], mend)


def _split(about: str, text: str) -> Problem:
    """Take an error's line apart: what is wrong; what to do."""
    what, _, do = text.partition("; ")
    return Problem(about, what, do or "see README.md")


def _share(row: Json, taken: float) -> str:
    return f"{100 * taken / row['limit']:.0f}%" if row["limit"] else "its limit of 0"


def _short(moment: str) -> str:
    """Write a moment to the minute, `2026-11-20 14:05 UTC`."""
    return f"{moment[:16].replace('T', ' ')} UTC"


PARTS = (
    _config,
    _folders,
    _state,
    _accounts,
    _readiness,
    _limits,
    _budgets,
    _programs,
    _waiting,
    _figures,
    _surroundings,
)
