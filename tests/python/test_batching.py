"""How many tasks of a provider run at one time: what fits into its windows, from 1 to the most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS, daily, empty_usage, full_usage, limit, provider

from orchestrator.decide import batching, limits
from orchestrator.records import PARALLEL, Budget, Limit, Total

REQUESTS = limit(amount=100, block=80.0)
TOKENS = limit("tokens", amount=10_000, block=90.0)
ONE_CALL = Limit(PARALLEL, None, None, 1, 100.0, "provider")
TWO_CALLS = ONE_CALL._replace(limit=2)


def size(*rows, usage=None, most=10, tokens=1000.0):
    found = usage or empty_usage()
    return batching.size(provider("codex", limits=rows), found, most, tokens, NOW_MS, "UTC")


def held(**changes):
    """A call that runs."""
    row = {"requests": 1, "tokens": 1000, "cost_micro_usd": 0, "metered": True, "model": "m"}
    return empty_usage() | {"reservations": {"a": {**row, "account": "codex", **changes}}}


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        ([], {}, 10),
        ([], {"most": 3}, 3),
        ([REQUESTS], {}, 10),
        ([REQUESTS], {"most": 500}, 80),
        ([TOKENS], {}, 9),
        ([TOKENS], {"tokens": 4000.0}, 2),
        ([TOKENS], {"tokens": 100_000.0}, 1),  # one always goes: the ledger decides
        ([TOKENS], {"tokens": 0.0, "most": 20_000}, 9000),
        ([REQUESTS, TOKENS], {"tokens": 2500.0}, 3),
        ([ONE_CALL], {}, 1),
        ([TWO_CALLS, REQUESTS], {}, 2),
        # what says nothing of a number of calls
        ([daily(0.001)], {}, 10),
        ([limit("percent", 18_000, amount=100)], {}, 10),
        # what is used or held leaves less room
        ([REQUESTS], {"usage": full_usage(REQUESTS, amount=75)}, 5),
        ([REQUESTS], {"usage": full_usage(REQUESTS, amount=79)}, 1),
        ([REQUESTS], {"usage": full_usage(REQUESTS, amount=500)}, 1),
        ([TOKENS], {"usage": held(tokens=6000)}, 3),
    ],
)
def test_as_many_go_at_once_as_fit_into_every_window_and_one_at_least(rows, more, expected):
    assert size(*rows, **more) == expected


def test_a_row_of_an_account_or_a_model_is_that_of_the_first_way_and_model():
    for scope in ("account", "model"):
        row = REQUESTS._replace(scope=scope)
        payer = limits.Payer("codex", "codex-medium", metered=True)
        usage = full_usage(row, limits.key_of(row, payer), amount=77)
        assert size(row, usage=usage) == 3


def test_a_provider_without_models_has_a_size_too():
    made = provider("codex", limits=[REQUESTS])._replace(models=())
    assert batching.size(made, empty_usage(), 10, 1.0, NOW_MS, "UTC") == 10


@given(
    st.integers(1, 300),
    st.floats(0, 1e6),
    st.integers(0, 20_000),
    st.lists(st.sampled_from([REQUESTS, TOKENS, ONE_CALL, TWO_CALLS, daily(1)]), max_size=4),
)
def test_it_is_never_less_than_one_and_never_more_than_the_most(most, tokens, used, rows):
    usage = full_usage(TOKENS, amount=used) if used else None
    found = size(*rows, usage=usage, most=most, tokens=tokens)
    assert 1 <= found <= most
    assert found <= size(*rows[1:], usage=usage, most=most, tokens=tokens)


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
