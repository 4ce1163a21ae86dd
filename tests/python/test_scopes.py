"""What a limit row is keyed by: the provider, one account of it, or one model."""

import pytest
from world import DAY, MICRO, NOW_MS, daily, empty_usage, limit, provider

from orchestrator.decide import limits
from orchestrator.records import Turn
from orchestrator.state import usage as usage_files

ONE = limits.Payer("plan", "small", metered=True)
OTHER_ACCOUNT = limits.Payer("key", "small", metered=True)
OTHER_MODEL = limits.Payer("plan", "large", metered=True)
TURN = Turn(3, 300, 30)


@pytest.mark.parametrize(
    ("scope", "key", "shared_with"),
    [
        ("provider", "requests/60s", {"account", "model"}),
        ("account", "requests/60s@plan", {"model"}),
        ("model", "requests/60s#small", {"account"}),
    ],
)
def test_a_row_counts_and_reserves_for_its_scope_alone(scope, key, shared_with):
    row = limit(scope=scope)
    made = provider("x", limits=[row])
    assert limits.key_of(row, ONE) == key
    held = {"account": ONE.account, "model": ONE.model, "metered": True, **TURN._asdict()}
    for usage in (
        usage_files.booked(empty_usage(), made, TURN, ONE, NOW_MS, DAY, NOW_MS, "UTC"),
        empty_usage() | {"reservations": {"a": held}},
    ):
        others = {"account": OTHER_ACCOUNT, "model": OTHER_MODEL}
        for name, payer in {"self": ONE, **others}.items():
            taken = limits.spent(usage, row, payer, NOW_MS, "UTC")
            taken += limits.reserved(usage, row, payer)
            assert taken == (3 if name in {"self", *shared_with} else 0), name


@pytest.mark.parametrize(
    ("metric", "metered", "amount"),
    [
        ("requests", True, 3),
        ("requests", False, 3),
        ("tokens", True, 300),
        ("tokens", False, 300),
        ("cost_usd", True, 30),
        ("cost_usd", False, 0),
    ],
)
def test_a_call_on_a_subscription_costs_rates_but_no_money(metric, metered, amount):
    payer = limits.Payer("plan", "small", metered=metered)
    assert limits.amount_of(limit(metric), TURN, payer) == amount


def test_a_subscription_call_is_admitted_and_booked_without_money():
    made = provider("x", limits=[daily(0), limit("tokens", amount=1000)])
    payer = limits.Payer("plan", "small", metered=False)
    dear = Turn(1, 500, 99 * MICRO)
    assert limits.admit(made, empty_usage(), dear, payer, NOW_MS, "UTC", start=True) is None
    booked = usage_files.booked(empty_usage(), made, dear, payer, NOW_MS, DAY, NOW_MS, "UTC")
    assert list(booked["windows"]) == ["tokens/60s"]
