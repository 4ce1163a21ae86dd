"""Let many processes do the same thing as often as they can, and time each of their calls."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from typing import NamedTuple

SECONDS = 3.0


class Pace(NamedTuple):
    """How often it was done in a second, and how long 99 of 100 calls waited at most, in ms."""

    each_second: float
    p99_ms: float


def pace(processes: int, prepare: Callable[[int], Callable[[], None]]) -> Pace:
    """Call what `prepare(number)` makes, in so many processes at once; forks."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(processes), context.SimpleQueue()

    def work(number: int) -> None:
        act, taken = prepare(number), []
        barrier.wait()
        ends = time.perf_counter() + SECONDS
        while (began := time.perf_counter()) < ends:
            act()
            taken.append(time.perf_counter() - began)
        results.put(taken)

    workers = [context.Process(target=work, args=(number,)) for number in range(processes)]
    for worker in workers:
        worker.start()
    waits = sorted(wait for _ in workers for wait in results.get())
    for worker in workers:
        worker.join()
    return Pace(len(waits) / SECONDS, 1000 * waits[int(len(waits) * 0.99)])
