"""Running a batch: start its workers, show what they do, see that nothing of it is lost."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping

from orchestrator import clock
from orchestrator.commands import board, screen
from orchestrator.commands.board_lines import Ended, Row, Totals
from orchestrator.commands.phrases import clock_span
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import Stopping
from orchestrator.decide import batching
from orchestrator.decide.schedule import HELD, READY, WAITING
from orchestrator.errors import OrchestratorError, TryLaterError
from orchestrator.insight import alerts
from orchestrator.records import MICRO, Json
from orchestrator.state import batches, files, inflight, journal, logfile
from orchestrator.state.batches import Folder
from orchestrator.state.journal import Journal
from orchestrator.work import recover, tally
from orchestrator.work.crew import Crew
from orchestrator.work.plan import Plan

TICK_S = 0.1
SETTLE_S = 15.0  # for workers to cancel what runs and settle it
IDLE_STARTS = 3  # of workers that all ended without having done anything
PART_FAILED = 6
STOPPING = "stopping: what runs is cancelled and settled; again: at once"
TROUBLE = "stopping: what runs is cancelled and settled"


class Watch:
    """One run of a batch."""

    def __init__(
        self, session: Session, folder: Folder, stopping: Stopping, *, quiet: bool
    ) -> None:
        """Open the plan, with all that died before taken in; the batch must be held."""
        self.session, self.folder, self.stopping = session, folder, stopping
        self.quiet, self.trouble = quiet, (0, "")
        self.log = Journal(session.at.logs, fsync=bool(session.config.settings["fsync"]))
        _wait_for_workers(folder)
        self.plan = Plan(folder)
        self.plan.began(parallel=self.plan.header["parallel"])
        self._mend(counts=False)
        self.board = board.board(quiet=quiet)
        self.pace = tally.Pace(self.plan)
        self.doing: dict[int, str] = {}
        self._results_at = logfile.size_of(folder.results)
        self._alerts_at = logfile.size_of(self.log.path(journal.ALERTS))
        self._looked = self._asked = 0.0
        self._left: float | None = None

    def run(self) -> int:
        """Run to the end, or until told to stop; returns the exit code."""
        self.board.start()
        try:
            self._rounds()
        finally:
            self.board.stop()
        self._mend(counts=False)
        self._news()
        return self._ended()

    def _rounds(self) -> None:
        """Start workers as long as there is work; when all of them die, others take over."""
        idle = 0
        while not (self.plan.schedule.over or self.stopping.heard or self.trouble[0]):
            before = self.plan.schedule.counts.copy()
            self._round()
            self._mend(counts=not (self.stopping.heard or self.trouble[0]))
            same = before == self.plan.schedule.counts
            idle = idle + 1 if same else 0
            if idle >= IDLE_STARTS:
                told = f"its workers end at once; see {self._worker_log()}"
                self.trouble = (TryLaterError.exit_code, told)

    def _round(self) -> None:
        """Start the workers once, and follow them until the last has ended."""
        crew = Crew(
            self.folder.batch,
            self.plan.header["parallel"],
            _environment(self.session, self.folder),
            self._worker_log(),
        )
        told_s = 0.0
        try:
            while not crew.gone:
                for said in crew.heard(TICK_S):
                    self._heard(said)
                if (self.stopping.heard or self.trouble[0]) and not told_s:
                    told_s = time.monotonic()
                    crew.stop()
                    self.board.say(STOPPING if self.stopping.heard else TROUBLE)
                late = told_s and time.monotonic() - told_s > SETTLE_S
                if len(self.stopping.heard) > 1 or late:
                    crew.kill()
                self._look()
        finally:
            crew.end()

    def _heard(self, said: Json) -> None:
        if "place" in said:
            self.doing[int(said["place"])] = str(said.get("doing", ""))
        elif "trouble" in said:
            self.trouble = (int(said["code"]), str(said["trouble"]))
        elif "notice" in said:
            self.board.say(str(said["notice"]))

    def _look(self) -> None:
        """Take in what happened, and show it; once a second see to workers that died."""
        self.plan.follow()
        self.plan.schedule.wake(clock.now_ms())
        self._news()
        now = time.monotonic()
        if now - self._looked > 1.0:
            self._looked = now
            with contextlib.suppress(TryLaterError):  # what is busy now is looked at again
                if self.plan.dead():
                    self._mend(counts=True)
            self._alert()
        rows = [
            Row(place + 1, self.plan.entries[place].title, self.doing.get(place, ""), since)
            for place, since in self._running(now)
        ]
        self.board.show(rows, self._totals())

    def _running(self, now: float) -> list[tuple[int, float]]:
        now_ms = clock.now_ms()
        return [
            (place, now - max(0, now_ms - self.plan.progress.since_ms[place]) / 1000)
            for place in list(self.plan.progress.worker)
        ]

    def _mend(self, *, counts: bool) -> None:
        """Recover the tasks whose workers died, and let their nodes be run anew."""
        at, config = self.session.at, self.session.all_providers
        self.plan.follow()
        dead = self.plan.dead()  # before: who dies from now on is recovered the next time
        recovered = recover.run(at.state, at.logs, config)
        running = {
            steps[0]["line"]["node_id"]
            for steps in inflight.peeked(at.state)
            if steps and steps[0]["line"].get("run_id") == self.folder.batch
        }
        self.plan.mend(dead, recovered, running, counts=counts)

    def _news(self) -> None:
        """Tell of every result that came since the last time."""
        for line in logfile.complete_lines(self.folder.results, self._results_at):
            self._results_at += len(line)
            with contextlib.suppress(ValueError, KeyError):
                row = json.loads(line)
                self.doing.pop(row["number"] - 1, None)
                self.board.ended(ended_of(row))

    def _alert(self) -> None:
        """Warn of budgets, and tell what workers told of accounts."""
        with contextlib.suppress(OrchestratorError):
            config, now_ms = self.session.all_providers, clock.now_ms()
            state, say = self.session.at.state, self.board.say
            for line in logfile.complete_lines(self.log.path(journal.ALERTS), self._alerts_at):
                self._alerts_at += len(line)
                say(_alert_of(line))
            alerts.raised(state, self.log, config, say, now_ms)
            self._alerts_at = logfile.size_of(self.log.path(journal.ALERTS))

    def _totals(self) -> Totals:
        plan, counts = self.plan, self.plan.schedule.counts
        return Totals(
            done=counts["done"],
            failed=counts["failed"],
            running=counts["running"],
            waiting=counts[WAITING] + counts[READY] + counts[HELD],
            total=len(plan.entries),
            spent_usd=plan.progress.spent / MICRO,
            plan_usd=plan.progress.on_plan / MICRO,
            left_usd=self._left_usd(),
            eta_s=self.pace.eta_s(),
            note=self._note(),
        )

    def _left_usd(self) -> float | None:
        """Tell what is left of the ceiling, else of the tightest budget as of two seconds ago."""
        ceiling = self.plan.header["max_cost_micro_usd"]
        if ceiling is not None:
            return float(max(0, ceiling - self.plan.progress.spent) / MICRO)
        if time.monotonic() - self._asked > 2.0:
            self._asked = time.monotonic()
            with contextlib.suppress(OrchestratorError):
                totals = self.session.world(clock.now_ms()).totals
                left = batching.left_micro_usd(totals).values()
                self._left = min(left, default=None)
                self._left = None if self._left is None else self._left / MICRO
        return self._left

    def _note(self) -> str:
        """Say what is waited for."""
        counts = self.plan.schedule.counts
        if not counts[HELD]:
            return ""
        until = min(self.plan.schedule.until.values(), default=0)
        span = clock_span(max(0.0, (until - clock.now_ms()) / 1000))
        return f"{counts[HELD]} wait for room, the first for {span}"

    def _ended(self) -> int:
        """Write the summary; returns the exit code."""
        counts, code = self.plan.schedule.counts, 0
        if self.stopping.heard:
            code = 128 + self.stopping.heard[0]
        elif self.trouble[0]:
            code = self.trouble[0]
        elif counts["done"] < len(self.plan.entries):
            code = PART_FAILED
        document = tally.summary(self.plan, "over" if self.plan.schedule.over else "stopped")
        files.replace(self.folder.summary, document)
        if self.trouble[1]:
            screen.error(self.trouble[1])
        return code

    def _worker_log(self) -> str:
        return os.path.join(self.folder.private, "workers.log")


def ended_of(row: Json) -> Ended:
    """Write a result as the board shows it."""
    note = row.get("error") or ""
    if row.get("branch"):
        changed = (row.get("diffstat") or "").strip().splitlines()
        note = f"{row['branch']}: {changed[-1].strip() if changed else 'unchanged'}"
    return Ended(
        number=row["number"],
        title=row["title"],
        ok=row["status"] == "success",
        word=row["outcome"],
        provider=row.get("provider") or "",
        model=row.get("model") or "",
        seconds=row["seconds"],
        cost_usd=_cost(row),
        note=note,
    )


def _cost(row: Json) -> float | None:
    billed, notional = row["cost_usd"], row["cost_notional_usd"]
    return None if billed is None and notional is None else (billed or 0.0) + (notional or 0.0)


def _alert_of(line: bytes) -> str:
    """Write an alert on a line; those of budgets are told by whoever raises them."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        alert = json.loads(line)
        if alert["kind"] == "budget":
            return "; ".join(text.strip() for text in alerts.described(alert))
        until = f", until {alert['retry_at']}" if alert["retry_at"] else ""
        return f"{alert['provider']}: {alert['kind']}: {alert['reason']}{until}; {alert['advice']}"
    return "an alert could not be read"


def _environment(session: Session, folder: Folder) -> Mapping[str, str]:
    """Make the environment of workers: with the configuration that the batch began with."""
    return {
        **os.environ,
        "ORCHESTRATE_CONFIG": folder.config,
        "ORCHESTRATE_STATE": session.at.state,
        "ORCHESTRATE_LOGS": session.at.logs,
    }


def _living(folder: Folder) -> Iterator[str]:
    return (name for name in batches.workers(folder) if batches.worker_lives(folder, name))


def _wait_for_workers(folder: Folder) -> None:
    """Let the workers of an earlier run settle; raises TryLaterError when they do not end."""
    until = time.monotonic() + SETTLE_S
    while any(_living(folder)):
        if time.monotonic() > until:
            raise TryLaterError(f"batch {folder.batch}: workers of an earlier run do not end")
        time.sleep(TICK_S)
    for name in batches.workers(folder):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder.private, "workers", name))
