"""Which node of a plan goes next: those whose dependencies are done, spread over the providers.

Higher priority first; then the provider that has most places free; then what takes longest with all
that waits for it, so that a long chain does not begin last.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WAITING, READY, RUNNING, HELD, DONE, FAILED = (
    "waiting",
    "ready",
    "running",
    "held",
    "done",
    "failed",
)
STATES = (WAITING, READY, RUNNING, HELD, DONE, FAILED)
NOBODY = 0  # places of a provider without a cap of its own: as many as run over all


class Item(NamedTuple):
    """A node as the schedule sees it; `needs` are places of others in the plan."""

    needs: tuple[int, ...]
    provider: str
    seconds: float
    priority: int = 0
    alone: str = ""  # what only one node may work in at a time; "" for none


class Schedule:
    """The state of every node of a plan; it changes by what is told to have happened."""

    def __init__(self, items: Sequence[Item], caps: Mapping[str, int]) -> None:
        """Begin with nothing done; `caps` say how many nodes of a provider may run at once."""
        self.items, self.caps = items, caps
        self.state = [WAITING] * len(items)
        self.provider = [item.provider for item in items]
        self.counts = dict.fromkeys(STATES, 0) | {WAITING: len(items)}
        self.running: dict[str, int] = {}
        self.until: dict[int, int] = {}  # of what is held, in epoch milliseconds
        self.cool: dict[str, int] = {}  # until when a provider's queue is left alone
        self._sharing: set[int] = set()  # what runs in the call of another
        self._alone: dict[str, int] = {}  # who works there
        self._beside: dict[str, list[int]] = {}  # who waits for that
        self._queues: dict[str, list[tuple[int, float, int]]] = {}
        self._held: list[tuple[int, int]] = []
        self._missing = [len(item.needs) for item in items]
        self.dependents: list[list[int]] = [[] for _ in items]
        for place, item in enumerate(items):
            for need in item.needs:
                self.dependents[need].append(place)
        self._rank = self._ranks()
        for place, missing in enumerate(self._missing):
            if not missing:
                self._ready(place)

    def wake(self, now_ms: int) -> None:
        """Make ready what has waited long enough."""
        while self._held and self._held[0][0] <= now_ms:
            until, place = heapq.heappop(self._held)
            if self.state[place] == HELD and self.until.get(place) == until:
                self._ready(place)

    def next(self, now_ms: int) -> int | None:
        """Choose the node to start now, None when none may start."""
        self.wake(now_ms)
        best: tuple[int, float, float, int] | None = None
        for provider, queue in self._queues.items():
            if self.cool.get(provider, 0) > now_ms or not self._has_place(provider):
                continue
            first = self._first(provider, queue)
            if first is None:
                continue
            cap = self.caps.get(provider) or len(self.items)
            share = self.running.get(provider, 0) / cap
            key = (-self.items[first].priority, share, -self._rank[first], first)
            best = key if best is None or key < best else best
        return best[-1] if best else None

    def next_ms(self, now_ms: int) -> int | None:
        """Tell when the clock alone will let a node start, None when only another's end can."""
        held = [until for until, place in list(self._held) if self.until.get(place) == until]
        cool = [until for name, until in list(self.cool.items()) if self._queues.get(name)]
        return min((until for until in (*held, *cool) if until > now_ms), default=None)

    @property
    def over(self) -> bool:
        """Tell whether nothing runs and nothing ever will."""
        return not (self.counts[READY] or self.counts[RUNNING] or self.counts[HELD])

    def claimed(self, place: int, *, beside: bool = False) -> None:
        """A worker took a node; one `beside` another shares its call and takes no place."""
        provider, alone = self.provider[place], self.items[place].alone
        self.until.pop(place, None)
        self._set(place, RUNNING)
        if beside:
            self._sharing.add(place)
        else:
            self.running[provider] = self.running.get(provider, 0) + 1
        if alone:
            self._alone[alone] = place

    def moved(self, place: int, provider: str) -> None:
        """A node goes to another provider than was planned."""
        if self.state[place] == RUNNING and place not in self._sharing:
            self.running[self.provider[place]] -= 1
            self.running[provider] = self.running.get(provider, 0) + 1
        self.provider[place] = provider
        if self.state[place] == READY:
            self._push(place)

    def returned(self, place: int) -> None:
        """A node that was taken is ready again."""
        self._left(place)
        self._ready(place)

    def held(self, place: int, until_ms: int) -> None:
        """A node that was taken waits until a moment."""
        self._left(place)
        self.until[place] = until_ms
        self._set(place, HELD)
        heapq.heappush(self._held, (until_ms, place))

    def ended(self, place: int, *, ok: bool) -> None:
        """A node is over; with it done, others may be ready."""
        self._left(place)
        before = self.state[place]
        self._set(place, DONE if ok else FAILED)
        if ok and before != DONE:
            for other in self.dependents[place]:
                self._missing[other] -= 1
                if not self._missing[other] and self.state[other] == WAITING:
                    self._ready(other)

    def reopened(self, place: int) -> None:
        """A node that failed is to be tried once more."""
        if self.state[place] == FAILED:
            self._set(place, WAITING)
            if not self._missing[place]:
                self._ready(place)

    def behind(self, place: int) -> list[int]:
        """List what waits for a node, directly or not: it can't run when that one failed."""
        found, todo = [], [place]
        seen = {place}
        while todo:
            for other in self.dependents[todo.pop()]:
                if other not in seen and self.state[other] == WAITING:
                    seen.add(other)
                    found.append(other)
                    todo.append(other)
        return sorted(found)

    def left_s(self) -> float:
        """Sum the seconds that are expected of all that is not over."""
        return sum(
            item.seconds
            for item, state in zip(self.items, self.state, strict=True)
            if state not in (DONE, FAILED)
        )

    def _ready(self, place: int) -> None:
        self.until.pop(place, None)
        self._set(place, READY)
        self._push(place)

    def _push(self, place: int) -> None:
        queue = self._queues.setdefault(self.provider[place], [])
        heapq.heappush(queue, (-self.items[place].priority, -self._rank[place], place))

    def _first(self, provider: str, queue: list[tuple[int, float, int]]) -> int | None:
        """Look at the first node of a queue that may start; what is in it twice is dropped."""
        while queue:
            place = queue[0][-1]
            stale = self.state[place] != READY or self.provider[place] != provider
            alone = self.items[place].alone
            if not stale and alone not in self._alone:
                return place
            heapq.heappop(queue)
            if not stale:
                self._beside.setdefault(alone, []).append(place)
        return None

    def _has_place(self, provider: str) -> bool:
        cap = self.caps.get(provider, NOBODY)
        return not cap or self.running.get(provider, 0) < cap

    def _left(self, place: int) -> None:
        if self.state[place] != RUNNING:
            return
        if place in self._sharing:
            self._sharing.remove(place)
        else:
            self.running[self.provider[place]] -= 1
        alone = self.items[place].alone
        if alone and self._alone.get(alone) == place:
            del self._alone[alone]
            for other in self._beside.pop(alone, ()):
                if self.state[other] == READY:
                    self._push(other)

    def _set(self, place: int, state: str) -> None:
        self.counts[self.state[place]] -= 1
        self.counts[state] += 1
        self.state[place] = state

    def _ranks(self) -> list[float]:
        """Tell for each node how long it takes with the longest chain of what waits for it."""
        left = [len(others) for others in self.dependents]
        rank = [item.seconds for item in self.items]
        todo = [place for place, count in enumerate(left) if not count]
        while todo:
            place = todo.pop()
            for need in self.items[place].needs:
                rank[need] = max(rank[need], self.items[need].seconds + rank[place])
                left[need] -= 1
                if not left[need]:
                    todo.append(need)
        return rank
