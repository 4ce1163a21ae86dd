"""Which words of a task count: not the negated, quoted or named ones, and orders before topics."""

import pytest
from test_classifier import classified, counted


@pytest.mark.parametrize(
    ("task", "keyword"),
    [
        ("do not refactor the loader", "refactor"),
        ("don't fix it", "fix"),
        ("never implement that", "implement"),
        ("without changing the design", "design"),
        ("explain it rather than fix it", "fix"),
        ("please do not touch or refactor it", "refactor"),
    ],
)
def test_a_negated_word_does_not_count(task, keyword):
    assert counted(task)[keyword] == ("negated", 0)


@pytest.mark.parametrize(
    ("task", "keyword"),
    [
        ("do not wait, fix it", "fix"),  # the negation ends with its clause
        ("not only fix it", "fix"),
        ("i don't get it, explain", "explain"),
        ("do not be so very slow with the fix", "fix"),  # too far away
    ],
)
def test_a_negation_reaches_only_its_own_words(task, keyword):
    assert counted(task)[keyword] == ("strong", 15)


@pytest.mark.parametrize(
    ("task", "primary"),
    [
        ('Explain the message "implement and fix the design"', "gemini"),
        ("Explain `fix_everything`", "gemini"),
        ("rename the class 'Strategy'", "claude"),  # nothing else is there to go by
    ],
)
def test_quoted_words_count_only_when_no_others_are_there(task, primary):
    assert classified(task).primary == primary


@pytest.mark.parametrize(
    "task", ["see docs/fix.md", "call fix_design()", "run ./explain.sh", "$fix"]
)
def test_paths_and_identifiers_count_as_no_words(task):
    assert not classified(task).matched


@pytest.mark.parametrize(
    ("task", "primary"),
    [
        ("Explain the fix", "gemini"),
        ("Explain the fix and the refactoring and the tests", "gemini"),
        ("Fix the analysis", "codex"),
        ("please write a design for the bug fix", "claude"),
        ("Design the analysis of bugs", "claude"),
        ("Can you explain this design", "gemini"),
    ],
)
def test_the_order_says_what_is_wanted_and_other_words_only_the_topic(task, primary):
    found = classified(task)
    assert found.primary == primary
    others = [match for match in found.matched if match.provider != primary]
    assert {(match.kind, match.points) for match in others} == {("topic", 3)}


def test_two_orders_count_in_full():
    assert counted("fix the loader and explain it") == {
        "fix": ("strong", 15),
        "explain": ("strong", 15),
    }


def test_a_topic_word_of_the_ordered_provider_counts_in_full():
    assert classified("fix the loader after the refactoring").raw_scores["codex"] == 30
