"""A plan on the disk: its nodes, what happened to each, and who may take the next one.

What happened is a log, `progress.jsonl`; every worker follows it. A node is taken under the lock of
the plan: read on, choose, write. Results are the proof that a node is done: what the log lacks of
them, because a process was killed, is added when the batch goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator import clock
from orchestrator.decide import batching
from orchestrator.decide.progress import SUCCESS, Progress
from orchestrator.decide.schedule import FAILED, READY, Item
from orchestrator.errors import StorageError
from orchestrator.records import Json, Node, Wishes
from orchestrator.state import batches, locks, logfile
from orchestrator.state.batches import Folder

PATIENCE_S = 60.0  # with the lock of a plan: each holds it for milliseconds
SKIPPED = "skipped"
MOST_LOST = 3  # deaths of its worker after which a node is not tried again
MOST_PACKED, MOST_PACKED_BYTES = 8, 16_384
# What the log holds of a result.
_TOLD = (
    "task_id", "status", "outcome", "seconds", "cost_usd", "cost_notional_usd", "branch",
    "repository",
)  # fmt: skip


class Entry(NamedTuple):
    """A node in the plan: who it is, and where its text is."""

    node: str
    key: str
    title: str
    at: int
    cost_micro_usd: int  # expected, of what is billed
    pack: str  # nodes with the same may share a call; "" for none


class Plan:
    """The nodes of a batch and their state, as one process knows it."""

    def __init__(self, folder: Folder) -> None:
        """Read the plan and follow what has happened; raises StorageError."""
        self.folder, self.header = folder, batches.header(folder)
        self.entries: list[Entry] = []
        items: list[Item] = []
        for line in logfile.complete_lines(folder.plan):
            row = json.loads(line)
            self.entries.append(Entry(*(row[name] for name in Entry._fields)))
            items.append(Item(tuple(row["needs"]), *(row[name] for name in Item._fields[1:])))
        if len(items) != self.header["nodes"]:
            raise StorageError(f"{folder.plan}: is cut off; start the batch again")
        self.caps = caps_of(self.header)
        self.progress = Progress(items, self.caps, self.header["spent_micro_usd"])
        self.schedule = self.progress.schedule
        self.place_of = {entry.node: place for place, entry in enumerate(self.entries)}
        self._packs: dict[str, list[int]] = {}
        for place, entry in enumerate(self.entries):
            if entry.pack:
                self._packs.setdefault(entry.pack, []).append(place)
        self._at, self._lock = 0, threading.RLock()
        self.follow()

    def node(self, place: int) -> Node:
        """Read the text and options of a node; raises StorageError."""
        for line in logfile.complete_lines(self.folder.tasks, self.entries[place].at):
            return node_of(line)
        raise StorageError(f"{self.folder.tasks}: is cut off; start the batch again")

    def follow(self) -> None:
        """Take in what others wrote."""
        with self._lock:
            if logfile.size_of(self.folder.progress) <= self._at:
                return
            for line in logfile.complete_lines(self.folder.progress, self._at):
                self._at += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
                    self.progress.apply(json.loads(line))

    def claim(self, worker: str) -> list[int]:
        """Take the next node, with those that may share its call; empty when none may start."""
        with self._changing():
            place = self.schedule.next(clock.now_ms())
            if place is None:
                return []
            taken = [place, *self._beside(place)]
            for each in taken:
                self._tell("claimed", each, worker=worker, beside=each != place)
            return taken

    def move(self, places: Sequence[int], provider: str) -> bool:
        """Give taken nodes to another provider; where it is full they are ready again: False."""
        with self._changing():
            cap = self.schedule.caps.get(provider)
            full = bool(cap) and self.schedule.running.get(provider, 0) >= (cap or 0)
            for place in places:
                if full:
                    self._tell("returned", place)
                self._tell("moved", place, provider=provider)
            return not full

    def left(self) -> int:
        """Tell what is not spent of the plan's ceiling, in micro-USD."""
        with self._lock:
            return max(0, int(self.header["max_cost_micro_usd"]) - self.progress.spent)

    def allot(self, place: int, most: int) -> int | None:
        """Hold money of the plan's ceiling for a node, in micro-USD; returns how much it is given.

        Never more than the ceiling is spent and held. None: it is ready again, and waits for what
        others hold, because some of that may come back.
        """
        with self._changing():
            held = sum(self.progress.allotted.values())
            given = min(most, max(0, self.left() - held))
            if given < most and held:
                self._tell("returned", place)
                return None
            self._tell("allotted", place, micro_usd=given)
            return given

    def give_back(self, place: int, **facts: object) -> None:
        """Make a taken node ready again."""
        with self._changing():
            self._tell("returned", place, **facts)

    def hold(self, place: int, until_ms: int, **facts: object) -> None:
        """Let a taken node wait until a moment."""
        with self._changing():
            self._tell("held", place, until_ms=until_ms, **facts)

    def end(self, place: int, row: Json) -> None:
        """Note that a node is over, as its result says; what waits for it in vain is skipped."""
        with self._changing():
            self._ended(place, row)
            if row["status"] != SUCCESS:
                self._skip(place)

    def bases(self, place: int, repository: str) -> tuple[str, ...]:
        """List the branches that a node builds on: of the nearest that changed anything."""
        with self._lock:
            found: dict[str, None] = {}
            todo, seen = list(reversed(self.schedule.items[place].needs)), set()
            while todo:
                need = todo.pop()
                if need in seen:
                    continue
                seen.add(need)
                where, branch = self.progress.branch.get(need, ("", ""))
                if branch and where == repository:
                    found[branch] = None
                else:
                    todo += reversed(self.schedule.items[need].needs)
            return tuple(found)

    def passed(self) -> dict[str, list[str]]:
        """List the branches whose changes passed their check, by repository, in order."""
        found: dict[str, list[str]] = {}
        told = ("verified", "branch", "repository")
        rows = {row["node_id"]: tuple(map(row.get, told)) for row in self._results()}
        for entry in self.entries:
            verified, branch, repository = rows.get(entry.node, (None, None, None))
            if verified == "passed" and branch and repository:
                found.setdefault(repository, []).append(branch)
        return found

    def answers(self, place: int) -> list[Json]:
        """Read the results of those that a node depends on, in their order."""
        needs = {self.entries[need].node: need for need in self.schedule.items[place].needs}
        rows = self._results(list(needs))
        found = {row["node_id"]: row for row in rows if row["node_id"] in needs}
        return [found[node] for node in needs if node in found]

    def answer_of(self, key: str) -> str:
        """Read the answer of a node by its key, empty where there is none."""
        nodes = [entry.node for entry in self.entries if entry.key == key]
        rows = [row for row in self._results(nodes) if row["node_id"] in nodes]
        return str(rows[-1]["answer"]) if rows else ""

    def cool(self, provider: str, until_ms: int) -> None:
        """Leave a provider's queue alone for a while, in this process."""
        with self._lock:
            self.schedule.cool[provider] = until_ms

    def reopen_failed(self) -> int:
        """Make what failed, was deferred or skipped ready once more; returns how many."""
        with self._changing():
            places = [p for p, state in enumerate(self.schedule.state) if state == FAILED]
            for place in places:
                self._tell("reopened", place)
            return len(places)

    def began(self, *, parallel: int) -> None:
        """Note that a run of the batch begins."""
        with self._changing():
            self._tell("began", 0, parallel=parallel)

    def dead(self) -> set[str]:
        """Name the workers that died with a node in their hands."""
        with self._lock:
            owners = set(self.progress.worker.values())
        return {each for each in owners if not batches.worker_lives(self.folder, each)}

    def mend(
        self, dead: set[str], recovered: Sequence[Json], running: set[str], *, counts: bool
    ) -> None:
        """Take in the results that the log lacks, and free what workers had that were `dead`.

        For whoever runs the batch, with the decision lines of dead tasks that were recovered since:
        they tell what those cost. A node that is among the `running`, whose task somebody else
        recovers in this moment, is left to the next time. A node that `counts` its workers'
        deaths, where the batch itself lived on, is not given to more than three.
        """
        with self._changing():
            for row in self._results():
                place = self.place_of.get(row["node_id"])
                if place is not None and (row["task_id"], place) not in self.progress.told:
                    self._ended(place, row)
            for place, worker in list(self.progress.worker.items()):
                if worker in dead and self.entries[place].node not in running:
                    done = self._cost_of(place, recovered)
                    self._tell("lost", place, counts=counts, **done)
                    if self.progress.lost[place] >= MOST_LOST:
                        row = self.row(place, "failed", f"its worker died {MOST_LOST} times")
                        logfile.append(self.folder.results, row)
                        self._ended(place, row)
            for place, state in enumerate(self.schedule.state):
                if state == FAILED:
                    self._skip(place)

    def _cost_of(self, place: int, recovered: Sequence[Json]) -> Json:
        """Find what a dead task of a node cost; nothing where somebody else recovered it."""
        mine = (self.folder.batch, self.entries[place].node)
        for line in recovered:
            if (line.get("run_id"), line.get("node_id")) == mine:
                done = line["execution_metrics"]
                named = {"cost_usd": "cost_actual", "cost_notional_usd": "cost_notional_usd"}
                return {name: done[of] for name, of in named.items()}
        return {}

    def _beside(self, place: int) -> list[int]:
        """List the ready nodes that may share a node's call."""
        pack = self.entries[place].pack
        if not pack or place in self.progress.single:
            return []
        size, found = 0, list[int]()
        for other in self._packs[pack]:
            if (
                other == place
                or other in self.progress.single
                or self.schedule.state[other] != READY
            ):
                continue
            size += self._size(other)
            if size > MOST_PACKED_BYTES or len(found) + 1 >= MOST_PACKED:
                break
            found.append(other)
        return found

    def _size(self, place: int) -> int:
        last = place + 1 == len(self.entries)
        end = logfile.size_of(self.folder.tasks) if last else self.entries[place + 1].at
        return end - self.entries[place].at

    def _results(self, among: Sequence[str] | None = None) -> Iterator[Json]:
        """Yield the results, or those of some nodes alone: what is not looked at is not parsed."""
        needles = None if among is None else [node.encode() for node in among]
        for line in logfile.complete_lines(self.folder.results):
            if needles is not None and not any(needle in line for needle in needles):
                continue
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and "node_id" in row:
                    yield row

    def _ended(self, place: int, row: Json) -> None:
        self._tell("ended", place, **{name: row[name] for name in _TOLD})

    def _skip(self, place: int) -> None:
        """Note what waits for a failed node, directly or not, as skipped."""
        for other in self.schedule.behind(place):
            because = self.entries[place].key or self.entries[place].node
            row = self.row(other, SKIPPED, f"it depends on {because}, which was not done")
            logfile.append(self.folder.results, row, fsync=False)
            self._ended(other, row)

    def row(self, place: int, status: str, error: str) -> Json:
        """Write the result of a node for which nothing was run."""
        entry = self.entries[place]
        return {
            "schema": batches.SCHEMA,
            "timestamp": clock.iso(clock.now_ms()),
            "run_id": self.folder.batch,
            "node_id": entry.node,
            "id": entry.key or None,
            "number": place + 1,
            "title": entry.title,
            "task_id": None,
            "status": status,
            "outcome": status,
            "answer": "",
            "seconds": 0.0,
            "cost_usd": 0.0,
            "cost_notional_usd": 0.0,
            "branch": None,
            "repository": None,
            "error": error,
        }

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock of the plan, knowing all that has happened."""
        path = os.path.join(self.folder.private, "plan.lock")
        with self._lock, locks.flocked(path, PATIENCE_S):
            self.follow()
            yield

    def _tell(self, event: str, place: int, **facts: object) -> None:
        record = {"at_ms": clock.now_ms(), "event": event, "place": place, **facts}
        logfile.append(self.folder.progress, record, fsync=False)
        self.follow()


def caps_of(header: Json) -> dict[str, int]:
    """Tell how many nodes of each provider run at once, as the header of a plan says."""
    sizes, asked = header["sizes"], header["asked"]
    return batching.caps(sizes, asked, header["parallel"], header["providers"])


def node_of(line: bytes) -> Node:
    """Read a node as the plan keeps it."""
    row = json.loads(line)
    return Node(**{**row, "depends_on": tuple(row["depends_on"])})


def wishes_of(node: Node) -> Wishes:
    """Read the options of a node."""
    told: Json = {n: tuple(v) if type(v) is list else v for n, v in node.options.items()}
    return Wishes(**told)
