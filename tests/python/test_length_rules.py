"""Lengths adjust the scores: words, characters, questions and paths, as seed 002 wrote them."""

import pytest
import world

from orchestrator.decide import classifier


def raw(task, *rules):
    keywords = {**world.KEYWORDS, "length_rules": list(rules)}
    known = world.config()._replace(keywords=keywords)
    return classifier.classify(task, known, classifier.vocabulary(keywords)).raw_scores


@pytest.mark.parametrize(
    ("metric", "edge", "task", "applies"),
    [
        ("words", {"above": 3}, "a b c", False),
        ("words", {"above": 3}, "a b c d", True),
        ("words", {"below": 3}, "a b", True),
        ("words", {"below": 3}, "a b c", False),
        ("characters", {"above": 5}, "äöüäö", False),
        ("characters", {"above": 5}, "äöüäöü", True),
        ("questions", {"above": 0}, "why", False),
        ("questions", {"above": 0}, "why?", True),
    ],
)
def test_a_length_rule_applies_beyond_its_edge_and_not_on_it(metric, edge, task, applies):
    rule = {"metric": metric, "add": {"claude": 7}, **edge}
    assert raw(task, rule) == {"codex": 0, "gemini": 0, "claude": 7 if applies else 0}


def test_rules_add_up_with_each_other_and_with_words():
    rules = [
        {"metric": "words", "below": 10, "add": {"codex": 5, "gemini": 1}},
        {"metric": "words", "above": 1, "add": {"codex": -2}},
    ]
    assert raw("fix it", *rules) == {"codex": 18, "gemini": 1, "claude": 0}


def test_a_rule_for_a_provider_that_is_off_changes_nothing():
    assert set(raw("a", {"metric": "words", "below": 9, "add": {"nobody": 5}}).values()) == {0}


@pytest.mark.parametrize(
    ("metric", "edge", "expected"),
    [
        ("words", "above", {100: {"claude": 10}}),
        ("words", "below", {10: {"codex": 5}}),
        ("characters", "above", {500: {"gemini": 10, "claude": 5}}),
    ],
)
def test_the_lengths_of_the_seed_are_shipped(shipped, metric, edge, expected):
    rules = [r for r in shipped.keywords["length_rules"] if r["metric"] == metric and edge in r]
    assert {rule[edge]: rule["add"] for rule in rules} == expected
