"""Many at once on the same books: never over the limit, and no room left unused."""

import multiprocessing
import random
from concurrent.futures import ThreadPoolExecutor

from test_ledger import PAYER, TURN, books, spent_and_reserved
from world import MICRO

from orchestrator.errors import NoRoomError
from orchestrator.records import Turn

PROCESSES = 8


def spend(folder, seed, tries, *, settles):
    """Reserve as often as there is room, settling some; return how much was granted."""
    ledger, draw, granted = books(folder), random.Random(seed), 0
    for number in range(tries):
        try:
            ledger.reserve(f"{seed}-{number}", "codex", TURN, PAYER)
        except NoRoomError:
            continue
        granted += 1
        if settles and draw.random() < 0.7:
            ledger.settle(f"{seed}-{number}", "codex", Turn(1, 10, draw.randint(0, 30_000)))
    return granted


def test_eight_processes_never_take_more_than_the_limit_and_leave_no_room_unused(tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = [(str(tmp_path), seed, 12) for seed in range(PROCESSES)]
    with context.Pool(PROCESSES) as pool:
        waiting = [pool.apply_async(spend, given, {"settles": False}) for given in arguments]
        ledger, most = books(tmp_path), 0
        while not all(result.ready() for result in waiting):
            most = max(most, spent_and_reserved(ledger))
        granted = [result.get() for result in waiting]
    assert max(most, spent_and_reserved(ledger)) <= 0.5 * MICRO
    assert sum(granted) == 500_000 // TURN.cost_micro_usd == 16


def test_threads_that_settle_in_between_never_take_more_than_the_limit(tmp_path):
    with ThreadPoolExecutor(PROCESSES) as pool:
        waiting = [
            pool.submit(spend, tmp_path, seed, 12, settles=True) for seed in range(PROCESSES)
        ]
        ledger, most = books(tmp_path), 0
        while not all(result.done() for result in waiting):
            most = max(most, spent_and_reserved(ledger))
        granted = sum(result.result() for result in waiting)
    assert max(most, spent_and_reserved(ledger)) <= 0.5 * MICRO
    assert granted >= 16
