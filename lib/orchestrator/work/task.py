"""One dispatch, from reservation to record: try routes until one delivers or none is left."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from orchestrator import clock
from orchestrator import records as r
from orchestrator.config.prices import price_of
from orchestrator.decide import costs, failures, limits, lines, windows
from orchestrator.errors import NoRoomError, OrchestratorError, StorageError
from orchestrator.records import Failure, Json, Outcome, Route, Spent, Turn, Wishes
from orchestrator.state import history, inflight, journal
from orchestrator.state.redaction import redact
from orchestrator.state.transcript import Transcript
from orchestrator.work import attempt, settlement, verify
from orchestrator.work.context import Context
from orchestrator.work.trees import Trees

MICRO = 1_000_000
NOTHING = Outcome(answer="", spent=Spent(), usage_known=False, failure=None, used_tools=False)


class Dispatch(NamedTuple):
    """A decided task."""

    line: Json  # the decision line so far
    task: str
    chain: tuple[Route, ...]
    wishes: Wishes


class Result(NamedTuple):
    """How it ended: the decision line as recorded, the answer, and the exit code."""

    line: Json
    answer: str
    exit_code: int
    storage_error: str | None


class Task:
    """One dispatch while it runs."""

    def __init__(self, context: Context, dispatch: Dispatch) -> None:
        """Read the agent's text; raises StorageError when logs or state can't be written."""
        self.context, self.dispatch = context, dispatch
        self.task_id = str(dispatch.line["task_id"])
        self.agent = str(dispatch.line["recommendation"]["agent_assigned"])
        self.system = _agent_text(context.config.folder, self.agent)
        context.journal.prove_writable()
        self.transcript = Transcript(context.logs, self.task_id, context.secrets)
        self.trees = Trees(context, self.task_id, dispatch)
        seconds = dispatch.wishes.timeout_s or context.config.settings["timeout_s"]
        self.started_ms, self.deadline = clock.now_ms(), time.monotonic() + float(seconds)
        self.attempts: list[Json] = []
        self.storage_error: str | None = None
        self.running = inflight.begin(
            context.state,
            self.task_id,
            self.agent,
            line=dispatch.line,
            offsets=context.journal.offsets(),
        )

    def run(self) -> Result:
        """Run to the end; failures of providers are results, not exceptions."""
        routes, tries, verified = self.dispatch.chain, 0, verify.NONE
        outcome = NOTHING._replace(failure=Failure(r.NO_ROOM, "no route is left"))
        total = self.context.config.settings["attempts"]["total"]
        while routes and len(self.attempts) < total:
            route = routes[0]
            tries = tries + 1 if self.attempts and self._same_route(route) else 1
            outcome = self._attempt(route)
            if outcome.failure is None:
                command = self.dispatch.wishes.verify
                verified = verify.check(self.context, command, self.trees.folder, self.transcript)
                break
            failure = outcome.failure
            if self.context.interrupted():
                break
            settings = self.context.config.settings
            step = failures.next_step(failure, route, routes[1:], tries, settings)
            if not self.trees.may_go_on(outcome):
                step = failures.Step((), 0.0)
            self._told(route, failure, step)
            routes = step.routes if self._waited(step.wait_s) else ()
        return self._finished(outcome, verified)

    def _same_route(self, route: Route) -> bool:
        last = self.attempts[-1]
        return (last["provider"], last["account"]) == (route.provider, route.transport.account)

    def _attempt(self, route: Route) -> Outcome:
        """Reserve, run, judge, settle and record one attempt."""
        number = len(self.attempts) + 1
        attempt_id = f"{self.task_id}-{number}"
        complexity = self.dispatch.line["task_classification"]["complexity"]
        facts = {"attempt_id": attempt_id, **lines.route_facts(route, complexity)}
        turn = self._bound(route)
        payer = limits.Payer(
            route.transport.account, route.model, metered=route.transport.billing == "metered"
        )
        folder = self.trees.enter(route)
        self.running.note("attempt", number=number, route=facts, turn=turn._asdict())
        started_ms = clock.now_ms()
        try:
            reserved_ms = self.context.ledger.reserve(
                attempt_id, route.provider, turn, payer, force=self.dispatch.wishes.force
            )
        except NoRoomError as error:
            failure = Failure(r.NO_ROOM, str(error), None, error.retry_at_ms)
            outcome = NOTHING._replace(failure=failure, usage_known=True, first_wall_ms=started_ms)
            self.attempts.append(facts | lines.outcome_facts(outcome, started_ms, started_ms))
            return outcome
        day = windows.day_of(reserved_ms, self.context.ledger.zone)
        booked = [Turn(0, 0, 0)]
        outcome = self._call(route, folder, attempt_id, booked, day)
        ended_ms = clock.now_ms()
        self._settle(route, facts, outcome, (started_ms, ended_ms), turn, booked[0], day)
        return outcome

    def _call(
        self, route: Route, folder: str, attempt_id: str, booked: list[Turn], day: str
    ) -> Outcome:
        config = self.context.config

        def renew(spent: Spent) -> Failure | None:
            """Book the turn that is over and hold room for the next (DESIGN of the reservation)."""
            so_far = settlement.as_turn(config, route, spent, day)
            ceiling = self.dispatch.wishes.max_cost_usd
            if ceiling is not None and so_far.cost_micro_usd > ceiling * MICRO:
                return Failure(r.BUDGET, f"it passed --max-cost {ceiling:g}")
            done, booked[0] = settlement.less(so_far, booked[0]), so_far
            block = self.context.ledger.renew(
                attempt_id, route.provider, done, self._bound(route, spent)
            )
            return Failure(r.BUDGET, block.reason, None, block.retry_at_ms) if block else None

        call = attempt.Call(
            route,
            folder,
            self.dispatch.task,
            self.system,
            self.deadline,
            self.dispatch.wishes.max_cost_usd,
            renew,
        )
        how = "cannot see files" if route.access == "none" else route.access
        self.context.tell(f"{route.provider}: {route.model} via {route.transport.kind} ({how})")
        return attempt.run(self.context, call, self.running, self.transcript)

    def _bound(self, route: Route, spent: Spent | None = None) -> Turn:
        """Bound the next turn of a route; a later turn reads again what the turns before had."""
        day = windows.day_of(clock.now_ms(), self.context.ledger.zone)
        price = price_of(self.context.config.prices, route.model, day)
        size = len(self.dispatch.task.encode()) + len(self.system.encode())
        overhead = route.transport.overhead_tokens
        if spent is not None:
            size, overhead = 0, spent.input_tokens // max(1, spent.requests) + spent.output_tokens
        per_request = self.context.config.providers[route.provider].cost_per_request_usd
        return costs.turn_bound(price, size, overhead, route.max_output_tokens, per_request)

    def _settle(
        self,
        route: Route,
        facts: Json,
        outcome: Outcome,
        when: tuple[int, int],
        reserved: Turn,
        booked: Turn,
        day: str,
    ) -> None:
        """Outcome, then the books, then the log: recovery resumes at the first step missing."""
        context = self.context
        if outcome.failure is not None:
            message = redact(outcome.failure.message, context.secrets)
            outcome = outcome._replace(failure=outcome.failure._replace(message=message))
        used, source = settlement.settled(context.config, route, outcome, reserved, day)
        version = context.config.price_version
        money = settlement.money_facts(route, used, source, reserved, version, day)
        told = lines.outcome_facts(outcome, *when)
        rest = settlement.less(used, booked)
        self.attempts.append(facts | told | money | self.trees.facts())
        sent_ms = when[0] if route.transport.kind == "api" else None
        usage_line = lines.usage(
            facts["attempt_id"], self.task_id, facts, told, money, when[1], len(self.attempts)
        )
        try:
            self.running.note("outcome", rest=rest._asdict(), sent_ms=sent_ms, usage=usage_line)
            context.ledger.settle(facts["attempt_id"], route.provider, rest, sent_ms)
            context.journal.append(journal.USAGE, usage_line)
            if outcome.failure is None and outcome.usage_known:
                self._learn(route, outcome, when)
        except OrchestratorError as error:
            self.storage_error = str(error)

    def _learn(self, route: Route, outcome: Outcome, when: tuple[int, int]) -> None:
        size = len(self.dispatch.task.encode()) // costs.BYTES_PER_TOKEN
        figures = {
            "input_overhead_tokens": float(max(0, outcome.spent.input_tokens - size)),
            "output_tokens": float(outcome.spent.output_tokens),
            "seconds": (when[1] - when[0]) / 1000,
        }
        key = f"{route.provider}/{route.model}/{route.transport.kind}"
        history.learn(self.context.state, key, figures, fsync=self.context.fsync)

    def _told(self, route: Route, failure: Failure, step: failures.Step) -> None:
        """Tell the person what failed and what comes next, a dearer route with its difference."""
        message = redact(failure.message, self.context.secrets)
        if not step.routes:
            after = ""
        elif step.routes[0] == route:
            after = f"; trying again in {step.wait_s:.1f} s"
        else:
            after = f"; falling back to {step.routes[0].provider}{self._dearer(step.routes[0])}"
        self.context.tell(f"{route.provider}: {failure.kind}: {message}{after}")

    def _dearer(self, route: Route) -> str:
        advice = self.dispatch.line["recommendation"]
        known = {row["provider"]: row["cost"] for row in advice["alternatives"]}
        known[advice["provider"]] = advice["cost_estimate"]
        before, after = advice["cost_estimate"], known.get(route.provider)
        if (
            before is None
            or after is None
            or after <= before
            or route.provider == advice["provider"]
        ):
            return ""
        return f" (about ${after - before:.4f} dearer)"

    def _waited(self, seconds: float) -> bool:
        """Wait, unless the deadline comes first or a signal asks us to stop."""
        until = time.monotonic() + seconds
        if until >= self.deadline:
            return False
        while time.monotonic() < until:
            if self.context.interrupted():
                return False
            self.context.show(f"waiting {until - time.monotonic():.0f} s")
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))
        return not self.context.interrupted()

    def _finished(self, outcome: Outcome, verified: str) -> Result:
        """Write the decision line, once, and forget the task."""
        kinds = [a["error_class"] for a in self.attempts if a["error_class"]]
        signal_number = self.context.interrupted()
        if signal_number and outcome.failure is not None:
            result, status, code = r.STOPPED, "interrupted", 128 + signal_number
        elif outcome.failure is not None:
            result, status, code = r.FAILED, "failed", failures.exit_code(kinds)
        elif verified == verify.BROKEN:
            result, status, code = r.UNVERIFIED, "failed", 1
        else:
            result = r.VERIFIED if verified == verify.PASSED else r.DELIVERED
            status, code = "success", 0
        trees = self.trees.finished(outcome, self.task_id)
        metrics = finished_metrics(self.dispatch.line, self.attempts, status, result)
        metrics |= {"verified": verified, **trees, "transcript": self.transcript.path}
        line = {**self.dispatch.line, "execution_metrics": metrics}
        try:
            self.running.note("final", line=line)
            self.context.journal.append(journal.DECISIONS, line)
            if self.storage_error is None:
                self.running.close()
        except OrchestratorError as error:
            self.storage_error = str(error)
        if self.storage_error is not None and code == 0:
            code = StorageError.exit_code
        return Result(line, outcome.answer, code, self.storage_error)


def finished_metrics(line: Json, attempts: list[Json], status: str, result: str) -> Json:
    """Write the execution metrics of a task from its attempts (seed 002, section 10.1)."""
    last = attempts[-1] if attempts else {}
    actual = round(sum(a.get("cost_usd", 0.0) for a in attempts), 6)
    notional = round(sum(a.get("cost_notional_usd", 0.0) for a in attempts), 6)
    estimate = line["recommendation"]["cost_estimate"]
    input_tokens = sum(a["input_tokens"] for a in attempts)
    output_tokens = sum(a["output_tokens"] for a in attempts)
    start, end = (attempts[0]["start_time"], last["end_time"]) if attempts else (None, None)
    seconds = (clock.parse(end) - clock.parse(start)) / 1000 if start and end else 0.0
    retry = [a["retry_at"] for a in attempts if a.get("retry_at")]
    return {
        "status": status,
        "outcome": result,
        "provider": last.get("provider"),
        "model": last.get("model"),
        "transport": last.get("transport"),
        "start_time": start,
        "end_time": end,
        "execution_time_seconds": seconds,
        "tokens_used": input_tokens + output_tokens,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_actual": actual,
        "cost_notional_usd": notional,
        "cost_source": last.get("cost_source"),
        "cost_estimate_vs_actual": None
        if estimate is None
        else round(actual + notional - estimate, 6),
        "attempts": attempts,
        "fallback_used": len({(a["provider"], a["account"]) for a in attempts}) > 1,
        "error": last.get("error"),
        "error_class": last.get("error_class"),
        "retry_at": min(retry, default=None),
    }


def _agent_text(folder: str, agent: str) -> str:
    path = os.path.join(folder, "agents", f"{agent}.md")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror}; 'make check-config' names what is missing"
        ) from error
