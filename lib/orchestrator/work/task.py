"""One dispatch, from reservation to record: try routes until one delivers or none is left."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from orchestrator import clock
from orchestrator import records as r
from orchestrator.decide import budgets, failures
from orchestrator.decide.models import tiers
from orchestrator.decide.windows import day_of
from orchestrator.errors import NoRoomError, OrchestratorError, StorageError
from orchestrator.records import Failure, Json, Outcome, Route
from orchestrator.state import deferred, inflight, journal, logfile, mounts
from orchestrator.state.redaction import redact
from orchestrator.state.transcript import Transcript
from orchestrator.work import metrics, verify
from orchestrator.work.booking import NOTHING, Booking
from orchestrator.work.brief import Brief, handed_on
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.trees import Trees


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
        task_id = str(dispatch.line["task_id"])
        agent = str(dispatch.line["recommendation"]["agent_assigned"])
        system = agent_text(context.config.folder, agent)
        context.journal.prove_writable()
        self.transcript = Transcript(context.logs, task_id, context.secrets)
        self.trees = Trees(context, task_id, dispatch)
        seconds = dispatch.wishes.timeout_s or context.config.settings["timeout_s"]
        self.deadline = time.monotonic() + float(seconds)
        self.attempts: list[Json] = []
        self.storage_error: str | None = None
        offsets = context.journal.offsets()
        if dispatch.results:
            offsets[inflight.RESULTS] = logfile.mark_of(dispatch.results)
        self.running = inflight.begin(
            context.state, task_id, agent, line=dispatch.line, offsets=offsets
        )
        remote = mounts.warning((context.state, context.logs))
        if remote is not None:
            context.tell(remote)
        self.booking = Booking(
            context, dispatch, system, self.deadline, self.running, self.transcript, self.trees
        )

    def run(self) -> Result:
        """Run to the end; failures of providers are results, not exceptions."""
        try:
            return self._run()
        except BaseException:
            self.running.release()  # whoever recovers next finishes it
            raise

    def _run(self) -> Result:
        routes, verified = self.dispatch.chain, verify.NONE
        brief = Brief(self.dispatch.task, routes[0]) if routes else None
        tries: dict[Route, int] = {}
        outcome = NOTHING._replace(failure=Failure(r.NO_ROOM, "no route is left"))
        settings = self.context.config.settings
        while brief and routes and len(self.attempts) < settings["attempts"]["total"]:
            route = routes[0]
            tries[route] = tries.get(route, 0) + 1
            booked = self.booking.attempt(route, len(self.attempts) + 1, brief)
            outcome = booked.outcome
            self.attempts.append(booked.facts)
            self.storage_error = self.storage_error or booked.storage_error
            told = ""
            if outcome.failure is None:
                verified, told = verify.check(
                    self.context,
                    self.dispatch.wishes.verify,
                    self.trees.folder,
                    self.transcript,
                    self.deadline,
                )
                self.attempts[-1]["verified"] = verified
            if self.context.interrupted() or self.storage_error:
                break
            higher = self._higher(outcome, verified, route)
            if higher:
                brief, routes = self._escalated(outcome, told, route, higher), higher
                continue
            if outcome.failure is None:
                break
            rest = (*self._wider(outcome.failure, route), *routes[1:])
            step = failures.next_step(outcome.failure, route, rest, tries[route], settings)
            if not self.trees.may_go_on(outcome):
                step = failures.Step((), 0.0)
            self._told(route, outcome.failure, step)
            routes = step.routes if self._waited(step.wait_s) else ()
        return self._finished(outcome, verified)

    def _higher(self, outcome: Outcome, verified: str, route: Route) -> tuple[Route, ...]:
        """Find the chain of the next tier, where the work of this one may be tried again there."""
        chains = [chain for chain in self.dispatch.climbs if chain]
        late = not chains or time.monotonic() >= self.deadline
        if late or not failures.climbs(outcome.failure, route, passed=verified != verify.BROKEN):
            return ()
        if outcome.failure is not None and not self.trees.may_go_on(outcome):
            return ()
        names = tiers(self.context.config)
        here = names.index(route.tier)
        return next((chain for chain in chains if names.index(chain[0].tier) > here), ())

    def _escalated(
        self, outcome: Outcome, told: str, route: Route, higher: tuple[Route, ...]
    ) -> Brief:
        """Hand the task on to the next tier, with what was wrong (seed 001, strategy 1)."""
        to, text = higher[0], self.dispatch.task
        why = outcome.failure.message if outcome.failure else "--verify failed"
        if outcome.failure is None:
            self.trees.stay()
            command = str(self.dispatch.wishes.verify)
            text = handed_on(text, command, redact(told, self.context.secrets), outcome, to)
        self.context.tell(
            f"{route.provider} {route.model}: {why}; escalated to {to.tier}: "
            f"{to.provider} {to.model}"
        )
        return Brief(text, to, route.tier)

    def _wider(self, failure: Failure, route: Route) -> tuple[Route, ...]:
        """Find a larger model of the same provider, unless one was asked for by its name."""
        wishes = self.dispatch.wishes
        if wishes.model:
            return ()
        config, day = self.context.config, day_of(clock.now_ms(), self.context.ledger.zone)
        action = budgets.action(budgets.totals_of(config.budgets, self.dispatch.line["budgets"]))
        return failures.wider(failure, route, wishes, config, action, day)

    def _told(self, route: Route, failure: Failure, step: failures.Step) -> None:
        """Tell the person what failed and what comes next, a dearer route with its difference."""
        if not step.routes:
            after = ""
        elif step.routes[0] == route:
            after = f"; trying again in {step.wait_s:.1f} s"
        else:
            after = f"; falling back to {step.routes[0].provider}{self._dearer(step.routes[0])}"
        self.context.tell(f"{route.provider}: {failure.kind}: {failure.message}{after}")

    def _dearer(self, route: Route) -> str:
        advice = self.dispatch.line["recommendation"]
        known = {(row["provider"], row["model"]): row["cost"] for row in advice["alternatives"]}
        before, after = advice["cost_estimate"], known.get((route.provider, route.model))
        if before is None or after is None or after <= before:
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
        kinds = [kind for kind in map(_kind, self.attempts) if kind]
        signal_number = self.context.interrupted()
        if signal_number and (outcome.failure is not None or verified == verify.STOPPED):
            result, status, code = r.STOPPED, "interrupted", 128 + signal_number
        elif outcome.failure is not None:
            result, status, code = r.FAILED, "failed", failures.exit_code(kinds)
        elif verified == verify.BROKEN:
            result, status, code = r.UNVERIFIED, "failed", 1
        else:
            result = r.VERIFIED if verified == verify.PASSED else r.DELIVERED
            status, code = "success", 0
        if status == "failed" and code != 1 and self._may_wait(outcome, kinds):
            status = "deferred"
        done = metrics.finished(self.dispatch.line, self.attempts, status, result)
        done |= {"verified": verified, **self.trees.finished(outcome)}
        done["transcript"] = self.transcript.path
        if self.transcript.broken is not None:
            self.context.tell(f"the transcript ends early: {self.transcript.broken}")
        if verified == verify.BROKEN:
            done |= {"error": "--verify failed", "error_class": r.VERIFY_FAILED}
        line = {**self.dispatch.line, "execution_metrics": done}
        self._recorded(line, status, outcome.answer, was_run=_was_run(code, outcome))
        if self.storage_error is not None and code == 0:
            code = StorageError.exit_code
        return Result(line, outcome.answer, code, self.storage_error)

    def _recorded(self, line: Json, status: str, answer: str, *, was_run: bool) -> None:
        """Queue a task that waits, write its line, and take one that was run out of the queue."""
        log = self.context.journal
        try:
            rows = self.dispatch.rows(line, answer) if self.dispatch.rows else []
            if status == "deferred" and self.dispatch.queues:
                self._queue(line)
            leaves = self._leaves(line, status, was_run=was_run)
            results = {"log": self.dispatch.results, "rows": rows} if rows else None
            self.running.note("final", line=line, leaves=leaves, results=results)
            log.append(journal.DECISIONS, line)
            for row in rows:
                logfile.append(self.dispatch.results, row, fsync=self.context.fsync)
            if leaves is not None:
                deferred.leave(log, leaves)
            if self.storage_error is None:
                self.running.close()
        except (OrchestratorError, OSError) as error:
            self.storage_error = str(error)

    def _leaves(self, line: Json, status: str, *, was_run: bool) -> Json | None:
        """Say how the task leaves the queue, None when it may wait on."""
        if status == "success":
            return deferred.done(line)
        if was_run:
            return deferred.failed(line, self.dispatch.wishes, self.context.secrets)
        return None

    def _may_wait(self, outcome: Outcome, kinds: list[str]) -> bool:
        """Tell whether the task is to be queued for a time when there is room.

        Never one that left half-done work in place: a person looks at that first.
        """
        wishes = self.dispatch.wishes
        wanted = not (wishes.force or wishes.no_defer)
        passing = failures.exit_code(kinds) == NoRoomError.exit_code or failures.may_pass(kinds)
        return wanted and passing and self.trees.may_go_on(outcome)

    def _queue(self, line: Json) -> None:
        done = line["execution_metrics"]
        context, dispatch = self.context, self.dispatch
        deferred.queue(
            context.journal,
            line,
            dispatch.task,
            dispatch.wishes,
            context.secrets,
            done["retry_at"],
            done["error"],
        )


def _kind(attempt: Json) -> str | None:
    """Name what an attempt failed of, work that did not pass its check included."""
    broken = r.VERIFY_FAILED if attempt.get("verified") == verify.BROKEN else None
    return attempt["error_class"] or broken


def _was_run(code: int, outcome: Outcome) -> bool:
    """Tell whether a task had its chance, well or badly: to run it once more would be paid again.

    One that a limit, a missing key, an outage, a signal or our own disk kept from it had none.
    """
    kind = outcome.failure.kind if outcome.failure is not None else None
    return (code in (0, 1) and kind != r.INTERRUPTED) or kind == r.TIMEOUT


def agent_text(folder: str, agent: str) -> str:
    """Read what an agent is told; raises StorageError."""
    path = os.path.join(folder, "agents", f"{agent}.md")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().strip()
        if not text:
            raise StorageError(f"{path}: is empty; 'make check-config' names what is missing")
        return text
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror}; 'make check-config' names what is missing"
        ) from error
