"""A `parallel` row holds calls that run at one time, and nothing of them afterwards."""

import multiprocessing
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS, config, empty_usage, provider, way

from orchestrator.decide import figures, limits
from orchestrator.errors import NoRoomError
from orchestrator.records import PARALLEL, Limit, Turn
from orchestrator.state import usage
from orchestrator.state.ledger import Ledger

PAYER = limits.Payer("here", "model", metered=False)
TURN, NOTHING = Turn(1, 50, 0), Turn(0, 0, 0)
PROCESSES = 6


def row(most, block=100.0, scope="provider"):
    return Limit(PARALLEL, None, None, most, block, scope)


def local(most, **fields):
    return provider("ollama", way("here", "api", "free", "none"), limits=[row(most, **fields)])


def books(folder, most):
    return Ledger(str(folder), config(local(most)))


def running(count, account="here", model="model"):
    held = {"account": account, "model": model, "metered": False, **TURN._asdict()}
    return empty_usage() | {"reservations": {str(number): held for number in range(count)}}


@given(st.integers(1, 8), st.integers(0, 12), st.floats(1, 100))
def test_a_call_may_start_below_the_gate_and_never_over_the_limit(most, count, block):
    refused = limits.admit(
        local(most, block=block), running(count), TURN, PAYER, NOW_MS, "UTC", start=True
    )
    assert (refused is not None) is (count * 100 >= block * most)
    if refused is None:
        assert count + 1 <= most
    else:
        assert refused.reason == f"{count} of {most} calls run"
        assert NOW_MS < refused.retry_at_ms <= NOW_MS + 60_000


@given(st.integers(0, 8), st.integers(0, 12))
def test_a_call_that_runs_goes_on_however_many_there_are(most, count):
    turn = Turn(1, 10_000_000, 0)
    made = local(most)
    assert limits.admit(made, running(count), turn, PAYER, NOW_MS, "UTC", start=False) is None


@pytest.mark.parametrize(
    ("scope", "free"),
    [("provider", False), ("account", True), ("model", True)],
)
def test_a_row_counts_the_calls_of_its_scope_alone(scope, free):
    others = running(1, account="elsewhere", model="another")
    found = limits.room(local(1, scope=scope), others, PAYER, NOW_MS, "UTC")
    assert (not found.blocks) is free


def test_a_settled_call_leaves_nothing_and_makes_room(tmp_path):
    ledger = books(tmp_path, 1)
    for number in range(5):
        ledger.reserve(f"call-{number}", "ollama", TURN, PAYER)
        with pytest.raises(NoRoomError, match="1 of 1 calls run"):
            ledger.reserve("one more", "ollama", TURN, PAYER)
        ledger.settle(f"call-{number}", "ollama", TURN)
    document = usage.load(str(tmp_path), local(1), int(time.time() * 1000))
    assert not any(key.startswith(PARALLEL) for key in document["windows"])
    assert not any(key.startswith(PARALLEL) for key in document)


def test_a_renewed_call_is_still_one_call(tmp_path):
    ledger = books(tmp_path, 2)
    ledger.reserve("one", "ollama", TURN, PAYER)
    for turns in range(1, 5):
        assert ledger.renew("one", "ollama", Turn(turns, 50 * turns, 0), TURN) is None
    ledger.reserve("two", "ollama", TURN, PAYER)
    with pytest.raises(NoRoomError, match="2 of 2 calls run"):
        ledger.reserve("three", "ollama", TURN, PAYER)
    assert ledger.renew("one", "ollama", Turn(5, 250, 0), TURN) is None


def test_with_force_a_call_is_over_the_limit_and_then_none_may_start(tmp_path):
    ledger = books(tmp_path, 1)
    ledger.reserve("one", "ollama", TURN, PAYER)
    ledger.reserve("two", "ollama", TURN, PAYER, force=True)
    with pytest.raises(NoRoomError, match="2 of 1 calls run"):
        ledger.reserve("three", "ollama", TURN, PAYER)


def test_the_figures_show_the_calls_that_run():
    settings = {"zone": "UTC", "poll": {"differ_percent": 20}}
    (shown,) = figures.rows(local(4), running(3), NOW_MS, settings)
    assert (shown["row"], shown["used"], shown["reserved"], shown["limit"]) == (PARALLEL, 0, 3, 4)


def work(folder, seed, most, counter):
    """Call while there is a place; return the most that ran at one time, and how many did."""
    ledger, together, made = books(folder, most), 0, 0
    for number in range(15):
        try:
            ledger.reserve(f"{seed}-{number}", "ollama", TURN, PAYER)
        except NoRoomError:
            continue
        with counter.get_lock():
            counter.value += 1
            together = max(together, counter.value)
        time.sleep(0.002)
        with counter.get_lock():
            counter.value -= 1
        ledger.settle(f"{seed}-{number}", "ollama", NOTHING)
        made += 1
    return together, made


def _set(counter):
    global COUNTER  # noqa: PLW0603 a shared value can't be handed over another way
    COUNTER = counter


def _work(folder, seed, most):
    return work(folder, seed, most, COUNTER)


@pytest.mark.parametrize("most", [1, 3])
def test_of_many_processes_no_more_than_the_limit_call_at_one_time(tmp_path, most):
    context = multiprocessing.get_context("spawn")
    counter = context.Value("i", 0)
    with context.Pool(PROCESSES, _set, (counter,)) as pool:
        given_ = [(str(tmp_path), seed, most) for seed in range(PROCESSES)]
        found = pool.starmap(_work, given_)
    assert max(together for together, _ in found) <= most
    assert sum(made for _, made in found) >= most
