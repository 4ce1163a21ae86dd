"""How hard a task is, and the tier of models that follows (seed 001)."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import classifier
from orchestrator.decide.complexity import complexity_of, tier_of
from orchestrator.decide.words import words_of

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
