"""`repair-state`: finish what dead processes left, and hold the usage files against the log."""

from __future__ import annotations

from orchestrator.commands import screen
from orchestrator.commands.session import Session
from orchestrator.errors import StorageError, TryLaterError, UsageError
from orchestrator.records import MICRO, Json
from orchestrator.state import inflight, repair

OPTIONS = ("--anew", "--json")


def main(arguments: list[str]) -> int:
    """Mend what is not sound; 0 when files and log agree, 7 when they do not."""
    unknown = [word for word in arguments if word not in OPTIONS]
    if unknown:
        raise UsageError(f"unknown option {unknown[0]}; there are {', '.join(OPTIONS)}")
    session = Session()
    state = session.at.state
    if inflight.any_listed(state):
        from orchestrator.work import recover

        recover.run(state, session.at.logs, session.all_providers)
    if "--anew" in arguments and inflight.any_listed(state):
        raise TryLaterError("tasks are running; write the files anew when they are done")
    mended: list[str] = []
    found = session.ledger(mended.append).mend(anew="--anew" in arguments)
    busy = inflight.any_listed(state)  # what runs is in its file before it is in the log
    differences = [
        {"provider": name, **row}
        for name, (held, told) in sorted(found.items())
        for row in _differences(held, told)
        if not busy
    ]
    report = {"providers": sorted(found), "mended": mended, "compared": not busy}
    report["differences"] = differences
    _show(report, as_json="--json" in arguments)
    if differences:
        advice = "--anew writes them anew from the log"
        raise StorageError(f"{len(differences)} figures are not what the log tells; {advice}")
    return 0


def _differences(held: Json, told: Json) -> list[Json]:
    """List the days and months whose money differs by more than a micro-USD."""
    one, other = repair.money_of(held), repair.money_of(told)
    return [
        {
            "period": slot,
            "file_usd": one.get(slot, 0) / MICRO,
            "log_usd": other.get(slot, 0) / MICRO,
        }
        for slot in sorted({*one, *other})
        if abs(one.get(slot, 0) - other.get(slot, 0)) > 1
    ]


def _show(report: Json, *, as_json: bool) -> None:
    if as_json:
        screen.data(report)
        return
    for line in report["mended"]:
        screen.out(line)
    for row in report["differences"]:
        screen.out(
            f"{row['provider']} {row['period']}: "
            f"${row['file_usd']:.6f} in its file, ${row['log_usd']:.6f} in the log"
        )
    if not report["compared"]:
        screen.out("tasks are running: their files are not compared with the log")
    elif not report["differences"]:
        names = ", ".join(report["providers"]) or "no provider"
        screen.out(f"the files agree with the log ({names})")
