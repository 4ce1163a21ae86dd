"""What has happened to the nodes of a plan, one event after the other.

Every process that follows the same events knows the same. Money is in micro-USD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.decide.schedule import RUNNING, Item, Schedule
from orchestrator.records import MICRO, Json

SUCCESS = "success"


class Progress:
    """The schedule of a plan, and what its nodes cost and came to."""

    def __init__(self, items: Sequence[Item], caps: Mapping[str, int], spent: int) -> None:
        """Begin with nothing done; `spent` is what the plan cost before its first node."""
        self.schedule = Schedule(items, caps)
        self.spent, self.on_plan = spent, 0
        self.seconds = 0.0  # of all that was run
        self.allotted: dict[int, int] = {}  # that running nodes may spend
        self.worker: dict[int, str] = {}  # of what runs
        self.since_ms: dict[int, int] = {}
        self.tries = [0] * len(items)
        self.lost = [0] * len(items)
        self.single: set[int] = set()  # not to be packed again
        self.told: set[tuple[str | None, int]] = set()  # results that are known: task, place
        self.outcome: dict[int, str] = {}  # of what is over
        self.branch: dict[int, tuple[str, str]] = {}  # repository and branch that hold its changes
        self.happened = self.runs = 0
        self.wall_ms = 0  # from the begin of each run to the last that happened in it
        self._last_ms = 0
        self._on = {
            "began": self._began,
            "claimed": self._claimed,
            "moved": self._moved,
            "allotted": self._allotted,
            "reopened": self._reopened,
            "returned": self._returned,
            "lost": self._lost,
            "held": self._held,
            "ended": self._ended,
        }

    def apply(self, record: Json) -> None:
        """Let one thing have happened; raises KeyError for what is no event."""
        happen = self._on[record["event"]]
        if record["event"] != "began":
            self.wall_ms += max(0, record["at_ms"] - self._last_ms)
        self._last_ms = record["at_ms"]
        happen(record["place"], record)
        self.happened += 1

    def _began(self, _place: int, _record: Json) -> None:
        self.runs += 1

    def _claimed(self, place: int, record: Json) -> None:
        self.worker[place], self.since_ms[place] = record["worker"], record["at_ms"]
        self.schedule.claimed(place, beside=record.get("beside", False))

    def _moved(self, place: int, record: Json) -> None:
        self.schedule.moved(place, record["provider"])

    def _allotted(self, place: int, record: Json) -> None:
        self.allotted[place] = record["micro_usd"]

    def _reopened(self, place: int, _record: Json) -> None:
        self.outcome.pop(place, None)
        self.tries[place] = self.lost[place] = 0
        self.schedule.reopened(place)

    def _returned(self, place: int, record: Json) -> None:
        self._left(place, record)
        if record.get("single"):
            self.single.add(place)
        if self.schedule.state[place] == RUNNING:
            self.schedule.returned(place)

    def _lost(self, place: int, record: Json) -> None:
        self.lost[place] += record["counts"]
        if "cost_usd" not in record:
            self.spent += self.allotted.get(place, 0)  # what nobody counted may have been spent
        self._returned(place, record)

    def _held(self, place: int, record: Json) -> None:
        self._left(place, record)
        self.tries[place] += bool(record.get("tried"))
        self.schedule.held(place, record["until_ms"])

    def _ended(self, place: int, record: Json) -> None:
        self._left(place, record)
        self.told.add((record["task_id"], place))
        self.outcome[place] = record["outcome"]
        self.branch.pop(place, None)  # of an earlier try, which was not good enough
        if record["branch"]:
            self.branch[place] = (record["repository"], record["branch"])
        self.schedule.ended(place, ok=record["status"] == SUCCESS)

    def _left(self, place: int, record: Json) -> None:
        """Nobody runs a node any more; book what it cost."""
        self.allotted.pop(place, None)
        self.worker.pop(place, None)
        self.spent += round(MICRO * (record.get("cost_usd") or 0))
        self.on_plan += round(MICRO * (record.get("cost_notional_usd") or 0))
        self.seconds += record.get("seconds") or 0.0
