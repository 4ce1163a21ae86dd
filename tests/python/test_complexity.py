"""How hard a task is, and the tier of models that follows (seed 001)."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import classifier
from orchestrator.decide.complexity import complexity_of, story_complexity, tier_of
from orchestrator.decide.costs import cost_micro_usd
from orchestrator.decide.words import words_of
from orchestrator.records import Price, Spent

LEVELS = classifier.vocabulary(world.KEYWORDS).complexity
TIERS = world.SETTINGS["tiers"]


def complexity(task):
    return complexity_of(task, words_of(task), LEVELS)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("x", 0.0),
        ("fix", 1.3),  # 0.5 of 4 points
        ("implement", 3.8),  # 1.5 of 4
        ("refactor", 7.5),  # 3 of 4
        ("fix and refactor", 7.6),  # the hardest word counts, not their sum
        ("x" * 250, 1.2),
        ("x" * 500, 2.5),
        ("x" * 5000, 2.5),  # longer makes no harder
        ("refactor " + "x" * 500, 10.0),
    ],
)
def test_a_bare_task_is_scored_by_its_hardest_word_and_its_length(task, expected):
    assert complexity(task) == pytest.approx(expected, abs=0.1)


@given(st.text(max_size=700))
def test_complexity_stays_between_0_and_10(task):
    assert 0 <= complexity(task) <= 10


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (0, "cheap"),
        (2, "cheap"),
        (2.9, "cheap"),
        (3, "medium"),
        (5, "medium"),
        (5.9, "medium"),
        (6, "powerful"),
        (10, "powerful"),
        (99, "powerful"),
    ],
)
def test_tiers_leave_no_gap(score, tier):
    assert tier_of(score, TIERS) == tier


def test_the_shipped_tiers_are_those_of_the_design(shipped):
    tiers = shipped.settings["tiers"]
    assert [tier_of(score, tiers) for score in (0, 2.9, 3, 5.9, 6, 10)] == [
        "cheap",
        "cheap",
        "medium",
        "medium",
        "powerful",
        "powerful",
    ]


def test_a_given_complexity_overrides_the_one_of_the_words():
    known = world.config()
    terms = classifier.vocabulary(world.KEYWORDS)
    found = classifier.classify("refactor it", known, terms, 1.0)
    assert (found.complexity, found.tier) == (1.0, "cheap")


def story(files=0, criteria=0, description="", dependencies=0):
    return {
        "fileScope": ["f"] * files,
        "acceptanceCriteria": ["c"] * criteria,
        "description": description,
        "dependencies": ["d"] * dependencies,
    }


@pytest.mark.parametrize(
    ("made", "expected", "tier"),
    [
        # The seed adds 0.5 + 0.9 + 0.5 + 0.2 up to 2.1, and heads it "1.5" and "rounds to 2.0".
        (story(2, 3, "fix ".ljust(100, "x"), 0), 2.1, "cheap"),
        # It adds up to 9.6, headed "7.5" and "rounds to 9.5"; the formula rounds to one digit.
        (story(12, 10, "architecture ".ljust(600, "x"), 3), 9.6, "powerful"),
        (story(), 0.0, "cheap"),
        ({}, 0.0, "cheap"),
        (story(10, 8, "architecture".ljust(500), 5), 10.0, "powerful"),
        (story(99, 99, "architecture".ljust(9999), 99), 10.0, "powerful"),
        (story(description="the latest prefixes"), 0.0, "cheap"),  # no "fix", no "test" in them
        (story(5, 4, "implement it", 0), 4.0, "medium"),
    ],
)
def test_a_story_is_scored_by_the_formula_of_the_seed(made, expected, tier):
    scored = story_complexity(made, LEVELS)
    assert scored == expected
    assert tier_of(scored, TIERS) == tier


@given(st.integers(0, 30), st.integers(0, 30), st.text(max_size=600), st.integers(0, 30))
def test_a_story_stays_between_0_and_10_and_more_of_it_is_never_easier(files, criteria, text, deps):
    scored = story_complexity(story(files, criteria, text, deps), LEVELS)
    assert 0 <= scored <= 10
    assert story_complexity(story(files + 1, criteria + 1, text, deps + 1), LEVELS) >= scored


# Seed 001's models at its prices, USD per million tokens in and out.
PRICES = {
    "haiku": Price(0.25, 1.25, 0.25, 0.25),
    "sonnet": Price(3, 15, 3, 3),
    "opus": Price(15, 75, 15, 15),
    "gpt-4o": Price(2.5, 10, 2.5, 2.5),
    "deepseek": Price(0.14, 0.28, 0.14, 0.14),
}


@pytest.mark.parametrize(
    ("rows", "total_usd", "baseline_usd", "saved_percent"),
    [
        # Case 1 says $28.88 and 61.5 %, and of the simple tasks 99.5 %: 98.3 % it is.
        (
            [("haiku", 750, 150), ("sonnet", 1000, 200), ("opus", 750, 150)],
            28.875,
            75.0,
            61.5,
        ),
        ([("haiku", 750, 150)], 0.375, 22.5, 98.3),
        # Case 2 says $25.14: its DeepSeek line takes $0.20 and $1.40 a million for $0.14 and $0.28.
        (
            [
                ("deepseek", 6000, 1200),
                ("haiku", 2500, 500),
                ("sonnet", 1000, 200),
                ("opus", 500, 100),
            ],
            23.426,
            300.0,
            92.2,
        ),
        # Case 3 says $20 and 66.7 %: 400,000 tokens at $10 a million are $4, not $15.
        ([("gpt-4o", 2000, 400)], 9.0, 60.0, 85.0),
    ],
)
def test_the_case_studies_are_computed_anew(rows, total_usd, baseline_usd, saved_percent):
    def cost(model, kilo_in, kilo_out):
        return cost_micro_usd(PRICES[model], Spent(1, kilo_in * 1000, 0, 0, kilo_out * 1000))

    total = sum(cost(*row) for row in rows)
    baseline = sum(cost("opus", *row[1:]) for row in rows)
    assert total == round(total_usd * 1_000_000)
    assert baseline == round(baseline_usd * 1_000_000)
    assert round(100 * (1 - total / baseline), 1) == saved_percent
