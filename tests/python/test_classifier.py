"""Which provider a task suits: the rules, on a small vocabulary of their own."""

import pytest
import world

from orchestrator.decide import classifier

CONFIG = world.config()
TERMS = classifier.vocabulary(world.KEYWORDS)


def classified(task):
    return classifier.classify(task, CONFIG, TERMS)


def counted(task):
    return {match.keyword: (match.kind, match.points) for match in classified(task).matched}


def test_a_task_without_known_words_is_no_clear_match_and_goes_by_order():
    found = classified("the weather is nice")
    assert found.primary == "codex"
    assert found.fallback_chain == ("gemini", "claude")
    assert not found.clear
    assert set(found.scores.values()) == {69}


@pytest.mark.parametrize(
    ("task", "primary", "task_type"),
    [
        ("Implement a cache", "codex", "code_generation"),
        ("please clean up this module", "codex", "debugging"),
        ("Explain the cache", "gemini", "explanation"),
        ("an analysis of sales", "gemini", "analysis"),
        ("Designing the cache", "claude", "design"),
        ("our test strategy", "claude", "strategy"),
        ("nothing of the kind", "codex", "code_generation"),
    ],
)
def test_words_decide_the_provider_and_its_task_type(task, primary, task_type):
    found = classified(task)
    assert (found.primary, found.task_type) == (primary, task_type)


def test_shown_scores_are_the_raw_ones_moved_and_kept_in_range():
    found = classified("design, strategy, and quick simple syntax")
    assert found.raw_scores == {"codex": 0, "gemini": -10, "claude": 10}
    assert found.scores == {"codex": 69, "gemini": 59, "claude": 79}
    every = "implement, fix, refactor, test"
    assert classified(every).raw_scores["codex"] == 55
    assert classified(every).scores["codex"] == 100


@pytest.mark.parametrize(
    "task",
    ["fix fix fix", "fix the fixes while fixing", "fix the bug, clean up"],
)
def test_a_keyword_counts_once_however_often_it_is_there(task):
    assert classified(task).raw_scores["codex"] == 15


@pytest.mark.parametrize(
    ("task", "provider", "points"),
    [
        ("the quick loader", "claude", -10),
        ("quick and simple", "claude", -20),
        ("syntax", "gemini", -10),
        ("reasoning", "codex", -10),
        ("quickly", "claude", 0),  # an adverb of ours to be polite with, not the word
    ],
)
def test_weak_words_subtract(task, provider, points):
    assert classified(task).raw_scores[provider] == points


def test_weak_words_alone_are_no_clear_match():
    assert not classified("syntax").clear
    assert classified("syntax").primary == "codex"


def test_a_word_may_be_worth_points_of_its_own():
    assert classified("test it").raw_scores["codex"] == 10


def test_the_longest_phrase_wins_over_the_words_inside_it():
    found = classified("a test strategy")
    assert [match.word for match in found.matched] == ["test strategy"]


def test_matches_say_where_in_the_task_they_are():
    task = "Please, EXPLAIN the Design"
    assert [task[m.start : m.end] for m in classified(task).matched] == ["EXPLAIN", "Design"]


def test_only_the_beginning_of_a_huge_task_is_read():
    known = world.config(classify_bytes=20)
    found = classifier.classify("x " * 20 + "design", known, TERMS)
    assert not found.matched


def test_providers_without_words_are_scored_too_and_come_last():
    known = world.config(*(world.provider(name) for name in ("local", "claude", "codex")))
    found = classifier.classify("explain it", known, TERMS)
    assert found.raw_scores == {"local": 0, "claude": 0, "codex": 0}
    assert (found.primary, found.fallback_chain) == ("codex", ("claude", "local"))
