"""Which model takes a task: the tier's own, the next above it, else the next below."""

import pytest
import world
from test_wishes import known
from world import decide

from orchestrator.decide import models


@pytest.mark.parametrize(
    ("wish", "model"),
    [
        ({}, "codex-cheap"),  # "fix" is 1.3 of 10
        ({"complexity": 5.0}, "codex-medium"),
        ({"complexity": 6.0}, "codex-powerful"),
        ({"tier": "powerful"}, "codex-powerful"),
        ({"tier": "cheap", "complexity": 9.0}, "codex-cheap"),
    ],
)
def test_complexity_and_tier_decide_the_model(wish, model):
    assert decide("fix it", known(), **wish).chosen.model.name == model


@pytest.mark.parametrize(
    ("tiers", "tier", "model"),
    [
        (["cheap", "powerful"], "medium", "powerful"),  # rather more than less
        (["cheap"], "medium", "cheap"),
        (["cheap"], "powerful", "cheap"),
        (["medium", "powerful"], "cheap", "medium"),
    ],
)
def test_without_a_model_of_the_tier_the_next_above_is_taken_else_below(tiers, tier, model):
    one = world.provider("codex", models=[world.model(name, name) for name in tiers])
    assert decide("fix it", world.config(one), tier=tier).chosen.model.name == model


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("codex", ("codex", None)),
        ("codex/one", ("codex", "one")),
        ("codex/old", ("codex", "one")),
        ("old", ("codex", "one")),
        ("codex/two", ("proxy", "codex/two")),  # a proxy names its models so
        ("proxy/codex/two", ("proxy", "codex/two")),
        ("codex/three", None),
        ("codex/", None),
        ("", None),
    ],
)
def test_a_name_means_a_provider_or_one_of_its_models(name, expected):
    listed = {"codex": "one", "proxy": "codex/two"}
    each = [world.provider(n, models=[world.model(m)]) for n, m in listed.items()]
    assert models.resolved(world.config(*each, model_aliases={"old": "one"}), name) == expected
