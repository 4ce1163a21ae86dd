"""The lanes of a worker: each takes the next node of a plan, runs it, and notes what came of it.

One process has several lanes: what takes time is waiting for providers, and one start of Python
serves them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from orchestrator import clock
from orchestrator.errors import (
    CredentialsError,
    GitError,
    OrchestratorError,
    StorageError,
    TryLaterError,
)
from orchestrator.providers.attachments import Attachments
from orchestrator.records import MICRO, NO_ROOM, OVERLOADED, Json, Node
from orchestrator.state import deferred, logfile
from orchestrator.work import packing, results
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.plan import Plan, wishes_of
from orchestrator.work.task import Result, Task

LOOK_S = 0.02  # how often a lane that has nothing to do looks for news
COOL_MS = (200, 5_000)  # a provider's queue after a node found no room: at first, and at most
BUSY_MS = 500  # what only runs that go on keep from starting
TRIES_MS = (10_000, 600_000)  # a node that failed of a wall without an end: at first, and at most
MOST_TRIES = 10
FAILED = {"status": "failed", "outcome": "failed"}


class Decided(NamedTuple):
    """A node with its way; without a dispatch there is no room for it now."""

    provider: str  # that it goes to, or waits for
    dispatch: Dispatch | None
    least_micro_usd: int = 0  # of a plan's ceiling: what one turn may cost
    need_micro_usd: int = 0  # and what it is given, where there is enough
    retry_at_ms: int | None = None
    busy: bool = False  # only calls that run are in the way
    reason: str = ""
    line: Json | None = None
    text: str = ""  # what would be run


class Hands(Protocol):
    """What a runner needs of the room above: decisions, and what a person is told."""

    context: Context

    def decide(self, plan: Plan, places: Sequence[int], nodes: Sequence[Node]) -> Decided:
        """Decide who runs a node, or several in one call; raises OrchestratorError."""

    def listening(self, place: int, given: Attachments) -> Context:
        """Make the context of a node: what it tells is told of this node.

        What goes with it may hold secrets of its own.
        """


class Runner:
    """All lanes of one worker."""

    def __init__(self, plan: Plan, worker: str, hands: Hands, stopped: Callable[[], bool]) -> None:
        """Keep the plan and the hands; `stopped` tells whether nothing new is to begin."""
        self.plan, self.worker, self.hands, self._stopped = plan, worker, hands, stopped
        self.trouble: OrchestratorError | None = None  # what ends the whole batch

    def run(self, lanes: int) -> None:
        """Work until no node is left, or until told to stop."""
        threads = [threading.Thread(target=self._lane, daemon=True) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @property
    def stopped(self) -> bool:
        """Tell whether nothing new is to begin."""
        return self.trouble is not None or self._stopped()

    def _lane(self) -> None:
        cool = COOL_MS[0]
        while not self.stopped:
            known = self.plan.progress.happened  # before it is asked: nothing is missed
            try:
                taken = self._claimed()
                if taken:
                    cool = COOL_MS[0] if self._node(taken, cool) else min(2 * cool, COOL_MS[1])
                elif self.plan.schedule.over:
                    return
                else:
                    self._idle(known)
            except OrchestratorError as error:
                self.trouble = error
            except Exception as error:  # noqa: BLE001 the other lanes must hear of it
                self.trouble = OrchestratorError(f"{type(error).__name__}: {error}; this is a bug")

    def _claimed(self) -> list[int]:
        """Take what is next; a lock that is busy for long is no reason to stop."""
        try:
            return self.plan.claim(self.worker)
        except TryLaterError as error:
            self.hands.context.tell(str(error))
            return []

    def _idle(self, known: int) -> None:
        """Wait for news, or for the moment at which something may begin."""
        until = self.plan.schedule.next_ms(clock.now_ms())
        while not self.stopped:
            self.plan.follow()
            late = until is not None and clock.now_ms() >= until
            if late or self.plan.progress.happened != known:
                return
            time.sleep(LOOK_S)

    def _node(self, places: list[int], cool_ms: int) -> bool:
        """See to one node, or to several that share a call; False where there is no room."""
        plan, first = self.plan, places[0]
        nodes = [plan.node(place) for place in places]
        try:
            decided = self.hands.decide(plan, places, nodes)
        except TryLaterError as error:
            return self._later(places, error)
        except (StorageError, CredentialsError):
            self._return(places)
            raise
        except OrchestratorError as error:
            self._refused(places, str(error))
            return True
        if decided.dispatch is None:
            self._return(places[1:])
            if len(places) > 1 and not plan.header["wait"]:
                plan.give_back(first, single=True)
            else:
                self._no_room(first, nodes[0], decided, cool_ms)
            return False
        other = decided.provider != plan.schedule.provider[first]
        if other and not plan.move(places, decided.provider):
            return True
        granted = self._granted(first, decided)
        if granted is None:
            self._return(places[1:])
            return True
        self._run(places, nodes, granted)
        return True

    def _granted(self, first: int, decided: Decided) -> Dispatch | None:
        """Hold what a node may spend of the plan's ceiling; None where it has to wait, or can't."""
        dispatch, plan = decided.dispatch, self.plan
        ceiling = plan.header["max_cost_micro_usd"]
        if dispatch is None or ceiling is None or not decided.need_micro_usd:
            return dispatch
        if plan.left() < decided.least_micro_usd:
            least = decided.least_micro_usd / MICRO
            self._refused([first], f"it may cost ${least:.4f}, more than is left of --max-cost")
            return None
        own, need = dispatch.wishes.max_cost_usd, decided.need_micro_usd
        need = need if own is None else min(need, round(own * MICRO))
        given = plan.allot(first, min(need, plan.left()))
        if given is None:
            plan.cool(plan.schedule.provider[first], clock.now_ms() + BUSY_MS)
            return None
        return dispatch._replace(wishes=dispatch.wishes._replace(max_cost_usd=given / MICRO))

    def _run(self, places: list[int], nodes: Sequence[Node], dispatch: Dispatch) -> None:
        plan, context = self.plan, self.hands.listening(places[0], dispatch.given)
        rows: list[tuple[int, Json]] = []

        def written(line: Json, answer: str) -> list[Json]:
            rows[:] = self._rows(places, nodes, line, answer, context.secrets)
            return [row for _, row in rows]

        dispatch = dispatch._replace(
            rows=written, results=plan.folder.results, queues=self._is_last(places)
        )
        task: Task | None = None
        try:
            task = Task(context, dispatch)
            result = task.run()
        except GitError as error:
            self._refused(places, str(error), _spent(task))
            return
        except TryLaterError as error:
            self._later(places, error, _spent(task))
            return
        except OrchestratorError:
            self._return(places, _spent(task))
            raise
        if result.storage_error is not None:
            # What is missing is added when the batch goes on.
            self.trouble = StorageError(result.storage_error)
            return
        for place, row in rows:
            plan.end(place, row)
        done = {place for place, _ in rows}
        left = [place for place in places if place not in done]
        if left:
            share = len(left) / len(places)
            self._not_over(left, result, share, packed=len(places) > 1)

    def _not_over(
        self, places: Sequence[int], result: Result, share: float, *, packed: bool
    ) -> None:
        """Let nodes wait for the end of a wall, or be run anew: alone, where a call was shared.

        `share` is theirs of what the call cost.
        """
        done = result.line["execution_metrics"]
        money = {n: share * _money(done, n) for n in ("cost_usd", "cost_notional_usd")}
        late = self.plan.progress.tries[places[0]] + 1 >= MOST_TRIES
        alone = packed and (late or not self.plan.header["wait"])
        if alone or not self._may_pass(done):
            single = packed and done["status"] != "interrupted"
            for place in places:
                self.plan.give_back(place, single=single, **money)
                money = {}
            return
        now_ms = clock.now_ms()
        for place in places:
            tries = self.plan.progress.tries[place]
            until = now_ms + min(TRIES_MS[0] * 2**tries, TRIES_MS[1])
            if done["retry_at"] is not None:
                until = max(now_ms + BUSY_MS, clock.parse(done["retry_at"]))
            if done["error_class"] == NO_ROOM:  # nothing was sent: calls that run may hold the room
                until = min(until, now_ms + BUSY_MS * 4**tries)
            self.plan.hold(place, until, why=done["error"] or "", tried=True, **money)
            money = {}

    def _rows(
        self,
        places: Sequence[int],
        nodes: Sequence[Node],
        line: Json,
        answer: str,
        secrets: Sequence[str],
    ) -> list[tuple[int, Json]]:
        """Write the results of what is over with this dispatch."""
        plan, done = self.plan, line["execution_metrics"]
        status = done["status"]
        if status == "interrupted" or (self._may_pass(done) and not self._is_last(places)):
            return []
        if len(places) == 1:
            row = results.row(plan, places[0], line, answer, secrets)
            never = {} if self._is_last(places) or status != "deferred" else FAILED
            return [(places[0], row | never)]
        if status != "success":
            return []
        parts = packing.split(answer, [node.task for node in nodes])
        shares = len(places)
        return [
            (place, results.row(plan, place, line, part, secrets, shares))
            for place, part in zip(places, parts, strict=True)
            if part is not None
        ]

    def _may_pass(self, done: Json) -> bool:
        """Tell whether what kept a node from its end may be over by itself.

        A limit that is smaller than one turn, for which nobody names an end, never is.
        """
        if done["error_class"] == NO_ROOM and done["retry_at"] is None:
            return False
        return bool(done["status"] == "deferred" or done["error_class"] == OVERLOADED)

    def _is_last(self, places: Sequence[int]) -> bool:
        """Tell whether a node that finds no room does not wait for it here; several always do."""
        late = self.plan.progress.tries[places[0]] + 1 >= MOST_TRIES
        return len(places) == 1 and (late or not self.plan.header["wait"])

    def _no_room(self, place: int, node: Node, decided: Decided, cool_ms: int) -> None:
        """Let a node wait for room; one that may not, or that only a person helps, is queued."""
        now_ms, plan = clock.now_ms(), self.plan
        plan.cool(plan.schedule.provider[place], now_ms + cool_ms)
        if decided.busy:
            plan.hold(place, now_ms + BUSY_MS, why=decided.reason)
            return
        if plan.header["wait"] and decided.retry_at_ms is not None:
            plan.hold(place, max(now_ms + BUSY_MS, decided.retry_at_ms), why=decided.reason)
            return
        retry_at = None if decided.retry_at_ms is None else clock.iso(decided.retry_at_ms)
        context, line, wishes = self.hands.context, decided.line or {}, wishes_of(node)
        deferred.queue(
            context.journal, line, decided.text, wishes, context.secrets, retry_at, decided.reason
        )
        row = plan.row(place, results.DEFERRED, decided.reason)
        self._write(place, row | {"repository": line["repository"]})

    def _refused(self, places: Sequence[int], why: str, spent_usd: float = 0.0) -> None:
        for place in places:
            row = self.plan.row(place, "failed", why)
            self._write(place, row | {"cost_usd": spent_usd / len(places)})

    def _later(self, places: Sequence[int], error: OrchestratorError, spent: float = 0.0) -> bool:
        """Give nodes back because something was busy; a moment later it may be free."""
        self.hands.context.tell(str(error))
        self._return(places, spent)
        time.sleep(BUSY_MS / 1000)
        return False

    def _write(self, place: int, row: Json) -> None:
        logfile.append(self.plan.folder.results, row, fsync=self.hands.context.fsync)
        self.plan.end(place, row)

    def _return(self, places: Sequence[int], spent_usd: float = 0.0) -> None:
        for place in places:
            self.plan.give_back(place, cost_usd=spent_usd / len(places))


def _spent(task: Task | None) -> float:
    """Tell what a task that broke off has been billed, in USD."""
    return task.booking.spent_micro_usd / MICRO if task else 0.0


def _money(done: Json, name: str) -> float:
    return float(done["cost_actual" if name == "cost_usd" else name] or 0.0)
