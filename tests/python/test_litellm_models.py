"""What a LiteLLM proxy tells of its models becomes rows of our configuration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.providers.litellm_models import listed

OTHERWISE = {
    "name": "default",
    "tier": "medium",
    "context_window": 32_768,
    "max_output_tokens": 8192,
    "enabled": False,
}
TIERS = [
    {"name": "cheap", "below": 3, "price_below": 4},
    {"name": "medium", "below": 6, "price_below": 15},
    {"name": "powerful", "below": 11},
]
WHOLE = {
    "mode": "chat",
    "max_input_tokens": 200_000,
    "max_output_tokens": 64_000,
    "input_cost_per_token": 1e-06,
    "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07,
    "cache_creation_input_token_cost": 1.25e-06,
    "supports_vision": True,
    "supports_function_calling": True,
    "supports_response_schema": True,
}
PRICED = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}


def only(*infos, name="m"):
    document = {"data": [{"model_name": name, "model_info": info} for info in infos]}
    (found,) = listed(document, OTHERWISE, TIERS)
    return found


def test_a_model_that_tells_all_has_it_all():
    found = only(WHOLE)
    assert found.row == {
        "name": "m",
        "tier": "cheap",
        "context_window": 200_000,
        "max_output_tokens": 8192,  # never more than is shipped
        "capabilities": ["vision", "tools", "json_mode"],
    }
    assert found.price == PRICED | {
        "cache_read_usd_per_mtok": 0.1,
        "cache_write_usd_per_mtok": 1.25,
    }


def test_what_is_not_told_is_as_in_the_shipped_row_and_has_no_price():
    found = only({"mode": None})
    assert found.row == {
        "name": "m",
        "tier": "medium",
        "context_window": 32_768,
        "max_output_tokens": 8192,
        "capabilities": [],
    }
    assert found.price is None


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({"input_cost_per_token": None}, None),
        ({"output_cost_per_token": None}, None),
        # The proxy's own list writes 0 for what it does not know.
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, None),
        ({"output_cost_per_token": 0}, None),
        (
            {
                "input_cost_per_token": 0,
                "output_cost_per_token": 0,
                "pricing_overrides": ["input_cost_per_token", "output_cost_per_token"],
            },
            {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 0.0},
        ),
        ({"input_cost_per_token": 1.5e-07}, {**PRICED, "input_usd_per_mtok": 0.15}),
    ],
)
def test_a_price_is_what_is_told_and_never_made_up(changes, price):
    plain = {k: v for k, v in WHOLE.items() if not k.startswith("cache_")}
    assert only(plain | changes).price == price


def test_prices_above_a_size_of_the_input_are_taken_along():
    dearer = {
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token_above_200k_tokens": 3e-06,
        "cache_read_input_token_cost_above_200k_tokens": 2e-07,
        "input_cost_per_token_above_128k_tokens": 1.5e-06,
        "output_cost_per_token_above_128k_tokens": 2.5e-06,
        "input_cost_per_token_above_200k_tokens_batches": 9e-06,
    }
    assert only(WHOLE | dearer).price["above"] == [
        {"input_tokens": 128_000, "input_usd_per_mtok": 1.5, "output_usd_per_mtok": 2.5},
        {
            "input_tokens": 200_000,
            "input_usd_per_mtok": 2.0,
            "output_usd_per_mtok": 3.0,
            "cache_read_usd_per_mtok": 0.2,
        },
    ]


@pytest.mark.parametrize(
    ("input_usd", "output_usd", "tier"),
    [(1, 2.99, "cheap"), (1, 3, "medium"), (5, 9.99, "medium"), (5, 10, "powerful")],
)
def test_the_tier_is_that_of_the_price(input_usd, output_usd, tier):
    rates = {"input_cost_per_token": input_usd / 1e6, "output_cost_per_token": output_usd / 1e6}
    assert only(WHOLE | rates).row["tier"] == tier


def test_of_several_deployments_of_a_name_the_least_able_and_the_dearest_counts():
    other = WHOLE | {
        "input_cost_per_token": 9e-06,
        "max_input_tokens": 64_000,
        "max_output_tokens": 4000,
        "supports_vision": False,
    }
    found = only(WHOLE, other)
    assert found.price["input_usd_per_mtok"] == 9.0
    assert found.row["context_window"] == 64_000
    assert found.row["max_output_tokens"] == 4000
    assert found.row["capabilities"] == ["tools", "json_mode"]
    assert only(WHOLE, {"mode": "chat"}).price is None


@pytest.mark.parametrize(
    ("name", "info", "why"),
    [
        ("openai/*", WHOLE, "a pattern"),
        ("", WHOLE, "a pattern"),
        ("vectors", WHOLE | {"mode": "embedding"}, "its mode is embedding"),
    ],
)
def test_what_no_task_can_be_given_to_is_left_out(name, info, why):
    assert why in only(info, name=name).left_out


@pytest.mark.parametrize(
    "document",
    [{}, {"data": None}, {"data": [{}]}, {"data": [{"model_name": "m", "model_info": None}]},
     {"data": [{"model_name": "m", "model_info": {**WHOLE, "input_cost_per_token": "x"}}]}],
)  # fmt: skip
def test_a_list_of_another_shape_is_refused(document):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        listed(document, OTHERWISE, TIERS)


@given(st.floats(1e-8, 1e-3), st.floats(1e-8, 1e-3))
def test_a_price_per_million_is_a_million_times_that_per_token(each_in, each_out):
    price = only({"input_cost_per_token": each_in, "output_cost_per_token": each_out}).price
    assert price["input_usd_per_mtok"] == pytest.approx(each_in * 1e6, abs=1e-6)
    assert price["output_usd_per_mtok"] == pytest.approx(each_out * 1e6, abs=1e-6)
