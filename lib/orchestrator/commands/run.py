"""`run HANDOFF`: run a decided task, show its progress, print its answer."""

from __future__ import annotations

import contextlib
import signal

from orchestrator import clock
from orchestrator.commands import handoff, recommendation, screen
from orchestrator.commands.session import Session
from orchestrator.decide.candidates import route_of
from orchestrator.errors import OrchestratorError, TryLaterError
from orchestrator.insight import alerts
from orchestrator.records import Json, Route
from orchestrator.state import redaction
from orchestrator.state.journal import Journal
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.task import Result, Task

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Run the task; the answer goes to stdout, everything else to stderr."""
    stop: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda given, _frame: stop.append(given))
    given, session = handoff.taken(arguments[0]), Session()
    live = screen.Live(quiet="quiet" in given.modes)
    context = Context(
        config=session.config,
        environment=session.environment,
        secrets=session.secrets,
        state=session.at.state,
        logs=session.at.logs,
        ledger=session.ledger(live.event),
        journal=Journal(session.at.logs, fsync=bool(session.config.settings["fsync"])),
        tell=lambda text: live.event(redaction.redact(text, session.secrets)),
        show=lambda text: live.status(redaction.redact(text, session.secrets)),
        interrupted=lambda: stop[0] if stop else 0,
    )
    chain = tuple(_route(session, row) for row in given.chain)
    result = Task(context, Dispatch(given.line, given.task, chain, given.wishes)).run()
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
    if not stop:
        _poll(context, result.line)
    return result.exit_code


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


def _route(session: Session, row: tuple[str, str, int, str]) -> Route:
    """Find a decided route again; raises TryLaterError when the configuration has changed since."""
    name, model_name, position, access = row
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
    money = recommendation.dollars(done["cost_actual"])
    if done["cost_notional_usd"]:
        money = f"{recommendation.dollars(done['cost_notional_usd'])} on your plan"
        if done["cost_actual"]:
            money += f" and {recommendation.dollars(done['cost_actual'])} billed"
    return (
        f"{done['outcome']}: {done['provider']} {done['model']}, "
        f"{done['execution_time_seconds']:.1f} s, {done['tokens_used']:,} tokens, {money}"
    )


def _failure(result: Result) -> str:
    done = result.line["execution_metrics"]
    tried = ", ".join(f"{a['provider']} {a['error_class']}" for a in done["attempts"])
    if done["outcome"] == "unverified":
        return f"--verify failed; see {done['transcript']}"
    when = f"; room from {done['retry_at']}" if result.exit_code == 3 and done["retry_at"] else ""
    queued = f"; {recommendation.QUEUED}" if done["status"] == "deferred" else ""
    told = f"{tried}: {done['error']}"
    return f"the task was not done ({told}){when}{queued}; see {done['transcript']}"
