"""What a call costs, what one turn may cost at most, and what a task is expected to cost."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import costs
from orchestrator.records import Price, Spent

PLAIN = Price(1.0, 10.0, 0.1, 1.25)
TIERED = PLAIN._replace(
    above=((1000, Price(2.0, 20.0, 0.2, 2.5)), (5000, Price(4.0, 40.0, 0.4, 5.0)))
)

rates = st.sampled_from([0.0, 0.04, 0.1, 0.125, 1 / 3, 1.0, 2.5, 15.0, 100.0])
flat = st.tuples(rates, rates, rates, rates).map(lambda four: Price(*four))
tiers = st.lists(st.tuples(st.integers(1, 5000), flat), max_size=3)
prices = st.tuples(flat, tiers).map(lambda p: p[0]._replace(above=tuple(sorted(p[1]))))


@pytest.mark.parametrize(
    ("spent", "micro_usd"),
    [
        (Spent(), 0),
        (Spent(1, input_tokens=100), 100),
        (Spent(1, output_tokens=100), 1000),
        (Spent(1, input_tokens=100, cached_input_tokens=100), 10),
        (Spent(1, input_tokens=100, cache_write_tokens=100), 125),
        (Spent(1, input_tokens=100, cached_input_tokens=50, cache_write_tokens=20), 60),
        (Spent(1, input_tokens=100, cached_input_tokens=500), 10),  # parts are never more
        (Spent(1, input_tokens=3, cached_input_tokens=1), 3),  # rounded up, never down
        (Spent(1, input_tokens=1), 1),
    ],
)
def test_each_part_of_a_call_costs_its_own_rate(spent, micro_usd):
    assert costs.cost_micro_usd(PLAIN, spent) == micro_usd


def test_each_request_costs_its_own_price_on_top():
    assert costs.cost_micro_usd(PLAIN, Spent(3, input_tokens=100), 0.00001) == 130


@pytest.mark.parametrize(
    ("input_tokens", "micro_usd"),
    [(999, 999), (1000, 1000), (1001, 2002), (5000, 10_000), (5001, 20_004)],
)
def test_above_a_threshold_the_whole_prompt_costs_more(input_tokens, micro_usd):
    assert costs.cost_micro_usd(TIERED, Spent(1, input_tokens)) == micro_usd


def test_above_a_threshold_the_output_costs_more_too():
    assert costs.cost_micro_usd(TIERED, Spent(1, 1001, 1001, 0, 10)) == 200 + 1 + 200


@given(prices, st.integers(0, 9000), st.integers(0, 3000), st.integers(0, 4000), st.data())
def test_no_call_with_that_many_bytes_costs_more_than_its_bound(
    price, text_bytes, overhead, max_output, data
):
    """A token is at least one byte of text; what the client adds is the overhead."""
    bound = costs.turn_bound(price, text_bytes, overhead, max_output, 0.00002)
    used = data.draw(st.integers(0, text_bytes + overhead))
    cached = data.draw(st.integers(0, used))
    written = data.draw(st.integers(0, used - cached))
    output = data.draw(st.integers(0, max_output))
    spent = Spent(1, used, cached, written, output)
    assert costs.cost_micro_usd(price, spent, 0.00002) <= bound.cost_micro_usd


def test_rates_count_a_third_of_the_bytes_and_money_all_of_them():
    bound = costs.turn_bound(PLAIN, 3000, 100, 500, 0.0)
    assert bound.requests == 1
    assert bound.tokens == 1000 + 100 + 500
    assert bound.cost_micro_usd == pytest.approx(3100 * 1.25 + 500 * 10, abs=1)


def test_a_model_without_a_price_is_bounded_in_tokens_alone():
    assert costs.turn_bound(None, 3000, 100, 500, 1.0)[1:] == (1600, 0)


MODEL = world.model("small")
PRICE = Price(1, 2, 1, 1)
HISTORY = {
    "codex/small/cli": {
        "runs": 3,
        "input_overhead_tokens": 7000.0,
        "output_tokens": 300.0,
        "seconds": 12.5,
    }
}


def estimated(history, price=PRICE, billing="metered", **transport):
    made = world.provider("codex", models=[MODEL], per_request=0.001)
    way = world.way("codex", billing=billing, **transport)
    return costs.estimate(price, made, MODEL, way, 4000, history)


def test_an_estimate_is_four_bytes_a_token_and_what_the_client_adds():
    found = estimated({}, overhead_tokens=500)
    assert (found.input_tokens, found.output_tokens) == (1500, MODEL.max_output_tokens)
    assert found.cost_usd == pytest.approx((1500 * 1 + 1000 * 2) / 1e6 + 0.001)
    assert found.source == "config"


def test_an_estimate_learns_from_past_runs_of_the_same_route():
    found = estimated(HISTORY)
    assert (found.input_tokens, found.output_tokens, found.seconds) == (8000, 300, 12.5)
    assert found.source == "history"
    assert estimated(HISTORY, kind="api").source == "config"


@pytest.mark.parametrize(
    ("billing", "cost"), [("metered", None), ("subscription", None), ("free", 0.0)]
)
def test_without_a_price_nobody_knows_the_cost_but_of_what_is_free(billing, cost):
    assert estimated({}, None, billing).cost_usd == cost
