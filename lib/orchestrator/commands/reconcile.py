"""`report --reconcile`: hold what was booked as billed against the providers' cost APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.commands.report_columns import percent, text, usd
from orchestrator.commands.report_grid import Column, drawn
from orchestrator.errors import CredentialsError, TryLaterError
from orchestrator.insight import report
from orchestrator.insight.report_period import Period
from orchestrator.records import MICRO, Json
from orchestrator.state.journal import ALERTS, Journal
from orchestrator.state.redaction import redact, secrets_of
from orchestrator.work import reconcile

if TYPE_CHECKING:
    from orchestrator.commands.report import Here

SCHEMA = 1
COLUMNS = [
    Column("account", text("account"), left=True),
    Column("booked", lambda row: usd(row["booked_usd"])),
    Column("billed", lambda row: "-" if row["billed_usd"] is None else usd(row["billed_usd"])),
    Column("apart", lambda row: percent(row["percent"])),
    Column("", lambda row: str(row["state"]), left=True),
]


def run(there: Here, log: str, period: Period, *, as_json: bool) -> int:
    """Ask for each bill; raises CredentialsError without a key, TryLaterError without an answer."""
    now_ms, config = clock.now_ms(), there.config
    today = clock.iso(now_ms)[:10]
    days = min(period.since, today), min(period.until, today)
    known = reconcile.accounts(config, there.environment)
    if not any(account.key for account in known):
        names = " or ".join(account.api["key_env"][0] for account in known)
        raise CredentialsError(f"no bill can be asked for; set {names or 'a usage_api'}")
    ours = report.booked(log, str(config.settings["zone"]), [a.name for a in known], *days)
    rows = [_held(there, account, ours[account.name], days, now_ms) for account in known]
    if all(row["billed_usd"] is None for row in rows):
        raise TryLaterError("no bill could be read; try again later")
    _show(rows, days, as_json=as_json)
    return 0


def _held(
    there: Here, account: reconcile.Account, booked: int, days: tuple[str, str], now_ms: int
) -> Json:
    """Hold one account against its bill; tell what went wrong, and warn when they are apart."""
    poll = there.config.settings["poll"]
    limit, deadline_s = float(poll["reconcile_percent"]), float(poll["deadline_s"])
    if not account.key:
        problem = f"{account.api['key_env'][0]} is not set"
        return _row(reconcile.Held(account.name, booked, None, problem), limit)
    found = reconcile.held(account, booked, *days, there.environment, deadline_s, now_ms)
    if found.problem is not None:
        told = redact(" ".join(found.problem.split()), secrets_of(there.environment))
        screen.error(f"{account.name}: {told}")
        found = found._replace(problem=screen.harmless(told))
    row = _row(found, limit)
    if row["state"] == "apart":
        alert = reconcile.alert(found, *days, limit, now_ms)
        fsync = bool(there.config.settings["fsync"])
        Journal(there.logs, fsync=fsync).append(ALERTS, alert)
        screen.talk(_told(alert))
    return row


def _row(found: reconcile.Held, limit: float) -> Json:
    apart = None if found.theirs is None else reconcile.apart_percent(found.ours, found.theirs)
    state = found.problem if apart is None else "apart" if apart > limit else "agrees"
    return {
        "account": found.account,
        "booked_usd": found.ours / MICRO,
        "billed_usd": None if found.theirs is None else found.theirs / MICRO,
        "percent": apart,
        "state": state,
    }


def _told(alert: Json) -> str:
    booked, billed = usd(alert["booked_usd"]), usd(alert["billed_usd"])
    return (
        f"⚠️  WARNING: {alert['account']}: booked {booked}, billed {billed} from {alert['since']} "
        f"to {alert['until']}: {alert['percent']:.1f}% apart (allowed {alert['limit_percent']:g}%)"
    )


def _show(rows: list[Json], days: tuple[str, str], *, as_json: bool) -> None:
    if as_json:
        told = {"schema": SCHEMA, "since": days[0], "until": days[1], "zone": "UTC"}
        screen.data({**told, "reconciled": rows})
        return
    screen.out(f"Booked and billed, {days[0]} to {days[1]} (UTC)")
    screen.out("\n".join(drawn(COLUMNS, rows, screen.columns())))
