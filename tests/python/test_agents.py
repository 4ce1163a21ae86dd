"""Which agent takes a task: its provider, its task type and its words count; busy ones are not."""

import pytest
import world

from orchestrator.decide import agents
from orchestrator.decide.words import words_of

DOCUMENT = {
    **world.AGENTS,
    "agents": {
        "first": world.agent_row(["codex", "claude"], ["debugging", "testing"], ["crash", "loop"]),
        "second": world.agent_row(["claude", "codex"], ["testing", "debugging"], ["flaky test"]),
        "writer": world.agent_row(["gemini"], ["documentation"], [], "edit", max_parallel=2),
        "editor": world.agent_row([], ["refactoring"], [], "edit", aliases=["mender"]),
    },
}
LISTED = agents.catalog(DOCUMENT)


def choose(task="x", provider="codex", task_type="debugging", busy=None, wanted=None, **more):
    return agents.choose(LISTED, words_of(task), provider, task_type, busy or {}, wanted, **more)


@pytest.mark.parametrize(
    ("task", "provider", "task_type", "name", "score"),
    [
        ("x", "codex", "debugging", "first", 40),
        ("x", "claude", "testing", "second", 40),
        ("x", "claude", "debugging", "first", 35),  # 15 + 20 against 20 + 10
        ("x", "codex", "testing", "second", 35),
        ("crashes", "claude", "testing", "second", 40),  # 35 for first: 15 + 10 + 10
        ("crashes in loops", "claude", "testing", "first", 45),
        ("crash crash crash", "codex", "x", "first", 30),  # a word counts once
        ("crash in a loop", "codex", "x", "first", 40),
        ("a flaky test", "gemini", "x", "writer", 20),
        ("a flaky test", "nobody", "x", "second", 10),
    ],
)
def test_the_highest_sum_of_fits_wins(task, provider, task_type, name, score):
    found = choose(task, provider, task_type)
    assert (found.name, found.score) == (name, score)


def test_words_count_only_up_to_a_cap():
    document = {**DOCUMENT, "weights": {**DOCUMENT["weights"], "max_keywords": 1}}
    listed = agents.catalog(document)
    found = agents.choose(listed, words_of("crash in a loop"), "codex", "x", {})
    assert found.score == 30


def test_equal_agents_go_by_their_order_in_the_catalog():
    rows = {name: world.agent_row(["codex"], ["testing"]) for name in ("b", "a", "c")}
    listed = agents.catalog({**DOCUMENT, "agents": rows})
    assert agents.choose(listed, [], "codex", "testing", {}).name == "b"


def test_a_task_that_fits_nobody_still_gets_an_agent():
    found = choose("x", "nobody", "nothing")
    assert found.name == "first"
    assert found.reason == "best of the catalog"


@pytest.mark.parametrize(
    ("busy", "name"),
    [
        ({}, "first"),
        ({"first": 1}, "second"),
        ({"first": 9, "nobody": 1}, "second"),
        ({"second": 1}, "first"),
        ({"first": 1, "second": 1, "writer": 1, "editor": 1}, "first"),  # one rather than none
    ],
)
def test_a_busy_agent_is_passed_over(busy, name):
    assert choose(busy=busy).name == name


@pytest.mark.parametrize(("tasks", "name"), [(0, "a"), (1, "a"), (2, "b"), (3, "b")])
def test_an_agent_is_busy_at_its_own_limit(tasks, name):
    rows = {
        "a": world.agent_row(["codex"], ["testing"], max_parallel=2),
        "b": world.agent_row(["codex"], ["debugging"]),
    }
    listed = agents.catalog({**DOCUMENT, "agents": rows})
    assert agents.choose(listed, [], "codex", "testing", {"a": tasks}).name == name


def test_all_busy_is_told():
    assert "busy" in choose(busy={"first": 1, "second": 1}).reason
    assert "busy" not in choose(busy={"first": 1}).reason


def test_with_edit_only_agents_that_may_edit_are_taken():
    assert choose(edit=True).access == "edit"
    assert choose("crash", edit=True, busy={"editor": 1, "writer": 9}).access == "edit"


@pytest.mark.parametrize("wanted", ["editor", "mender"])
def test_a_wanted_agent_is_taken_by_name_or_alias(wanted):
    found = choose(wanted=wanted, busy={"editor": 9})
    assert found.name == "editor"
    assert found.reason.startswith("requested with --agent")


def test_the_reason_names_what_fitted():
    reason = choose("a crash in a loop").reason
    assert reason == "fits codex; task type debugging; words: crash, loop"
