"""One attempt with its books: reserve, run, settle, and write its usage line."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from orchestrator import clock
from orchestrator import records as r
from orchestrator.config.prices import price_of, version_of
from orchestrator.decide import costs, limits, lines, windows
from orchestrator.errors import ConflictError, GitError, NoRoomError, OrchestratorError
from orchestrator.records import MICRO, Failure, Json, Outcome, Route, Spent, Turn
from orchestrator.state import history, journal
from orchestrator.state.inflight import InFlight
from orchestrator.state.redaction import redact
from orchestrator.state.transcript import Transcript
from orchestrator.work import attempt, knocking, settlement
from orchestrator.work.brief import Brief
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.trees import Trees

LEAST_OUTPUT = 64  # tokens; an answer shorter than that is none
NOTHING = Outcome(answer="", spent=Spent(), usage_known=False, failure=None, used_tools=False)


class Booked(NamedTuple):
    """An attempt that is over: its outcome, its facts, and what could not be written."""

    outcome: Outcome
    facts: Json
    storage_error: str | None


class Books:
    """What one attempt has booked, and what it still holds."""

    def __init__(self, held: Turn, reserved_ms: int, zone: str) -> None:
        """Begin with the reservation; money belongs to the day it was made."""
        self.held, self.day = held, windows.day_of(reserved_ms, zone)
        self.moment = self.day, clock.iso(reserved_ms)[11:16]
        self.booked, self.spent = Turn(0, 0, 0), Spent()


class Booking:
    """Makes the attempts of one task."""

    def __init__(
        self,
        context: Context,
        dispatch: Dispatch,
        system: str,
        deadline: float,
        running: InFlight,
        transcript: Transcript,
        trees: Trees,
    ) -> None:
        """Keep what all attempts share."""
        self.context, self.dispatch, self.system = context, dispatch, system
        self.deadline, self.running, self.transcript = deadline, running, transcript
        self.trees = trees
        self.spent_micro_usd = 0
        self.task_id = str(dispatch.line["task_id"])
        self.system_bytes = len(system.encode())
        self.text, self.text_bytes = "", 0

    def attempt(self, route: Route, number: int, brief: Brief) -> Booked:
        """Reserve, run, judge, settle and record one attempt."""
        self.text = brief.text
        self.text_bytes = len(brief.text.encode()) + self.system_bytes
        attempt_id = f"{self.task_id}-{number}"
        complexity = self.dispatch.line["task_classification"]["complexity"]
        fallback = route != brief.first
        route = self._fitted(route)
        facts = {"attempt_id": attempt_id, **lines.route_facts(route, complexity)}
        facts |= {"fallback_used": fallback, "escalated_from": brief.escalated_from}
        turn = self._bound(route)
        payer = limits.Payer(route.transport.account, route.model, metered=_metered(route))
        started_ms = clock.now_ms()
        try:
            folder = self.trees.enter(route)
        except (ConflictError, GitError) as error:
            return self._unmade(Failure(r.CONFLICT, str(error)), facts, started_ms)
        tree = self.trees.named()
        left = self._left_micro_usd()
        if left is not None and payer.metered and self._dear(route, turn, left):
            message = f"one turn may cost ${turn.cost_micro_usd / MICRO:.4f}, over --max-cost"
            return self._unmade(Failure(r.MAX_COST, message, sent=False), facts, started_ms)
        refused = knocking.claim(self.context, route, force=self.dispatch.wishes.force)
        if refused is not None:
            return self._unmade(refused, facts, started_ms)
        self.running.note(
            "attempt",
            number=number,
            route=facts,
            turn=turn._asdict(),
            tree=tree,
            at_ms=started_ms,
            forced=self.dispatch.wishes.force,
        )
        try:
            reserved_ms = self.context.ledger.reserve(
                attempt_id, route.provider, turn, payer, force=self.dispatch.wishes.force
            )
        except NoRoomError as error:
            # Books built anew hold it all the same, from the note above: before this one, or later.
            self.running.note("refused", attempt_id=attempt_id)
            self.context.ledger.settle(attempt_id, route.provider, Turn(0, 0, 0))
            failure = Failure(r.NO_ROOM, str(error), None, error.retry_at_ms)
            return self._unmade(failure, facts, started_ms)
        books = Books(turn, reserved_ms, self.context.ledger.zone)
        trouble: str | None = None
        try:
            outcome = self._call(route, folder, attempt_id, books)
        except (OrchestratorError, OSError) as error:
            trouble = str(error)
            outcome = NOTHING._replace(failure=Failure(r.INTERRUPTED, trouble))
        if outcome.failure is not None:
            message = redact(outcome.failure.message, self.context.secrets)
            outcome = outcome._replace(failure=outcome.failure._replace(message=message))
        done = self._settled(route, facts, outcome, started_ms, books, number)
        return done._replace(storage_error=done.storage_error or trouble)

    def _unmade(self, failure: Failure, facts: Json, now_ms: int) -> Booked:
        """Write an attempt that was never made: nothing was reserved, nothing is billed."""
        outcome = NOTHING._replace(failure=failure, usage_known=True, first_wall_ms=now_ms)
        told = lines.outcome_facts(outcome, now_ms, now_ms)
        return Booked(outcome, facts | told | self.trees.left(outcome), None)

    def _dear(self, route: Route, turn: Turn, left: int) -> bool:
        """Tell whether a turn can pass what is left; clients are watched while they run."""
        return turn.cost_micro_usd > left if route.transport.kind == "api" else left <= 0

    def _call(self, route: Route, folder: str, attempt_id: str, books: Books) -> Outcome:
        def renew(spent: Spent | None) -> Failure | None:
            """Book the turn that is over and hold room for the next."""
            if spent is None:
                so_far, bound = self._unmeasured(route, books)
            else:
                so_far = settlement.as_turn(self.context.config, route, spent, books.moment)
                reread = spent.input_tokens - books.spent.input_tokens + spent.output_tokens
                bound, books.spent = self._bound(route, reread), spent
            left = self._left_micro_usd()
            if left is not None and _metered(route) and so_far.cost_micro_usd > left:
                return Failure(r.MAX_COST, "it passed --max-cost")
            self.running.note(
                "turn", attempt_id=attempt_id, done=so_far._asdict(), held=bound._asdict()
            )
            block = self.context.ledger.renew(attempt_id, route.provider, so_far, bound)
            books.booked = so_far
            books.held = Turn(0, 0, 0) if block else bound
            return Failure(r.BUDGET, block.reason, None, block.retry_at_ms) if block else None

        left = self._left_micro_usd()
        call = attempt.Call(
            route,
            folder,
            self.text,
            self.system,
            self.dispatch.given,
            self.deadline,
            None if left is None else max(0, left) / MICRO,
            renew,
        )
        how = "cannot see files" if route.access == "none" else route.access
        self.context.tell(f"{route.provider}: {route.model} via {route.transport.kind} ({how})")
        return attempt.run(self.context, call, self.running, self.transcript)

    def _fitted(self, route: Route) -> Route:
        """Lower the output of an API call so that it can't pass what is left of --max-cost.

        A client takes the ceiling itself or is ended at the turn that passes it.
        """
        left = self._left_micro_usd()
        turn = self._bound(route)
        if left is None or route.transport.kind != "api" or turn.cost_micro_usd <= left:
            return route
        silent = self._bound(route._replace(max_output_tokens=0)).cost_micro_usd
        each = (turn.cost_micro_usd - silent) / route.max_output_tokens
        fitting = int((left - silent) / each) if each > 0 else 0
        return route._replace(max_output_tokens=max(LEAST_OUTPUT, fitting))

    def _left_micro_usd(self) -> int | None:
        """Tell what is left of --max-cost after the attempts so far, None without one."""
        ceiling = self.dispatch.wishes.max_cost_usd
        return None if ceiling is None else int(ceiling * MICRO) - self.spent_micro_usd

    def _unmeasured(self, route: Route, books: Books) -> tuple[Turn, Turn]:
        """Renew for a client that tells nothing before the end.

        Rates count each turn at what it reads, so that it leaves their windows in time; money stays
        held, turn upon turn, until the figures are there.
        """
        turn = self._bound(route)
        read = Turn(1, turn.tokens - route.max_output_tokens, 0)
        held = turn._replace(cost_micro_usd=books.held.cost_micro_usd + turn.cost_micro_usd)
        return settlement.more(books.booked, read), held

    def _bound(self, route: Route, reread_tokens: int | None = None) -> Turn:
        """Bound one turn; a later turn of a client reads again what the one before it had."""
        day = windows.day_of(clock.now_ms(), self.context.ledger.zone)
        price = price_of(self.context.config.prices, route.provider, route.model, day)
        size, overhead = self.text_bytes, route.transport.overhead_tokens
        if reread_tokens is not None:
            size, overhead = 0, reread_tokens
        # In every turn: a client may show them at a later one.
        pictures = len(self.dispatch.given.images)
        overhead += pictures * self.context.config.settings["image_tokens"] if pictures else 0
        per_request = self.context.config.providers[route.provider].cost_per_request_usd
        return costs.turn_bound(price, size, overhead, route.max_output_tokens, per_request)

    def _settled(
        self,
        route: Route,
        facts: Json,
        outcome: Outcome,
        started_ms: int,
        books: Books,
        number: int,
    ) -> Booked:
        """Outcome, then the books, then the log: recovery resumes at the first step missing."""
        context, ended_ms = self.context, clock.now_ms()
        most = settlement.more(books.booked, books.held)
        used, source = settlement.settled(context.config, route, outcome, most, books.moment)
        if _metered(route):
            self.spent_micro_usd += used.cost_micro_usd
        version = version_of(context.config, route.provider, route.model)
        billing = route.transport.billing
        money = settlement.money_facts(billing, used, source, most, version, books.day)
        told = lines.outcome_facts(outcome, started_ms, ended_ms)
        line = lines.usage(self.task_id, facts, told, money, ended_ms, number)
        left: Json = {}
        try:
            counted_ms = outcome.heard_ms
            self.running.note("outcome", used=used._asdict(), counted_ms=counted_ms, usage=line)
            context.ledger.settle(
                facts["attempt_id"], route.provider, used, counted_ms, outcome.seen
            )
            context.journal.append(journal.USAGE, line)
            failed = outcome.failure
            passed = failed is not None and failed.kind == r.MAX_COST
            left = self.trees.left(outcome, discard=passed)
        except GitError as error:  # it is paid for and recorded; what it changed is where it was
            outcome = outcome._replace(failure=Failure(r.CONFLICT, str(error)))
            left = {**self.trees.named(), "error": str(error), "error_class": r.CONFLICT}
        except (OrchestratorError, OSError) as error:
            return Booked(outcome, facts | told | money, str(error))
        with contextlib.suppress(OrchestratorError):  # somebody knocks in vain
            knocking.heard(context, route, outcome, started_ms)
        if outcome.failure is None and outcome.usage_known and not self.dispatch.given.images:
            with contextlib.suppress(OrchestratorError):  # only the next estimate is poorer
                self._learn(route, outcome, ended_ms - started_ms)
        return Booked(outcome, facts | told | money | left, None)

    def _learn(self, route: Route, outcome: Outcome, took_ms: int) -> None:
        size = len(self.text.encode()) // costs.BYTES_PER_TOKEN
        figures = {
            "input_overhead_tokens": float(max(0, outcome.spent.input_tokens - size)),
            "output_tokens": float(outcome.spent.output_tokens),
            "seconds": took_ms / 1000,
        }
        key = f"{route.provider}/{route.model}/{route.transport.kind}"
        history.learn(self.context.state, key, figures)


def _metered(route: Route) -> bool:
    return route.transport.billing == "metered"
