"""Sliding windows: never more than the limit in any real window, and hardly less."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import NOW_MS, limit

from orchestrator.decide import windows

ROW = limit(window_s=60, amount=100)

calls = st.lists(
    st.tuples(st.integers(0, 30_000), st.integers(1, 60)), min_size=1, max_size=120
)  # (milliseconds since the call before, amount)


def admitted(row, timeline):
    """Replay calls, each admitted when it fits, and return those that were."""
    window, now_ms, taken = {}, NOW_MS, []
    for wait_ms, amount in timeline:
        now_ms += wait_ms
        if windows.used(window, row, now_ms, "UTC") + amount <= row.limit:
            window = windows.add(window, row, amount, now_ms, now_ms, "UTC")
            taken.append((now_ms, amount))
    return taken


def most_in_any_window(taken, span_ms):
    """Sum the calls of the fullest window; the fullest begins with a call."""
    return max(
        (
            sum(amount for at, amount in taken if start <= at <= start + span_ms)
            for start, _ in taken
        ),
        default=0,
    )


@given(calls, st.sampled_from([1, 7, 60, 61, 3600]))
@settings(max_examples=150)
def test_no_real_window_holds_more_than_the_limit(timeline, window_s):
    row = limit(window_s=window_s, amount=100)
    shrunk = [(wait * window_s // 60, amount) for wait, amount in timeline]
    assert most_in_any_window(admitted(row, shrunk), window_s * 1000 - 1) <= row.limit


@pytest.mark.parametrize("window_s", [1, 60, 18_000])
@pytest.mark.parametrize(("asked", "amount"), [(1000, 1), (100, 1), (100, 20), (330, 25)])
def test_a_row_that_is_always_asked_is_used_to_at_least_95_percent(window_s, asked, amount):
    row, turns = limit(window_s=window_s, amount=100), 20
    wait_ms = window_s * 1000 // asked
    count = turns * window_s * 1000 // wait_ms
    taken = admitted(row, [(wait_ms, amount)] * count)
    assert sum(a for _, a in taken) >= 0.95 * row.limit * turns


@given(calls, st.integers(0, 100), st.sampled_from([1, 60, 604_800]))
def test_free_at_is_the_first_moment_with_room(timeline, target, window_s):
    row = limit(window_s=window_s, amount=100)
    shrunk = [(wait * window_s // 60, amount) for wait, amount in timeline]
    taken, window = admitted(row, shrunk), {}
    for at_ms, amount in taken:
        window = windows.add(window, row, amount, at_ms, at_ms, "UTC")
    now_ms = taken[-1][0]
    free_ms = windows.free_at(window, row, target, now_ms, "UTC")
    assert free_ms >= now_ms
    assert windows.used(window, row, free_ms, "UTC") <= target
    if free_ms > now_ms:
        assert windows.used(window, row, free_ms - 1, "UTC") > target
        last_that_matters = max(at for at, _ in taken)
        assert free_ms <= last_that_matters + window_s * 1000 * 61 // 60 + 1000


def test_what_is_full_by_more_than_can_leave_is_never_free():
    assert windows.free_at({}, ROW, -1, NOW_MS, "UTC") is None


def test_a_slot_leaves_a_window_after_its_last_call_was_sent():
    window = windows.add({}, ROW, 5, NOW_MS, NOW_MS, "UTC")
    assert windows.used(window, ROW, NOW_MS + 60_000, "UTC") == 5
    assert windows.used(window, ROW, NOW_MS + 61_000, "UTC") == 0


def test_slots_nobody_will_ask_for_are_forgotten():
    window = {}
    for minute in range(10_000):
        now_ms = NOW_MS + minute * 1000
        window = windows.add(window, ROW, 1, now_ms, now_ms, "UTC")
    assert len(window) <= windows.SLOTS + 2


@pytest.mark.parametrize("back_ms", [1, 1000, 30_000, 60_000])
def test_a_clock_that_goes_back_by_less_than_a_window_opens_none(back_ms):
    window = windows.add({}, ROW, 100, NOW_MS, NOW_MS, "UTC")
    assert windows.used(window, ROW, NOW_MS - back_ms, "UTC") == 100


def test_a_clock_that_was_a_year_ahead_blocks_nothing_for_good():
    year_ms = 365 * windows.DAY_MS
    window = windows.add({}, ROW, 100, NOW_MS + year_ms, NOW_MS + year_ms, "UTC")
    assert windows.used(window, ROW, NOW_MS, "UTC") == 0


def test_a_late_booking_counts_from_when_it_was_sent():
    window = windows.add({}, ROW, 7, NOW_MS - 30_000, NOW_MS, "UTC")
    assert windows.used(window, ROW, NOW_MS, "UTC") == 7
    assert windows.used(window, ROW, NOW_MS + 31_000, "UTC") == 0
