"""Whether one more turn may be reserved: no reservation takes a row over its limit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import MICRO, NOW_MS, daily, empty_usage, full_usage, limit, provider

from orchestrator.decide import limits
from orchestrator.records import Turn

PAYER = limits.Payer("account", "model", metered=True)


def admitted(row, usage, turn, *, start=True):
    made = provider("x", limits=[row])
    return limits.admit(made, usage, turn, PAYER, NOW_MS, "UTC", start=start)


@pytest.mark.parametrize(
    ("row", "used", "turn", "refusal"),
    [
        (limit(amount=10, block=100), 9, Turn(1, 0, 0), None),
        (limit(amount=10, block=100), 9, Turn(2, 0, 0), "no room for this turn"),
        (limit(amount=10, block=80), 8, Turn(1, 0, 0), "requests_percent >= 80%"),
        (limit("tokens", amount=100, block=100), 60, Turn(1, 40, 0), None),
        (limit("tokens", amount=100, block=100), 60, Turn(1, 41, 0), "no room for this turn"),
        (limit("tokens", amount=100, block=100), 0, Turn(1, 5000, 0), None),  # could never run
        (limit("tokens", amount=100, block=100), 1, Turn(1, 5000, 0), "no room for this turn"),
        (daily(1), 0, Turn(1, 0, MICRO), None),
        (daily(1), 0, Turn(1, 0, MICRO + 1), "one turn may cost"),
        (daily(1), 1, Turn(1, 0, MICRO), "no room for this turn"),
        (daily(1), MICRO, Turn(1, 0, 1), "daily budget used >= 100%"),
        (daily(0), 0, Turn(1, 0, 0), "daily budget used >= 100%"),
    ],
)
def test_a_turn_is_admitted_when_it_fits(row, used, turn, refusal):
    block = admitted(row, full_usage(row, amount=used) if used else empty_usage(), turn)
    assert (block is None) is (refusal is None)
    if refusal:
        assert refusal in block.reason


@pytest.mark.parametrize("cost", [30_400, 30_401, 1_000_001, 99_999_950])
def test_a_money_row_smaller_than_one_turn_names_the_limit_that_would_do(cost):
    turn = Turn(1, 1, cost)
    block = admitted(daily(0.03), empty_usage(), turn)
    assert block.retry_at_ms is None  # waiting does not help
    named = float(re.search(r"may cost \$([\d.]+)", block.reason)[1])
    assert admitted(daily(named), empty_usage(), turn) is None
    assert named == pytest.approx(cost / MICRO, abs=0.0001)


def test_the_gate_is_for_starting_the_limit_for_every_turn():
    row = limit(amount=10, block=80)
    usage = full_usage(row, amount=9)
    assert admitted(row, usage, Turn(1, 0, 0), start=True)
    assert admitted(row, usage, Turn(1, 0, 0), start=False) is None
    assert admitted(row, usage, Turn(2, 0, 0), start=False)


turns = st.builds(Turn, st.integers(0, 5), st.integers(0, 80), st.integers(0, 2 * MICRO))


@given(st.lists(turns, max_size=40), st.integers(1, 10), st.integers(1, 200), st.integers(0, 9))
def test_what_is_admitted_never_takes_money_over_its_limit(asked, requests, tokens, dollars):
    rows = [limit(amount=requests), limit("tokens", amount=tokens), daily(dollars)]
    made, usage = provider("x", limits=rows), empty_usage()
    for number, turn in enumerate(asked):
        block = limits.admit(made, usage, turn, PAYER, NOW_MS, "UTC", start=True)
        if block is None:
            held = {"account": PAYER.account, "model": PAYER.model, "metered": True}
            usage["reservations"][str(number)] = held | turn._asdict()
    for row in rows:
        taken = limits.reserved(usage, row, PAYER)
        alone = len([h for h in usage["reservations"].values() if h[_amount(row)]]) == 1
        assert taken <= row.limit or (row.metric != "cost_usd" and alone)


def _amount(row):
    return "cost_micro_usd" if row.metric == "cost_usd" else row.metric


def test_a_running_call_goes_on_whatever_others_used_of_what_it_takes_nothing_of():
    row = limit("percent", 18_000, amount=100, block=95)
    made = provider("x", limits=[row])
    seen = {"used": 101, "own": 0, "slot": 0, "observed_at_ms": NOW_MS, "resets_at_ms": None}
    usage = empty_usage() | {"observations": {row.name: {"headers": seen}}}
    for start in (True, False):
        block = limits.admit(made, usage, Turn(1, 10, 10), PAYER, NOW_MS, "UTC", start=start)
        assert (block is not None) is start
