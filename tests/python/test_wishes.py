"""What a person asks for is refused when it can't be honoured, never ignored."""

import pytest
import world
from world import decide, full_usage, limit

from orchestrator.errors import UsageError
from orchestrator.records import Budget

RATE = limit(amount=100, block=80)


def known():
    """Three providers: each with a client that is paid for and an API; claude is twice as dear."""
    models = {
        name: (
            world.model(f"{name}-cheap", "cheap"),
            world.model(f"{name}-medium", "medium"),
            world.model(f"{name}-powerful", "powerful"),
        )
        for name in world.NAMES
    }
    made = world.config(
        *(
            world.provider(
                name,
                world.way(name),
                world.way(name, "api", access="none", overhead_tokens=0),
                limits=[RATE],
                models=models[name],
            )
            for name in world.NAMES
        )
    )
    for model in models["claude"]:
        made.prices[model.name] = world.price(2, 4)
    return made


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"provider": "mistral"}, "provider 'mistral' is not enabled; there are codex"),
        ({"tier": "huge"}, "no tier 'huge'; there are cheap, medium, powerful"),
        ({"agent": "ghost"}, "no agent 'ghost'"),
        ({"model": "gpt-1"}, "model 'gpt-1' is not configured; there are codex-cheap"),
        ({"model": "codex-cheap", "provider": "claude"}, "there are claude-cheap"),
        ({"agent": "explainer", "edit": True}, "agent explainer only reads"),
        ({"agent": "claude-designer", "edit": True}, "only reads"),
        ({"max_cost_usd": 0.0}, "over --max-cost 0"),
        ({"max_cost_usd": 0.0, "provider": "claude", "force": True}, "over --max-cost 0"),
        ({"edit": True, "transport": "api"}, "api can't edit files"),
    ],
)
def test_a_wish_that_names_nothing_there_is_refused_with_what_there_is(wish, told):
    with pytest.raises(UsageError, match=told):
        decide("explain it", known(), **wish)


def test_the_refusal_of_one_provider_speaks_of_that_provider_alone():
    with pytest.raises(UsageError) as refused:
        decide("explain it", known(), provider="claude", max_cost_usd=0.0)
    assert "claude: estimate" in str(refused.value)
    assert "codex" not in str(refused.value)


@pytest.mark.parametrize("provider", world.NAMES)
def test_a_wanted_provider_is_the_only_one(provider):
    found = decide("explain it", known(), provider=provider)
    assert found.chosen.provider == provider
    assert {route.provider for route in found.chain} == {provider}
    assert found.reason == "requested with --provider"


def test_a_wanted_provider_that_is_full_is_refused_though_others_have_room():
    found = decide("explain it", known(), {"claude": full_usage(RATE)}, provider="claude")
    assert found.no_room
    assert found.chosen.provider == "claude"


def test_a_wanted_provider_that_is_full_is_not_exchanged_for_a_cheaper_full_one():
    usages = {name: full_usage(RATE) for name in world.NAMES}
    usages["claude"] = full_usage(RATE, at_ms=world.NOW_MS + 10_000)
    found = decide("explain it", known(), usages, provider="claude")
    assert found.chosen.provider == "claude"
    assert found.retry_at_ms >= world.NOW_MS + 70_000  # its own, not that of the others
    forced = decide("explain it", known(), usages, provider="claude", force=True)
    assert {route.provider for route in forced.chain} == {"claude"}


def test_a_wanted_provider_that_is_not_ready_is_recommended_but_not_run():
    found = decide("x", known(), unready={"claude": ("missing", "missing")}, provider="claude")
    assert (found.chosen.provider, found.ready, found.chain) == ("claude", False, ())


def test_a_wanted_model_decides_the_provider():
    found = decide("fix it", known(), model="gemini-powerful")
    assert [(r.provider, r.model) for r in found.chain[:1]] == [("gemini", "gemini-powerful")]
    assert {route.model for route in found.chain} == {"gemini-powerful"}


@pytest.mark.parametrize("kind", ["cli", "api"])
def test_a_wanted_transport_is_the_only_one(kind):
    found = decide("fix it", known(), transport=kind)
    assert {route.transport.kind for route in found.chain} == {kind}


def test_a_ceiling_leaves_out_only_the_ways_that_cost_more():
    made = known()
    cheap = decide("explain it", made, transport="api").chosen.estimate.cost_usd
    found = decide("explain it", made, max_cost_usd=cheap)
    assert {(route.provider, route.transport.kind) for route in found.chain} == {
        ("gemini", "api"),
        ("codex", "api"),
    }


def test_a_ceiling_does_not_keep_a_subscription_out_but_the_paid_way_behind_it():
    plan = world.way("plan", billing="subscription")
    one = world.provider("codex", plan, world.way("key"))
    found = decide("fix it", world.config(one), max_cost_usd=0.0)
    assert [route.transport.account for route in found.chain] == ["plan"]


OVER_IT = {  # limits of money that stand over a call
    "a daily budget of the provider": ({"limits": [world.daily(5)]}, {}, {}),
    "a budget of the account": ({"limits": [world.daily(5)._replace(scope="account")]}, {}, {}),
    "a budget over all providers": ({}, {"budgets": (Budget(world.daily(5), ()),)}, {}),
    "--max-cost": ({}, {}, {"max_cost_usd": 1.0}),
}


@pytest.mark.parametrize("over", OVER_IT)
@pytest.mark.parametrize(
    ("billing", "allowed", "runs"),
    [
        ("metered", False, False),
        ("metered", True, True),
        ("subscription", False, True),
        ("free", False, True),
    ],
)
def test_what_is_paid_for_and_has_no_price_runs_under_no_budget_unless_allowed(
    over, billing, allowed, runs
):
    limits, settings, wishes = OVER_IT[over]
    ways = world.way("one", billing=billing), world.way("key", billing="metered")
    made = world.config(world.provider("codex", *ways, **limits), prices={})._replace(**settings)
    wishes = wishes | {"allow_unpriced": allowed}
    if runs:
        assert decide("fix it", made, **wishes).chain[0].transport.account == "one"
    else:
        with pytest.raises(UsageError, match=r"codex: its model has no price; .*--allow-unpriced"):
            decide("fix it", made, **wishes)


def test_without_any_budget_a_model_without_a_price_runs_and_its_cost_is_not_known():
    made = world.config(world.provider("codex", limits=[RATE]), prices={})
    found = decide("fix it", made)
    assert found.chosen.estimate.cost_usd is None
    assert any("has no price: no budget can hold it" in note for note in found.notes)


def test_an_unpriced_provider_gives_way_to_a_priced_one():
    made = known()
    codex = made.providers["codex"]
    made.providers["codex"] = codex._replace(limits=(*codex.limits, world.daily(5)))
    for name in ("cheap", "medium", "powerful"):
        del made.prices[f"codex-{name}"]
    assert decide("fix it", made).chosen.provider == "gemini"
    assert decide("fix it", made, allow_unpriced=True).chosen.provider == "codex"


def test_a_task_larger_than_a_context_goes_to_a_larger_one():
    small = world.provider("codex", models=[world.model("small", context_window=2000)])
    large = world.provider("gemini", models=[world.model("large", context_window=200_000)])
    task = "fix " + "x" * 8000
    assert decide("fix it", world.config(small, large)).chosen.provider == "codex"
    assert decide(task, world.config(small, large)).chosen.provider == "gemini"
    with pytest.raises(UsageError, match="codex: task is larger than its context"):
        decide(task, world.config(small))
    with pytest.raises(UsageError, match="task is larger than its context"):
        decide(task, world.config(small, large), model="small")
