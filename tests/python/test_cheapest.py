"""The cheapest model that can do it: what is weighed, in which order, and what the chain holds."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import lines
from orchestrator.errors import NoRoomError
from orchestrator.records import Breaker, Budget, Threshold, Total

ALL = ("vision", "tools", "json_mode")


def provider(name, *models, **more):
    return world.provider(name, world.way(name, **more), models=models)


def market(*providers, prices=None, **settings):
    """Make a configuration of these providers, which no word of a task speaks for."""
    cheapest = {"next": 2, "reliable": 1, "last_client": "", **settings.pop("cheapest", {})}
    return world.config(*providers, prices=prices, cheapest=cheapest, **settings)


def priced(**rates):
    """Price models at so many USD per million tokens, in and out."""
    return {name.replace("_", "-"): world.price(usd, usd) for name, usd in rates.items()}


def chain(known, **wishes):
    wishes = {"strategy": "cheapest", "complexity": 1, **wishes}
    found = world.decide("Write it", known, **wishes)
    return [f"{route.provider}/{route.model}" for route in found.chain]


PAIR = provider("p", world.model("low", "cheap"), world.model("high", "powerful"))
MONTH = world.limit("cost_usd", period="month", amount=100, block=100.0, scope="total")
LOW = (Total(Budget(MONTH, (Threshold(90.0, "cheapest_only", ""),)), 95, 0),)
FIVE = tuple(provider(n, world.model(n, "cheap", able=ALL)) for n in ("a", "b", "c", "d", "e"))


def test_the_cheapest_three_of_the_tier_are_tried_in_the_order_of_their_price():
    known = market(*FIVE, prices=priced(a=5, b=1, c=4, d=2, e=3))
    assert chain(known) == ["b/b", "d/d", "e/e"]


def test_those_that_are_not_tried_are_listed_with_the_reason():
    known = market(*FIVE, prices=priced(a=5, b=1, c=4, d=2, e=3))
    found = world.decide("Write it", known, strategy="cheapest", complexity=1)
    reasons = {c.provider: c.blocks[0].reason for c in found.candidates if c.blocks}
    assert reasons == dict.fromkeys("ac", "dearer than those that are tried")


def test_one_without_room_makes_place_for_the_next():
    known = market(*FIVE, prices=priced(a=5, b=1, c=4, d=2, e=3))
    found = world.decide(
        "Write it", known, unready={"b": ("gone",)}, strategy="cheapest", complexity=1
    )
    assert [route.provider for route in found.chain] == ["d", "e", "c"]
    assert found.reason == "cheapest of the tier cheap with room (b: gone)"


def test_a_reliable_one_of_the_tier_above_comes_after_them():
    known = market(
        *FIVE,
        provider("m", world.model("plain", "medium"), world.model("sure", "medium", reliable=True)),
        provider("p", world.model("strong", "powerful", reliable=True)),
        prices=priced(a=1, b=2, c=3, d=4, e=5, plain=6, sure=7, strong=8),
    )
    assert chain(known) == ["a/a", "b/b", "c/c", "m/sure"]
    assert chain(known, complexity=4) == ["m/plain", "m/sure", "p/strong"]
    assert chain(known, complexity=8) == ["p/strong"]


def test_the_client_that_is_always_there_comes_last_and_no_route_comes_twice():
    client = world.provider(
        "claude", world.way("claude"), models=[world.model("claude", "cheap", reliable=True)]
    )
    last = {"last_client": "claude"}
    dear = market(*FIVE, client, prices=priced(a=1, b=2, c=3, d=4, e=5, claude=9), cheapest=last)
    assert chain(dear) == ["a/a", "b/b", "c/c", "claude/claude"]
    low = market(*FIVE, client, prices=priced(a=1, b=3, c=3, d=4, e=5, claude=2), cheapest=last)
    assert chain(low) == ["a/a", "claude/claude", "b/b"]


def test_a_plan_that_is_paid_for_already_is_cheaper_than_anything_billed():
    known = market(
        provider("a", world.model("low", "cheap")),
        provider("b", world.model("plan", "cheap"), billing="subscription"),
        prices=priced(low=1, plan=50),
    )
    assert chain(known) == ["b/plan", "a/low"]


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ((), ["none/none", "some/some", "all/all"]),
        (("tools",), ["some/some", "all/all"]),
        (("tools", "vision"), ["all/all"]),
        (("context=150000",), ["all/all"]),
    ],
)
def test_capabilities_filter_before_the_price(requires, expected):
    known = market(
        provider("none", world.model("none", "cheap")),
        provider("some", world.model("some", "cheap", able=("tools",))),
        provider("all", world.model("all", "cheap", 200_000, able=ALL)),
        prices=priced(none=1, some=2, all=3),
    )
    assert chain(known, requires=requires) == expected


def test_where_nothing_can_do_it_no_provider_matches():
    known = market(provider("none", world.model("none", "cheap")), prices=priced(none=1))
    for strategy in ("cheapest", "specialist"):
        with pytest.raises(NoRoomError, match=r"no provider matches \(none: no model has vision"):
            chain(known, requires=("vision",), strategy=strategy)


def test_a_tier_without_a_model_that_can_is_left_upwards_then_downwards():
    known = market(
        provider("low", world.model("low", "cheap", able=("tools",))),
        provider("high", world.model("high", "powerful", able=("vision",))),
        prices=priced(low=1, high=2),
    )
    assert chain(known, complexity=4, requires=("vision",)) == ["high/high"]
    assert chain(known, complexity=4, requires=("tools",)) == ["low/low"]


def test_a_tier_may_have_a_strategy_of_its_own():
    tiers = [
        {"name": "cheap", "below": 3, "strategy": "cheapest"},
        {"name": "medium", "below": 6},
        {"name": "powerful", "below": 11},
    ]
    known = market(*FIVE, prices=priced(a=5, b=1, c=4, d=2, e=3), tiers=tiers)
    assert world.decide("Write it", known, complexity=1).strategy == "cheapest"
    assert world.decide("Write it", known, complexity=5).strategy == "specialist"
    assert chain(known, strategy=None) == ["b/b", "d/d", "e/e"]


def test_a_budget_that_lowers_the_tier_lets_no_paid_fallback_climb():
    known = market(
        *FIVE,
        provider("m", world.model("sure", "medium", reliable=True)),
        prices=priced(a=1, b=2, c=3, d=4, e=5, sure=1),
    )
    found = world.decide("Write it", known, totals=LOW, strategy="cheapest", complexity=5)
    assert {route.tier for route in found.chain} == {"cheap"}


def both_ways():
    """Make a provider with a plan, and a key for what is billed, on three tiers."""
    ways = world.way("plan", billing="subscription"), world.way("key")
    models = [world.model(tier, tier) for tier in ("cheap", "medium", "powerful")]
    one = world.provider("claude", *ways, models=models)
    return market(one, prices=priced(cheap=1, medium=2, powerful=3))


@pytest.mark.parametrize("strategy", ["specialist", "cheapest"])
@pytest.mark.parametrize(
    ("walled", "complexity", "expected"),
    [
        (False, 8, [("powerful", "plan")]),  # what is billed is no way out of its wall
        (True, 8, [("cheap", "key")]),
        (False, 1, [("cheap", "plan"), ("cheap", "key")]),
    ],
)
def test_beside_a_plan_a_budget_holds_what_is_billed_to_its_tier(
    strategy, walled, complexity, expected
):
    later = world.NOW_MS + 3_600_000
    walls = {"plan": Breaker(kind="clock", retry_at_ms=later)} if walled else {}
    wishes = {"strategy": strategy, "complexity": complexity, "verify": "true"}
    found = world.decide("Write it", both_ways(), totals=LOW, breakers=walls, **wishes)
    assert [(route.tier, route.transport.account) for route in found.chain] == expected
    climbed = [route for chain in found.climbs for route in chain]
    assert {route.transport.account for route in climbed} <= {"plan"}
    lowered = ["cheap instead of powerful: the budget says cheapest_only"] if walled else []
    assert [note for note in found.notes if "budget says" in note] == lowered


@pytest.mark.parametrize("wishes", [{}, {"tier": "cheap"}, {"strategy": "cheapest"}])
def test_a_preference_for_a_model_is_none_to_pass_a_budget(wishes):
    wishes = {"preferred_provider": "p/high", **wishes}
    found = world.decide("Write it", market(*FIVE, PAIR), totals=LOW, **wishes)
    assert "p/high" not in [f"{route.provider}/{route.model}" for route in found.chain]


def test_a_preferred_provider_without_a_model_of_the_tier_goes_first_with_its_nearest():
    known = market(*FIVE, PAIR, prices=priced(a=1, b=2, c=3, d=4, e=5, low=9, high=9))
    assert chain(known, preferred_provider="p", complexity=4)[0] == "p/high"
    assert chain(known, preferred_provider="a", complexity=8)[0] == "a/a"


def test_the_state_of_the_provider_is_that_of_the_model_chosen():
    row = world.limit(amount=10, block=100.0, scope="model")
    models = world.model("one", "cheap"), world.model("two", "cheap")
    known = market(world.provider("a", models=models, limits=[row]), prices=priced(one=1, two=2))
    full = {"a": world.full_usage(row, f"{row.name}#one")}
    found = world.decide("Write it", known, usages=full, strategy="cheapest", complexity=1)
    task = {"text": "Write it", "sha256": ""}
    line = lines.decision(found, "1", "/repo", task, world.NOW_MS, "UTC")
    assert line["recommendation"]["model"] == "two"
    assert line["provider_state_at_recommendation"]["a"]["available"]


@given(
    st.lists(st.integers(1, 1000), min_size=5, max_size=5),
    st.sets(st.sampled_from("abcde"), max_size=4),
)
def test_no_model_that_may_run_is_cheaper_than_the_one_chosen(rates, gone):
    known = market(*FIVE, prices=priced(**dict(zip("abcde", rates, strict=True))))
    unready = dict.fromkeys(gone, ("gone",))
    found = world.decide("Write it", known, unready=unready, strategy="cheapest", complexity=1)
    left = {n: rate for n, rate in zip("abcde", rates, strict=True) if n not in gone}
    assert left[found.chosen.provider] == min(left.values())
    assert len(found.chain) == min(3, len(left))
