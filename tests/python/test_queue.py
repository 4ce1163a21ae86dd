"""A row of a queue becomes a node, or all that is wrong with it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plans.queue import node
from orchestrator.plans.values import Problem
from orchestrator.records import Node, Wishes

SETTINGS = {"max_task_bytes": 100}
ALPHABET = "1 to 64 letters, digits, . _ and -, the first no . or -"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["task", "repo", "id", "priority", "depends_on", "tier", "max-cost", "requires", "edit"]


def made(value, repository="shop", **given_):
    found, problems = node(value, repository, given_, SETTINGS)
    assert problems == []
    return found


def wrong(value, repository="shop"):
    found, problems = node(value, repository, {}, SETTINGS)
    assert found is None
    return problems


def test_a_text_is_a_task_with_the_options_of_the_command_line():
    assert made("Fix it", tier="cheap") == Node(
        "", "Fix it", "shop", {"tier": "cheap"}, title="Fix it"
    )


def test_a_row_says_what_goes_with_its_task():
    row = {
        "task": "Fix it", "repo": "api", "id": "fix-1", "priority": -3,
        "depends_on": ["a", "b", "a"],
        "tier": "cheap", "max_cost": "1.5", "timeout": 60, "edit": True, "image": "a.png",
    }  # fmt: skip
    options = {
        "tier": "cheap", "max_cost_usd": 1.5, "timeout_s": 60.0, "edit": True, "image": ("a.png",),
    }  # fmt: skip
    assert made(row) == Node("fix-1", "Fix it", "api", options, ("a", "b"), -3, "Fix it")


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ({}, {"tier": "cheap", "edit": True, "image": ("a.png",)}),
        ({"tier": "medium"}, {"tier": "medium", "edit": True, "image": ("a.png",)}),
        ({"edit": False}, {"tier": "cheap", "image": ("a.png",)}),
        ({"image": []}, {"tier": "cheap", "edit": True}),
        ({"tier": None, "id": None}, {"tier": "cheap", "edit": True, "image": ("a.png",)}),
        ({"complexity": 0}, {"tier": "cheap", "edit": True, "image": ("a.png",), "complexity": 0}),
    ],
)
def test_a_rows_own_options_go_before_those_of_the_command_line(row, options):
    found = made({"task": "x", **row}, tier="cheap", edit=True, image=("a.png",))
    assert found.options == options


@pytest.mark.parametrize("name", ["max_cost_usd", "max_cost", "max-cost"])
def test_an_option_goes_by_its_field_and_by_its_name(name):
    assert made({"task": "x", name: 2}).options == {"max_cost_usd": 2}


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("\n \t\n  Fix\tit  now \nand then", "Fix it now"),
        ("x" * 72, "x" * 72),
        ("x" * 73, "x" * 71 + "…"),
        ("\u00e9" * 50, "\u00e9" * 50),
    ],
)
def test_the_title_is_the_first_line_that_says_something(task, title):
    assert made(task).title == title


@pytest.mark.parametrize("key", ["a", "US-001", "_x", "1.2", "A" * 64])
def test_an_id_is_of_letters_digits_dots_and_dashes(key):
    assert made({"task": "x", "id": key, "depends_on": key}).depends_on == (key,)


@pytest.mark.parametrize(
    "key", ["", "-a", ".a", "a b", "a/b", "\u00e9", "a\n", "A" * 65, 1, True, ["a"]]
)
def test_nothing_else_is_an_id(key):
    [of_id, of_other] = wrong({"task": "x", "id": key, "depends_on": [key]})
    assert of_id.startswith("id is ")
    assert of_other.startswith("depends_on is ")
    assert of_id.endswith(f"allowed: {ALPHABET}")


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        (3, ["is 3; allowed: a text, or an object with a task"]),
        (None, ["is null; allowed: a text, or an object with a task"]),
        (["x"], ["is a list; allowed: a text, or an object with a task"]),
        (Problem("is not UTF-8"), ["is not UTF-8"]),
        ("", ["task is empty"]),
        (" \n", ["task is empty"]),
        ({}, ["task is missing"]),
        ({"task": None}, ["task is missing"]),
        ({"task": 3}, ["task is 3; allowed: a text"]),
        ("a\0b", ["task holds a NUL"]),
        ("\ud800", ["task is not UTF-8"]),
        ("x" * 101, ["task has more bytes than max_task_bytes 100"]),
        ("\u00e9" * 51, ["task has more bytes than max_task_bytes 100"]),
        ({"task": "x", "repo": ""}, ["repo is empty"]),
        ({"task": "x", "repo": "a\0"}, ["repo holds a NUL"]),
        ({"task": "x", "priority": 1001}, ["priority is 1001; allowed: an integer, -1000 to 1000"]),
        ({"task": "x", "priority": 1.0}, ["priority is 1.0; allowed: an integer, -1000 to 1000"]),
        ({"task": "x", "priority": True}, ["priority is true; allowed: an integer, -1000 to 1000"]),
        ({"task": "x", "complexity": "high"}, ['complexity is "high"; allowed: a number, 0 to 10']),
        ({"task": "x", "tire": "cheap"}, ['unknown option "tire"; did you mean tier?']),
        ({"task": "x", "dependsOn": "a"}, ['unknown option "dependsOn"; did you mean depends_on?']),
        ({"task": "x", "yes": True}, ['unknown option "yes"']),
        ({"task": "x", "\x1b[2J": 1}, ['unknown option "\\u001b[2J"']),
        ({"task": "x", "max_cost": 1, "max-cost": 2}, ["max-cost is the same option as max_cost"]),
        ({"tsk": "x", "tier": 3, "id": "-"}, [
            "task is missing", f'id is "-"; allowed: {ALPHABET}', "tier is 3; allowed: a text",
            'unknown option "tsk"; did you mean task?',
        ]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_row_is_told_at_once(row, problems):
    assert wrong(row) == problems


def test_a_row_needs_a_repository_of_its_own_where_the_command_line_has_none():
    assert wrong("x", None) == ["repo is missing, here and on the command line"]
    assert made({"task": "x", "repo": "api"}, None).repository == "api"


def test_of_very_many_unknown_options_the_first_are_named():
    problems = wrong({"task": "x", **{f"{at}?": 1 for at in range(50_000)}})
    assert len(problems) == 11
    assert problems[-1] == "49990 more unknown options"


def test_problems_stay_short_whatever_was_given():
    long = "tier" * 1_000_000
    for row in ({long: 1}, {"id": long}, {"strategy": long}, {"requires": long}, {"edit": long}):
        [problem] = wrong({"task": "x", **row})
        assert len(problem) < 200


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(st.characters(codec=None)), ANYTHING))
def test_any_row_is_a_node_or_has_problems_that_can_be_printed(row):
    found, problems = node(row, None, {}, SETTINGS)
    assert (found is None) == bool(problems)
    for problem in problems:
        assert len(problem.encode()) < 1000
        assert "\n" not in problem
    if found:
        Wishes(**found.options)
        found.task.encode()
