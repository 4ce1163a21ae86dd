"""The breaker of a route's account: asked before an attempt, told after it."""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.decide import breakers as rules
from orchestrator.decide import lines
from orchestrator.records import Breaker, Failure, Json, Outcome, Route
from orchestrator.state import breakers
from orchestrator.state.journal import ALERTS
from orchestrator.work.context import Context

AROUND = "tasks go to the other providers"
ADVICE = {
    rules.OUTAGE: f"{AROUND}; one attempt at a time looks whether it is back",
    rules.UNKNOWN: f"{AROUND}; one attempt at a time looks whether it is over",
    r.PERSON: "buy what is missing, then scripts/doctor.sh --clear {account}",
}


def claim(context: Context, route: Route, *, force: bool) -> Failure | None:
    """Ask whether an attempt may be made on a route; a failure says why not, and until when.

    Who loses the probe of an outage goes on to the next route; a rate limit may be waited out.
    """
    settings = context.config.settings["breaker"]
    account = route.transport.account
    block = breakers.claim(context.state, account, settings, force=force, fsync=context.fsync)
    if block is None:
        return None
    if block.kind == "outage":
        return Failure(r.OUTAGE, block.reason, None, block.retry_at_ms, sent=False)
    row = breakers.load(context.state).get(account, rules.CLOSED)
    if row.kind != rules.RATE or row.retry_at_ms is None:
        return Failure(r.NO_ROOM, block.reason, None, block.retry_at_ms, sent=False)
    wait_s = max(0.0, (row.retry_at_ms - clock.now_ms()) / 1000)
    return Failure(r.RATE_LIMIT, block.reason, wait_s, row.retry_at_ms, sent=False)


def heard(context: Context, route: Route, outcome: Outcome, started_ms: int) -> None:
    """Tell an account's breaker how an attempt ended, and people when it opened or closed.

    Raises StorageError.
    """
    settings, account = context.config.settings["breaker"], route.transport.account

    def rule(row: Breaker) -> Breaker:
        return rules.after(row, outcome, route.provider, settings, started_ms, clock.now_ms())

    before, row = breakers.change(context.state, account, rule, fsync=context.fsync)
    if rules.opened(before, row):
        _alert(context, route, row, "outage" if row.kind == rules.OUTAGE else "wall")
    elif rules.recovered(before, row):
        _alert(context, route, before, "recovered")


def _alert(context: Context, route: Route, row: Breaker, kind: str) -> None:
    """Tell it once, on the screen and in the log of alerts."""
    account, until = route.transport.account, lines.iso(row.retry_at_ms)
    if kind == "recovered":
        until, advice = None, "it takes tasks again"
    else:
        advice = ADVICE.get(str(row.kind), f"{AROUND} until then").format(account=account)
    name = f"{route.provider} ({account})"
    told = {
        "outage": f"Provider outage detected: {name}: {row.error}; {advice}, next at {until}",
        "recovered": f"Provider recovered: {name}: {advice}",
        "wall": f"{name}: no more until {until or 'somebody helps'}; {advice}",
    }
    context.tell(told[kind])
    record: Json = {
        "schema": lines.SCHEMA,
        "timestamp": clock.iso(clock.now_ms()),
        "kind": kind,
        "account": account,
        "provider": route.provider,
        "reason": row.error,
        "retry_at": until,
        "advice": advice,
    }
    context.journal.append(ALERTS, record)
