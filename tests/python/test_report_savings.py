"""What was saved against one premium model: computed again by hand from what the report tells."""

from decimal import Decimal

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st
from reports import DAY_MS, of, plan, unpriced, usage
from world import NOW_MS, model, price, provider

from orchestrator.config.prices import price_of
from orchestrator.decide import costs
from orchestrator.errors import ConfigError
from orchestrator.insight import report_savings
from orchestrator.records import Spent

PREMIUM = price(
    10.0,
    50.0,
    cache_read_usd_per_mtok=1.0,
    cache_write_usd_per_mtok=12.5,
    above=[
        {
            "input_tokens": 200_000,
            "input_usd_per_mtok": 20.0,
            "output_usd_per_mtok": 75.0,
            "cache_read_usd_per_mtok": 2.0,
            "cache_write_usd_per_mtok": 25.0,
        }
    ],
)


def config(prices=None, **settings):
    dear = provider("claude", models=[model("opus", "powerful"), model("sonnet")])
    other = provider("codex", models=[model("sol", "powerful"), model("codex-medium")])
    known = {"opus": PREMIUM, "sol": price(11.0, 40.0), "sonnet": price(3.0, 15.0)}
    return world.config(dear, other, prices=known if prices is None else prices, **settings)


def savings(tmp_path, *lines, **wanted):
    wanted = {"config": config(), **wanted}
    return of(tmp_path, list(lines), [], **wanted)["savings"]


def by_hand(rows):
    """Compute the baseline from nothing but what is told."""
    pairs = [
        ("plain_input_tokens", "input_usd_per_mtok"),
        ("cache_read_tokens", "cache_read_usd_per_mtok"),
        ("cache_write_tokens", "cache_write_usd_per_mtok"),
        ("output_tokens", "output_usd_per_mtok"),
    ]
    each = [sum(row[n] * Decimal(str(row[usd])) for n, usd in pairs) / 1_000_000 for row in rows]
    return float(sum(round(usd, 6) for usd in each))


def test_the_same_tokens_are_priced_at_the_dearest_model_of_the_last_tier(tmp_path):
    line = usage(
        input_tokens=100_000, cached_input_tokens=40_000, cache_write_tokens=10_000,
        output_tokens=2000, cost_usd=0.25,
    )  # fmt: skip
    found = savings(tmp_path, line)
    assert (found["baseline_provider"], found["baseline_model"]) == ("claude", "opus")
    assert found["price_version"] == "made-up 1"
    # 50,000 at 10, 40,000 at 1, 10,000 at 12.5, 2,000 at 50 dollars a million
    assert found["baseline_usd"] == 0.5 + 0.04 + 0.125 + 0.1
    assert (found["actual_usd"], found["savings_usd"]) == (0.25, 0.515)
    assert found["savings_percent"] == 67.32
    (row,) = found["rows"]
    assert (row["first_day"], row["last_day"]) == ("2026-11-20", "2026-11-20")
    assert by_hand(found["rows"]) == found["baseline_usd"]


def test_a_long_prompt_is_priced_at_its_step_and_many_short_ones_are_not(tmp_path):
    long = usage("t1", input_tokens=200_001, output_tokens=0)
    short = usage("t2", input_tokens=900_000, output_tokens=0, requests=10)
    just = usage("t3", input_tokens=200_000, output_tokens=0)
    rows = {r["above_input_tokens"]: r for r in savings(tmp_path, long, short, just)["rows"]}
    assert rows.keys() == {None, 200_000}
    assert rows[200_000]["baseline_usd"] == 4.00002
    assert rows[None]["baseline_usd"] == 11.0


def test_each_day_has_the_price_of_its_day(tmp_path):
    later = {"from": "2026-11-20", "input_usd_per_mtok": 5.0, "output_usd_per_mtok": 50.0}
    prices = {"opus": price(10.0, 60.0, later=[later])}
    lines = [
        usage(f"t{ago}", NOW_MS - ago * DAY_MS, input_tokens=1_000_000, output_tokens=0)
        for ago in (0, 1, 2)
    ]
    found = savings(tmp_path, *lines, config=config(prices))
    told = [(r["first_day"], r["last_day"], r["baseline_usd"]) for r in found["rows"]]
    assert told == [("2026-11-18", "2026-11-19", 20.0), ("2026-11-20", "2026-11-20", 5.0)]


def test_plans_count_at_list_prices_and_are_told_apart(tmp_path):
    lines = usage("t1", cost_usd=0.001), plan("t2", 0.002)
    found = savings(tmp_path, *lines)
    told = {row["billing"]: row["actual_usd"] for row in found["by_billing"]}
    assert told == {"metered": 0.001, "subscription": 0.002}
    assert found["actual_usd"] == 0.003
    assert found["baseline_usd"] == sum(row["baseline_usd"] for row in found["by_billing"])


def test_what_cannot_be_compared_is_left_out_of_both_sides_and_named(tmp_path):
    lines = [
        usage("t1", cost_usd=0.001),
        unpriced("t2"),
        usage("t3", cost_usd=3, cost_source="estimate"),
        usage("t4", cost_usd=4, input_tokens=None, output_tokens=None),
        usage("t5", cost_usd=0, input_tokens=0, output_tokens=0, success=False),  # refused: free
    ]
    found = savings(tmp_path, *lines)
    assert (found["requests"], found["actual_usd"]) == (2, 0.001)
    told = {row["reason"]: (row["requests"], row["actual_usd"]) for row in found["left_out"]}
    assert told == {"unpriced": (1, 0.0), "estimated": (1, 3.0), "no tokens told": (1, 4.0)}


def test_the_configured_model_is_the_baseline(tmp_path):
    found = savings(tmp_path, usage(), config=config(baseline_model="codex/sol"))
    assert (found["baseline_provider"], found["baseline_model"]) == ("codex", "sol")
    assert found["chosen_by"] == "settings.baseline_model"
    found = savings(tmp_path, usage(), config=config(baseline_model="sonnet"))
    assert (found["baseline_provider"], found["baseline_usd"]) == ("claude", 0.0045)


def test_a_configured_model_without_a_price_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"settings\.baseline_model: is 'sonnet-9', which has no"):
        savings(tmp_path, usage(), config=config(baseline_model="sonnet-9"))


def test_without_any_price_nothing_is_compared(tmp_path):
    assert savings(tmp_path, usage(), config=config({})) is None


def test_a_dearer_model_of_a_lower_tier_is_not_the_baseline(tmp_path):
    prices = {"opus": PREMIUM, "sonnet": price(90.0, 900.0)}
    assert savings(tmp_path, usage(), config=config(prices))["baseline_model"] == "opus"


def test_dearer_than_the_baseline_is_a_loss(tmp_path):
    found = savings(tmp_path, usage(input_tokens=1000, output_tokens=0, cost_usd=1))
    assert (found["savings_usd"], found["savings_percent"]) == (-0.99, -9900.0)


COUNTS = st.integers(0, 10**6)


@given(
    lines=st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, st.integers(1, 9)), max_size=20),
)
def test_the_baseline_equals_the_price_of_each_call_by_itself(lines):
    """Rows are sums over calls: rounding aside they come to what the calls cost one by one."""
    rates = price_of({"opus": PREMIUM}, "claude", "opus", "2026-11-20")
    told, exact = [], 0
    for plain, read, written, output, requests in lines:
        spent = Spent(1, plain + read + written, read, written, output)
        step = costs.rates_for(rates, spent.input_tokens)
        above = report_savings.NO_STEP if step is rates else 200_000
        exact += costs.cost_micro_usd(rates, spent)
        told.append(
            {
                "billing": "metered", "day": "2026-11-20", "above": above, "requests": requests,
                "plain_input_tokens": plain, "cache_read_tokens": read,
                "cache_write_tokens": written, "output_tokens": output, "actual": Decimal(0),
            }
        )  # fmt: skip
    found = report_savings.priced(told, {"2026-11-20": rates})
    assert len(found) <= 2
    baseline = sum(row["baseline"] for row in found)
    assert abs(baseline * 1_000_000 - exact) <= len(lines)  # each call is rounded up
