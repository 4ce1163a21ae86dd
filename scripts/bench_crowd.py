"""Let many processes do the same thing as often as they can, and time each of their calls."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from typing import NamedTuple

SECONDS = 3.0


class Pace(NamedTuple):
    """How often all steps were done in a second, and what 99 of 100 steps took at most, in ms."""

    each_second: float
    p99_ms: float


def pace(processes: int, prepare: Callable[[int], list[Callable[[], None]]]) -> Pace:
    """Do the steps that `prepare(number)` makes, again and again, in so many processes at once."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(processes), context.SimpleQueue()

    def work(number: int) -> None:
        steps, taken, rounds = prepare(number), [], 0
        barrier.wait()
        began = time.perf_counter()
        while time.perf_counter() < began + SECONDS:
            for step in steps:
                before = time.perf_counter()
                step()
                taken.append(time.perf_counter() - before)
            rounds += 1
        results.put((taken, rounds / (time.perf_counter() - began)))

    workers = [context.Process(target=work, args=(number,)) for number in range(processes)]
    for worker in workers:
        worker.start()
    told = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    waits = sorted(wait for taken, _ in told for wait in taken)
    return Pace(sum(rate for _, rate in told), 1000 * waits[int(len(waits) * 0.99)])
