"""One call of one route: start it, read it while it runs, end it at the first wall."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from orchestrator import clock
from orchestrator import records as r
from orchestrator.errors import StorageError, UsageError
from orchestrator.providers import api, command_line, process
from orchestrator.providers.attachments import Attachments
from orchestrator.providers.claude import ClaudeReading
from orchestrator.providers.codex import CodexReading
from orchestrator.providers.command_line import Errand
from orchestrator.providers.gemini import GeminiReading
from orchestrator.providers.prompt import prompt_of
from orchestrator.providers.reading import PULSE, Reading
from orchestrator.records import Event, Failure, Outcome, Route, Spent
from orchestrator.state.inflight import PRIVATE, InFlight
from orchestrator.state.redaction import redact
from orchestrator.state.transcript import Transcript
from orchestrator.work.context import Context

PARSERS = {"claude": ClaudeReading, "codex": CodexReading, "gemini": GeminiReading}
FINAL = (r.QUOTA, r.AUTH, r.INVALID_INPUT, r.CONTEXT_LENGTH)
# Once a client has used a tool, passing errors are its own to retry: so often, so long apart.
PATIENCE, PATIENCE_S = 2, 30.0
LONGEST, SHOWN = 8192, 160  # characters of a tool's words that are looked at, and told
NOTHING_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
UPSTREAM = ("pulse", "text", "tool", "usage", "done")  # events that come from the upstream


class Call(NamedTuple):
    """What one attempt is to do.

    `renew` is asked at each turn whether one more may be made. It gets what was used so far, or
    None from a client that does not tell.
    """

    route: Route
    folder: str
    task: str
    system: str
    given: Attachments
    deadline: float
    max_cost_usd: float | None
    renew: Callable[[Spent | None], Failure | None]


def run(context: Context, call: Call, running: InFlight, transcript: Transcript) -> Outcome:
    """Make the call and judge it; failures are in the outcome, nothing of it is left running.

    It ends with the task, or earlier where its model has a `timeout_s` of its own.
    """
    own = call.route.parameters.timeout_s
    end = call.deadline if own is None else min(call.deadline, time.monotonic() + own)
    outcome = _made(context, call, end, running, transcript)
    failure = outcome.failure
    if failure is None or failure.kind != r.TIMEOUT or end == call.deadline:
        return outcome
    message = f"{call.route.model}'s own timeout_s of {own:g} s passed"
    return outcome._replace(failure=failure._replace(message=message))


def _made(
    context: Context, call: Call, end: float, running: InFlight, transcript: Transcript
) -> Outcome:
    """Make the call over its transport, until `end`."""
    transport = call.route.transport
    deadlines = process.Deadlines(end, transport.first_byte_s, transport.idle_s)
    if transport.kind == "api":
        reading = api.reading_of(transport.dialect or "")
        prompt = prompt_of(
            context.config,
            call.route,
            context.environment,
            call.system,
            call.task,
            call.given.images,
        )
        events = api.call(prompt, transport, context.environment, deadlines, reading)
        return _watched(context, call, reading, events, transcript)
    reading = PARSERS[context.config.clients[transport.client or ""]["parser"]]()
    reading.servers = frozenset(call.given.servers.rows if call.given.servers else ())
    try:
        private = tempfile.mkdtemp(prefix=PRIVATE)
    except OSError as error:
        raise StorageError(f"no temporary folder could be made: {error.strerror}") from error
    try:
        running.note("private", folder=private)  # before there is anything in it to be left behind
        client = _client(context, call, deadlines, private, reading, running, transcript)
        return _watched(context, call, reading, client, transcript)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _watched(
    context: Context,
    call: Call,
    reading: Reading,
    events: Iterator[Event],
    transcript: Transcript,
) -> Outcome:
    """Follow the events until the end, a wall, a refused renewal or a signal."""
    watch = _Watch(context, call, reading)
    for event in events:
        watch.see(event)
        if context.interrupted():
            reading.failure = Failure(r.INTERRUPTED, "stopped by a signal")
        if reading.failure is not None:
            break
        watch.show()
    close = getattr(events, "close", None)
    if close is not None:
        close()
    outcome = reading.outcome(watch.exit_code)
    failed = outcome.failure.kind if outcome.failure else "ok"
    if reading.in_pieces:
        transcript.note(f"{call.route.provider} answer", outcome.answer)
    transcript.note(call.route.provider, f"ended: {failed}")
    account = call.route.transport.account
    seen = tuple(each._replace(account=each.account or account) for each in outcome.seen)
    return outcome._replace(first_wall_ms=watch.wall_ms, heard_ms=watch.heard_ms(), seen=seen)


class _Watch:
    """What is remembered of an attempt while it talks."""

    def __init__(self, context: Context, call: Call, reading: Reading) -> None:
        self.context, self.call, self.reading = context, call, reading
        self.name, self.doing = call.route.provider, "starting"
        self.started, self.retries, self.turns = time.monotonic(), 0, 0
        self.heard: float | None = None
        self.wall_ms: int | None = None
        self.exit_code: int | None = None

    def see(self, event: Event) -> None:
        """Take one event in; a wall, a retry too many and a refused renewal fail the reading."""
        if event.kind == "started" and self.call.route.transport.kind == "api":
            self.heard = time.monotonic()
        if event.kind == "exit":
            self.exit_code = int(event.text)
        elif event.kind in ("started", "tool", "text", "retry"):
            self.doing = redact(_doing(event), self.context.secrets)[:SHOWN]
        if event.kind == "tool":
            told = redact(event.text[:LONGEST], self.context.secrets)[:SHOWN]
            self.context.tell(f"  {self.name}: {told} ({self._so_far()})")
        if event.kind == "retry" and event.failure is not None:
            self._retried(event.failure)
        elif event.kind == "wall":
            self.wall_ms = self.wall_ms or clock.now_ms()
        if event.kind in ("text", "tool", "usage"):
            self.retries = 0  # it got through
        if event.kind == "usage":
            self._turned(event.spent)

    def heard_ms(self) -> int | None:
        """Tell when an API's answer began, on the wall clock as it is now."""
        if self.heard is None:
            return None
        return clock.now_ms() - int(1000 * (time.monotonic() - self.heard))

    def show(self) -> None:
        """Show what it is doing, for how long, and its tokens so far."""
        self.context.show(f"{self.name}: {self.doing} ({self._so_far()})")

    def _so_far(self) -> str:
        tokens = self.reading.spent.input_tokens + self.reading.spent.output_tokens
        told = f", {tokens:,} tokens" if tokens else ""
        return f"{time.monotonic() - self.started:.0f} s{told}"

    def _retried(self, failure: Failure) -> None:
        self.retries += 1
        patient = self.retries <= PATIENCE and (failure.wait_s or 0.0) <= PATIENCE_S
        if not self.reading.used_tools or failure.kind in FINAL or not patient:
            self.wall_ms = self.wall_ms or clock.now_ms()
            self.reading.failed(failure)

    def _turned(self, spent: Spent | None) -> None:
        if spent is not None and spent.requests <= self.turns:
            return  # another word of a turn that is booked
        self.turns = spent.requests if spent is not None else self.turns + 1
        refused = self.call.renew(spent)
        if refused is not None:
            self.reading.failed(refused)


def _client(
    context: Context,
    call: Call,
    deadlines: process.Deadlines,
    private: str,
    reading: Reading,
    running: InFlight,
    transcript: Transcript,
) -> Iterator[Event]:
    """Start the client with the task on stdin, and yield what it tells."""
    home = os.path.realpath(context.environment.get("HOME", "/"))
    settings = command_line.obeyed(context.config, call.route, call.folder, home)
    if settings is not None:
        why = f"the client would take keys and addresses from {settings}; move it away"
        yield from reading.failed(Failure(r.AUTH, why, sent=False))
        return
    try:
        errand = Errand(call.folder, private, call.system, call.max_cost_usd, call.given)
        made = command_line.prepare(context.config, call.route, context.environment, errand)
    except UsageError as error:
        yield from reading.failed(Failure(r.INVALID_INPUT, str(error), sent=False))
        return
    for name, content in made.files.items():
        path = os.path.join(private, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    transcript.note("start", " ".join(made.argv))
    with tempfile.TemporaryFile(dir=private) as stdin:
        stdin.write((made.task_prefix + call.task).encode())
        stdin.seek(0)
        try:
            client = process.Client(made.argv, call.folder, made.environment, stdin)
        except OSError as error:
            yield from reading.failed(_unstarted(error, call.folder, made.argv[0]))
            return
    try:
        pid = client.process.pid
        started = process.start_time_of(pid)
        running.note("child", pid=pid, start_time=started, mark=client.mark)
        for line in client.lines(deadlines, lambda: reading.heard):
            yield from _read(line, reading, call.route.provider, transcript)
    finally:
        client.end()


def _unstarted(error: OSError, folder: str, command: str) -> Failure:
    """Tell why a client could not be started: the machine, the repository or the client."""
    if error.errno in NOTHING_LEFT:
        return Failure(r.OVERLOADED, f"{command}: {error.strerror}", sent=False)
    if error.filename == folder:
        return Failure(r.INVALID_INPUT, f"REPO: {error.strerror}", sent=False)
    return Failure(r.NOT_INSTALLED, f"{command}: {error.strerror}", sent=False)


def _read(
    line: process.Line, reading: Reading, provider: str, transcript: Transcript
) -> Iterator[Event]:
    if line.kind in ("stdout", "stderr"):
        read = reading.stdout if line.kind == "stdout" else reading.stderr
        events = reading.bounded(read(line.text))
        piece = reading.in_pieces and [event.kind for event in events] == ["text"]
        if events != [PULSE] and not piece:  # a key may lie across pieces
            transcript.note(f"{provider} {line.kind}", line.text)
        reading.heard = reading.heard or any(event.kind in UPSTREAM for event in events)
        yield from events
    elif line.kind == "timeout":
        yield from reading.failed(Failure(r.TIMEOUT, f"the deadline passed after {line.text}"))
    elif line.kind == "stalled":
        yield from reading.failed(Failure(r.STALLED, line.text))
    elif line.kind == "exit":
        yield Event("exit", str(line.code))
    yield Event("tick")


def _doing(event: Event) -> str:
    if event.kind == "text":
        return "answering"
    return {"started": "thinking", "retry": "waiting"}.get(event.kind, event.text[:LONGEST])
