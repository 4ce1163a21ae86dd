"""`decide HANDOFF ARGS_FD`: show a decision and say what orchestrate.sh is to do next.

The words of the command line come NUL-separated through a descriptor, the task through them or
stdin: never through the arguments of a process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from orchestrator import clock
from orchestrator.commands import handoff, recommendation, screen, tasks
from orchestrator.commands.session import Session, new_task_id
from orchestrator.config import locations, options
from orchestrator.decide import lines
from orchestrator.errors import (
    CredentialsError,
    InterruptedBySignalError,
    NoRoomError,
    TryLaterError,
    UsageError,
)
from orchestrator.records import Decision, Json, Route

SIGTERM = 15  # importing signal costs half a millisecond
RUN, ASK = 100, 101  # to orchestrate.sh alone; never an exit code of its own


def main(arguments: list[str]) -> int:
    """Decide; returns 0 when all is done, RUN or ASK when the handoff file holds what to run."""
    parent = os.getppid()
    path, descriptor = arguments[0], int(arguments[1])
    with os.fdopen(descriptor, "rb") as file:
        words = file.read().split(b"\0")[:-1]
    return decided(words, path, lambda: os.getppid() == parent)


def decided(words: list[bytes], path: str, wanted: Callable[[], bool] = lambda: True) -> int:
    """Do what `main` says, from the words of a command line.

    `wanted` tells whether whoever asked is still there: nothing is left behind for nobody.
    """
    call = options.read([os.fsdecode(word) for word in words])
    if len(call.rest) != 2:
        raise UsageError(_shape(call.rest))
    session, now_ms = Session(), clock.now_ms()
    repository = locations.repository(call.rest[0], session.at.workspace)
    call, attached = _attached(session, call)
    from_stdin = call.rest[1] == "-"
    settings = session.config.settings
    task = tasks.checked(tasks.stdin_bytes(settings) if from_stdin else words[-1], settings)
    dry = "dry_run" in call.modes
    if not dry:
        _recover(session)
    found = session.decide(task, call.wishes, now_ms, repository)
    if found.no_room and dry and _recover(session):
        found = session.decide(task, call.wishes, now_ms, repository)
    task_id = new_task_id(now_ms)
    logged = tasks.logged(task, settings, session.secrets)
    line = lines.decision(found, task_id, repository, logged, now_ms, session.zone) | attached
    if not wanted():
        raise InterruptedBySignalError(SIGTERM)
    if not dry and not found.no_room and found.ready:
        return _hand_over(path, session, line, found, call, task)
    waits = found.no_room and not (dry or call.wishes.no_defer)
    if waits:
        _queue(session, line, call, task)
    _record(session, line)
    _show(session, line, call, task, data=dry or "json" in call.modes)
    queued = f"; {recommendation.QUEUED}" if waits else ""
    if found.outage:
        raise TryLaterError(_no_room(found, line) + queued)
    if found.no_room:
        raise NoRoomError(_no_room(found, line) + queued, found.retry_at_ms)
    if not dry:
        raise CredentialsError(_not_ready(session, line))
    return 0


def _attached(session: Session, call: options.Call) -> tuple[options.Call, Json]:
    """Check the files that are to go with the task; raises UsageError for one that can't."""
    wishes = call.wishes
    if not (wishes.image or wishes.mcp_config):
        return call, {}
    from orchestrator.providers import attachments  # few tasks have any

    wishes = attachments.absolute(wishes)
    given = attachments.read(wishes, session.config.settings, session.environment)
    return call._replace(wishes=wishes), {"attachments": given.facts}


def _hand_over(
    path: str, session: Session, line: Json, found: Decision, call: options.Call, task: str
) -> int:
    """Write what is to run into a private file for the next step."""
    asking = "yes" not in call.modes
    if asking and not screen.is_terminal(sys.stdin):
        raise UsageError("stdin is no terminal to ask on; add --yes to run, or -n to only look")
    chain = _ways(session, found.chain)
    climbs = [_ways(session, routes) for routes in found.climbs]
    handoff.written(path, handoff.Handoff(line, task, chain, climbs, call.wishes, call.modes))
    _show(session, line, call, task, data=False)
    if asking:
        import signal  # only who is asked waits for it

        # Ctrl-C while this process ends would be lost on it: the shell must see it end by that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        screen.ask(recommendation.question(line, session.titles))
    return ASK if asking else RUN


def _ways(session: Session, routes: Sequence[Route]) -> list[handoff.Way]:
    """Name routes so that the next step finds them again."""
    providers = session.config.providers
    return [
        (r.provider, r.model, providers[r.provider].transports.index(r.transport), r.access)
        for r in routes
    ]


def _show(session: Session, line: Json, call: options.Call, task: str, *, data: bool) -> None:
    """Show the decision: as the data asked for (`-n`, `--json`), else as talk before the run."""
    titles = session.titles
    if data and "json" in call.modes:
        screen.data(line)
    elif "quiet" not in call.modes:
        tell = screen.out if data else screen.talk
        paint = screen.painter(sys.stdout if data else sys.stderr)
        shown = screen.harmless_in(line)
        tell(recommendation.drawn(shown, titles, paint, screen.columns()), painted=True)
    if "explain" in call.modes:
        tell = screen.talk if "json" in call.modes or not data else screen.out
        tell(recommendation.explained(line, task, titles, screen.columns()))


def _queue(session: Session, line: Json, call: options.Call, task: str) -> None:
    """Keep the task for a later start, and say so in its line."""
    from orchestrator.state import deferred, journal

    log = journal.Journal(session.at.logs, fsync=bool(session.config.settings["fsync"]))
    state = line["provider_state_at_recommendation"][line["recommendation"]["provider"]]
    done = line["execution_metrics"]
    reason = state["block_reason"]
    deferred.queue(log, line, task, call.wishes, session.secrets, done["retry_at"], reason)
    done["status"] = "deferred"


def _record(session: Session, line: Json) -> None:
    from orchestrator.state import journal

    # Nothing was spent: the line need not be on the disk before the answer is on the screen.
    journal.Journal(session.at.logs, fsync=False).append(journal.DECISIONS, line)


def _recover(session: Session) -> bool:
    """Finish what dead owners left behind; True when there was anything."""
    from orchestrator.state import inflight

    if not inflight.any_listed(session.at.state):
        return False
    from orchestrator.work import recover

    return bool(recover.run(session.at.state, session.at.logs, session.all_providers))


def _no_room(found: Decision, line: Json) -> str:
    chosen = line["recommendation"]
    state = line["provider_state_at_recommendation"][chosen["provider"]]
    first = "the next attempt may be made at" if found.outage else "room from"
    when = f"; {first} {clock.iso(found.retry_at_ms)}" if found.retry_at_ms else ""
    cost = recommendation.dollars(chosen["cost_estimate"])
    what = "every provider is out" if found.outage else "no provider has room"
    return (
        f"{what} ({chosen['provider']}: {state['block_reason']}){when}; "
        f"--force would run it on {chosen['provider']} for about {cost}"
    )


def _not_ready(session: Session, line: Json) -> str:
    """Name the three ways to get going, with the chosen provider's own client and key."""
    states = line["provider_state_at_recommendation"]
    reasons = "; ".join(
        f"{n}: {s['block_reason']}" for n, s in states.items() if not s["available"]
    )
    provider = session.config.providers[line["recommendation"]["provider"]]
    clients = [session.config.clients[t.client] for t in provider.transports if t.client]
    client = f" ({clients[0]['install']})" if clients else ""
    keys = " or ".join(next((t.key_env for t in provider.transports if t.key_env), ()))
    return (
        f"nothing can run yet ({reasons}). Install a client and log in{client}, "
        f"or export a key ({keys or 'see README.md'}), or see it work first: make demo"
    )


def _shape(rest: list[str]) -> str:
    if len(rest) < 2:
        missing = "REPO and TASK are" if not rest else "TASK is"
        return f"{missing} missing; ./orchestrate.sh [options] REPO TASK, see --help"
    return "there are words after TASK; quote the task, and put options before REPO"
