"""What a report recommends."""

import pytest
import world
from reports import of, unpriced, usage
from test_report_tables import month_budget
from world import model, price, provider

from orchestrator.records import Threshold

DOWN = Threshold(75.0, "downgrade_tier", "Paid tasks now get a model one tier lower")
PAUSE = Threshold(100.0, "pause_execution", "Wait for the reset")


def told(document):
    return {(row["kind"], row["level"]): row["text"] for row in document["recommendations"]}


def tasks(*tiers, **changes):
    return [usage(f"t{n}", tier=tier, cost_usd=0.0, **changes) for n, tier in enumerate(tiers)]


def test_a_threshold_that_was_passed_says_what_is_done_now(tmp_path):
    config = world.config()._replace(budgets=(month_budget(10, DOWN, PAUSE),))
    found = told(of(tmp_path, [usage(cost_usd=8)], config=config))
    text = "the month's budget is at 80 %: paid tasks now get a model one tier lower"
    assert found["budget", "warning"] == text


def test_a_threshold_that_is_coming_says_what_will_be_done(tmp_path):
    config = world.config()._replace(budgets=(month_budget(10, DOWN, PAUSE),))
    found = told(of(tmp_path, [usage(cost_usd=5.5)], config=config))  # two thirds are over
    text = "the month's budget comes to 75 % before it is over: paid tasks now get"
    assert found["projection", "warning"].startswith(text)
    assert ("budget", "warning") not in found
    assert told(of(tmp_path, [usage(cost_usd=1)], config=config)) == {}


def test_calls_without_a_price_are_named(tmp_path):
    found = told(of(tmp_path, [usage("t1"), unpriced("t2")]))
    assert found["unpriced", "warning"].startswith("1 call could not be priced: add codex/mystery")


@pytest.mark.parametrize(("fallbacks", "warned"), [(3, False), (4, True)])
def test_more_than_thirty_percent_fallbacks_are_high(tmp_path, fallbacks, warned):
    used = [usage(f"t{n}", fallback_used=n < fallbacks, cost_usd=0.0) for n in range(10)]
    found = told(of(tmp_path, used))
    assert (("fallback", "warning") in found) is warned
    assert not warned or "40 % of the tasks fell back" in found["fallback", "warning"]


@pytest.mark.parametrize(("climbed", "warned"), [(3, False), (4, True)])
def test_more_than_thirty_percent_climbing_from_a_tier_is_high(tmp_path, climbed, warned):
    used = tasks(*["cheap"] * 10)
    used += [
        usage(f"t{n}", tier="medium", escalated_from="cheap", cost_usd=0) for n in range(climbed)
    ]
    found = told(of(tmp_path, used))
    assert (("escalation", "warning") in found) is warned
    assert (
        not warned
        or "40 % of the tasks on the tier cheap climbed" in found["escalation", "warning"]
    )


DISTRIBUTIONS = [
    (["cheap"] * 5 + ["medium"] * 3 + ["powerful"] * 2, "good", "cheap: 50 %, medium: 30 %"),
    (["cheap"] * 3 + ["powerful"] * 7, "warning", "70 % of the requests went to the tier powerful"),
    (["cheap"] * 1 + ["medium"] * 9, None, ""),
]


@pytest.mark.parametrize(("tiers", "level", "text"), DISTRIBUTIONS)
def test_the_distribution_over_the_tiers_is_judged(tmp_path, tiers, level, text):
    found = told(of(tmp_path, tasks(*tiers, complexity=8.0)))
    levels = [key[1] for key in found if key[0] == "tiers"]
    assert levels == ([level] if level else [])
    assert level is None or text in found["tiers", level]


def test_simple_tasks_on_dear_tiers_are_told(tmp_path):
    used = tasks("cheap", "cheap", "cheap", "medium", "medium", complexity=1.0)
    found = told(of(tmp_path, used))
    assert "2 of 5 simple tasks began on a dearer tier" in found["tiers", "warning"]
    used[-1]["tier"] = "cheap"  # one in five is none too many
    assert ("tiers", "warning") not in told(of(tmp_path, used))


def test_little_saved_is_told_and_few_tasks_say_nothing(tmp_path):
    dear = provider("claude", models=[model("opus", "powerful")])
    config = world.config(dear, prices={"opus": price(1.0, 2.0)})
    used = [usage(f"t{n}", cost_usd=0.0011) for n in range(5)]  # 0.0012 on opus
    found = told(of(tmp_path, used, config=config))
    assert found["savings", "warning"].startswith("8 % was saved against opus alone")
    assert told(of(tmp_path, used[:4], config=config)) == {}
