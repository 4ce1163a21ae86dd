"""`run HANDOFF`: run a decided task, show its progress, print its answer."""

from __future__ import annotations

import contextlib

from orchestrator import clock
from orchestrator.commands import handoff, recommendation, screen
from orchestrator.commands.running import context_of
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import Stopping
from orchestrator.decide.transports import route_of
from orchestrator.errors import OrchestratorError, TryLaterError, UsageError
from orchestrator.insight import alerts
from orchestrator.providers import attachments
from orchestrator.providers.attachments import Attachments
from orchestrator.records import VERIFY_FAILED, Json, Route
from orchestrator.state import redaction
from orchestrator.state.journal import DECISIONS, Journal
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.task import Result, Task


def main(arguments: list[str]) -> int:
    """Run the task; the answer goes to stdout, everything else to stderr."""
    stopping = Stopping()
    given, session = handoff.taken(arguments[0]), Session()
    attached = _attached(session, given)
    live = screen.Live(quiet="quiet" in given.modes)
    context = context_of(session, live.event, live.status, stopping.number)
    chain = tuple(_route(session, way) for way in given.chain)
    climbs = tuple(tuple(_route(session, way) for way in ways) for ways in given.climbs)
    dispatch = Dispatch(given.line, given.task, chain, given.wishes, climbs, attached)
    result = Task(context, dispatch).run()
    with contextlib.suppress(OrchestratorError):  # the task is over and recorded either way
        now_ms = clock.now_ms()
        alerts.raised(context.state, context.journal, context.ledger.config, live.event, now_ms)
    live.done()
    with contextlib.suppress(BrokenPipeError):  # the reader left; what happened stays as it is
        _answer(result, as_json="json" in given.modes)
    if not live.quiet:
        screen.talk(_summary(result.line))
    if result.storage_error is not None:
        screen.error(redaction.redact(result.storage_error, session.secrets))
    elif result.exit_code not in (0, 130):
        screen.error(_failure(result))
    if not stopping.heard:
        _poll(context, result.line)
    return result.exit_code


def _attached(session: Session, given: handoff.Handoff) -> Attachments:
    """Read what goes with the task once more; raises UsageError when it is another by now.

    What is told to its servers of tools is a secret from here on.
    """
    wishes, settings = given.wishes, session.config.settings
    try:
        found = attachments.again(
            wishes, settings, session.environment, given.line.get("attachments", {})
        )
    except UsageError as error:
        given.line["execution_metrics"] = {"status": "failed", "outcome": None, "error": str(error)}
        log = Journal(session.at.logs, fsync=bool(settings["fsync"]))
        log.append(DECISIONS, given.line)
        raise
    session.secrets += found.servers.secrets if found.servers else ()
    return found


def _poll(context: Context, line: Json) -> None:
    """Read what the clients that ran wrote of their plan, so that the next decision knows it.

    Here and not before a decision: it needs the lock of the usage files, 60 ms to load alone. No
    network is asked; a figure is renewed at most once in its time to live, near a block each time.
    """
    from orchestrator.work.polling import LOCAL, Poller  # the task does not wait for it

    names = {row["provider"] for row in line["execution_metrics"].get("attempts", ())}
    poller = Poller(context.config, context.environment, context.state, context.ledger)
    with contextlib.suppress(OrchestratorError, OSError):
        poller.poll(sorted(names & context.config.providers.keys()), among=LOCAL)


def _route(session: Session, way: handoff.Way) -> Route:
    """Find a decided route again; raises TryLaterError when the configuration has changed since."""
    name, model_name, position, access = way
    try:
        provider = session.config.providers[name]
        model = next(m for m in provider.models if m.name == model_name)
        transport = provider.transports[position]
    except (KeyError, IndexError, StopIteration):
        raise TryLaterError("the configuration changed since the decision; start again") from None
    return route_of(name, model, transport, access)


def _answer(result: Result, *, as_json: bool) -> None:
    if as_json:
        screen.data({**result.line, "result": result.answer})
    elif result.answer:
        screen.out(result.answer)


def _summary(line: Json) -> str:
    """Say in one line what it took."""
    done = line["execution_metrics"]
    return (
        f"{done['outcome']}: {done['provider']} {done['model']}, "
        f"{done['execution_time_seconds']:.1f} s, {done['tokens_used']:,} tokens, {_money(done)}"
    )


def _money(done: Json) -> str:
    """Say what is billed, what a plan gave, and how many attempts nobody can price."""
    billed, notional = done["cost_actual"], done["cost_notional_usd"]
    unpriced, parts = done["unpriced_attempts"], []
    if notional:
        parts.append(f"{recommendation.dollars(notional)} on your plan")
    if billed:
        parts.append(recommendation.dollars(billed) + (" billed" if parts else ""))
    if unpriced and parts:
        parts.append(f"{unpriced} unpriced attempt{'s' * (unpriced > 1)}")
    return " and ".join(parts) or recommendation.dollars(None if unpriced else 0.0)


def _failure(result: Result) -> str:
    done = result.line["execution_metrics"]
    kinds = [a["error_class"] or VERIFY_FAILED for a in done["attempts"]]
    tried = ", ".join(f"{a['provider']} {k}" for a, k in zip(done["attempts"], kinds, strict=True))
    if done["outcome"] == "unverified":
        return f"--verify failed; see {done['transcript']}"
    when = f"; room from {done['retry_at']}" if result.exit_code == 3 and done["retry_at"] else ""
    queued = f"; {recommendation.QUEUED}" if done["status"] == "deferred" else ""
    told = f"{tried}: {done['error']}"
    return f"the task was not done ({told}){when}{queued}; see {done['transcript']}"
