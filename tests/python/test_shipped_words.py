"""The shipped vocabulary: the seed's examples, its words, and the accuracy on labelled tasks."""

import json

import pytest

from orchestrator.decide import agents, classifier
from orchestrator.decide.words import words_of

SEED_WORDS = {
    "codex": ["implement", "generate", "refactor", "fix", "debug", "optimize"],
    "gemini": ["analyze", "explain", "research", "understand", "document"],
    "claude": ["architecture", "design", "strategy", "planning", "complex"],
}
SEED_WEAK_WORDS = {
    "codex": ["reasoning", "analysis", "strategy", "planning"],
    "gemini": ["generate code", "syntax", "implementation"],
    "claude": ["quick", "simple", "check", "status"],
}


@pytest.mark.parametrize(
    ("task", "provider", "score"),
    [
        ("Implement user authentication with JWT", "codex", 92),
        ("Analyze market trends in energy sector", "gemini", 88),
        ("Design distributed system architecture", "claude", 95),
        ("Fix the bug in data loader", "codex", 87),
        ("Explain OAuth2 flow", "gemini", 85),
    ],
)
def test_the_seeds_five_tasks_get_their_provider_and_nearly_its_score(
    shipped, vocabulary, task, provider, score
):
    found = classifier.classify(task, shipped, vocabulary)
    assert found.primary == provider
    assert found.scores[provider] == pytest.approx(score, abs=5)
    assert found.clear


@pytest.mark.parametrize(
    ("task", "provider", "agent"),
    [
        ("Implement authentication", "codex", "code-generator"),
        ("Design system architecture", "claude", "system-architect"),
        ("Analyze performance metrics", "gemini", "data-analyst"),
        ("Review pull request", "codex", "code-reviewer"),
    ],
)
def test_the_seeds_four_tasks_get_their_agent(shipped, vocabulary, catalog, task, provider, agent):
    found = classifier.classify(task, shipped, vocabulary)
    assert found.primary == provider
    chosen = agents.choose(catalog, words_of(task), provider, found.task_type, {})
    assert chosen.name == agent


@pytest.mark.parametrize(
    ("provider", "word"), [(name, word) for name, words in SEED_WORDS.items() for word in words]
)
def test_every_strong_word_of_the_seed_is_worth_15_points(shipped, provider, word):
    rows = {row["word"]: row for row in shipped.keywords["strong"][provider]}
    assert rows[word].get("points", shipped.keywords["points"]["strong"]) == 15
    assert not rows[word].get("ours")


def test_the_weak_words_of_the_seed_are_shipped_at_10_points_less(shipped):
    assert shipped.keywords["points"]["weak"] == -10
    for provider, words in SEED_WEAK_WORDS.items():
        assert set(words) <= set(shipped.keywords["weak"][provider])


def test_words_the_seed_does_not_have_are_marked_as_ours(shipped):
    for provider, rows in shipped.keywords["strong"].items():
        for row in rows:
            assert row.get("ours", False) == (row["word"] not in SEED_WORDS[provider]), row["word"]


@pytest.mark.parametrize(("name", "least"), [("tune", 0.85), ("held_out", 0.70)])
def test_most_labelled_tasks_get_their_provider(root, shipped, vocabulary, name, least):
    lines = (root / "tests" / "data" / f"labelled_tasks_{name}.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    found = [classifier.classify(row["task"], shipped, vocabulary).primary for row in rows]
    hits = sum(given == row["provider"] for given, row in zip(found, rows, strict=True))
    assert len(rows) >= 60
    assert hits / len(rows) >= least
