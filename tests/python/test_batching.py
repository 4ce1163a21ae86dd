"""How many tasks of a provider run at one time: what fits into its windows, 10 at most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import daily, limit, provider

from orchestrator.decide import batching
from orchestrator.records import PARALLEL, Budget, Limit, Total

REQUESTS = limit(amount=100, block=80.0)
TOKENS = limit("tokens", amount=10_000, block=90.0)
ONE_CALL = Limit(PARALLEL, None, None, 1, 100.0, "provider")
TWO_CALLS = ONE_CALL._replace(limit=2)
MANY = batching.UNLIMITED


def size(*rows, tokens=1000.0):
    return batching.size(provider("codex", limits=rows), tokens)


@pytest.mark.parametrize(
    ("rows", "tokens", "expected"),
    [
        ([], 1000.0, MANY),
        ([REQUESTS], 1000.0, 80),
        ([TOKENS], 1000.0, 9),
        ([TOKENS], 4000.0, 2),
        ([TOKENS], 100_000.0, 1),  # one always goes: the ledger decides
        ([TOKENS], 0.0, 9000),
        ([REQUESTS, TOKENS], 2500.0, 3),
        ([ONE_CALL], 1000.0, 1),
        ([TWO_CALLS, REQUESTS], 1000.0, 2),
        # what says nothing of a number of calls
        ([daily(0.001)], 1000.0, MANY),
        ([limit("percent", 18_000, amount=100)], 1000.0, MANY),
    ],
)
def test_as_many_go_at_once_as_fit_into_every_window_and_one_at_least(rows, tokens, expected):
    assert size(*rows, tokens=tokens) == expected


@given(
    st.floats(0, 1e6),
    st.lists(st.sampled_from([REQUESTS, TOKENS, ONE_CALL, TWO_CALLS, daily(1)]), max_size=4),
)
def test_it_is_never_less_than_one_and_no_row_makes_it_more(tokens, rows):
    found = size(*rows, tokens=tokens)
    assert 1 <= found <= size(*rows[1:], tokens=tokens)


def test_sub_batches_are_ten_at_most_and_what_is_asked_for_goes_before():
    sizes = {"codex": 3, "gemini": 80, "claude": MANY}
    assert batching.caps(sizes, {}, 5, 3) == {"codex": 3, "gemini": 10, "claude": 10}
    assert batching.caps(sizes, {"codex": 7}, 60, 2) == {"codex": 7, "gemini": 30, "claude": 30}
    assert batching.caps({}, {"codex": 1}, 5, 1) == {"codex": 1}


@pytest.mark.parametrize(
    ("parallel", "providers", "expected"),
    [(1, 3, 10), (5, 3, 10), (30, 3, 10), (31, 3, 11), (256, 3, 86), (256, 1, 256), (8, 0, 10)],
)
def test_ten_is_the_most_unless_more_are_asked_for_over_all(parallel, providers, expected):
    assert batching.largest(parallel, providers) == expected


def test_what_is_left_of_budgets_is_neither_spent_nor_held_and_never_below_nothing():
    month = limit("cost_usd", period="month", amount=500, scope="total")
    rows = [(daily(0.0001), 30, 20), (month, 500, 1)]
    totals = [Total(Budget(row, ()), spent, held_) for row, spent, held_ in rows]
    assert batching.left_micro_usd(totals) == {"day": 50, "month": 0}
    assert batching.left_micro_usd([]) == {}
