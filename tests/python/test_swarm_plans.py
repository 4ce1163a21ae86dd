"""What a coordinator is asked, and its answer as nodes: what can't be used is told, all of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plans import swarm
from orchestrator.records import Node, Wishes

ACCESS = {"coder": "edit", "analyst": "read", "reviewer": "read"}
AGENTS = {"coder": "writes code", "analyst": "looks at data", "reviewer": "joins and checks"}
CODE = {"id": "code", "title": "Write it", "task": "Write the parser", "agent": "coder"}
DATA = {"id": "data", "task": "Look at the data"}
TASK = "Build a report of the energy market"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def answer(*parts):
    return json.dumps({"subtasks": parts})


def read(text, task=TASK, **given_):
    return swarm.nodes(text, task, "shop", given_, ACCESS)


def nodes(*parts, task=TASK, **given_):
    found, problems = read(answer(*parts), task, **given_)
    assert problems == []
    return found


def wrong(*parts):
    found, problems = read(answer(*parts))
    assert found == []
    return problems


def test_the_coordinator_is_asked_for_parts_and_told_of_the_agents_and_the_task():
    text = swarm.asked(TASK, AGENTS)
    assert text.endswith(f"The task:\n\n{TASK}\n")
    assert "2 to 12 parts" in text
    assert "- coder: writes code\n- analyst: looks at data\n" in text
    assert '{"subtasks": [{\n  "id"' in text


def test_a_task_with_braces_and_percents_is_asked_as_it_is():
    hostile = "{task} {agents} %s {{}} $(id)"
    assert swarm.asked(hostile, {}).endswith(f"\n{hostile}\n")
    again = swarm.asked_again(hostile, "{asked} %s", ["{problems}"])
    for text in (hostile, "{asked} %s", "- {problems}"):
        assert text in again
    [part, _, _] = nodes(CODE, DATA, task=hostile)
    assert hostile in part.context


def test_when_its_answer_can_not_be_used_it_is_shown_again_with_every_problem():
    again = swarm.asked_again("ASKED", "x" * 20_000, ["one", "two"])
    assert again.startswith("ASKED\n\nYour answer was:\n\nx")
    assert again.count("x") == swarm.MOST_ANSWER
    assert "It can't be used:\n- one\n- two\n" in again


def test_each_part_is_a_node_and_a_last_one_joins_what_they_say():
    code, data, join = nodes(CODE, {**DATA, "depends_on": "code"}, tier="cheap", edit=True)
    assert code == Node(
        key="code",
        task="Write the parser",
        repository="shop",
        options={"tier": "cheap", "edit": True, "agent": "coder"},
        title="Write it",
        context=code.context,
        informed=True,
    )
    assert TASK in code.context
    assert (data.depends_on, data.title) == (("code",), "Look at the data")
    assert data.options == {"tier": "cheap", "edit": True}
    assert (join.key, join.depends_on, join.informed) == ("join", ("code", "data"), True)
    assert TASK in join.task
    for node in (code, data, join):
        Wishes(**node.options)  # they are options and nothing else


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ({}, {}),
        ({"edit": True, "verify": "make test"}, {}),
        ({"agent": "coder", "provider": "claude", "edit": True}, {"provider": "claude"}),
    ],
)
def test_who_joins_the_answers_reads_and_changes_nothing(given_, kept):
    *_, join = nodes(CODE, DATA, **given_)
    assert join.options == {**kept, "agent": "reviewer"}


def test_an_agent_of_the_command_line_does_the_parts_that_name_none():
    code, data, _ = nodes(CODE, DATA, agent="analyst")
    assert (code.options["agent"], data.options["agent"]) == ("coder", "analyst")


@pytest.mark.parametrize(
    "around",
    [
        "PLAN",
        "Sure, here is the plan:\n\n```json\nPLAN\n```\nShall I go on?",
        "I thought of {this} and of {}, but: PLAN",
        '{"plan": 1} PLAN',
        '{"subtasks" is what you want:} PLAN',
        '{"plan": PLAN}',
        "\ufeffPLAN",
        "PLAN PLAN",
    ],
)
def test_the_plan_is_found_whatever_is_said_around_it(around):
    found, problems = read(around.replace("PLAN", answer(CODE, DATA)))
    assert problems == []
    assert [node.key for node in found] == ["code", "data", "join"]


NONE = 'there is no JSON object with "subtasks" in it'
FEW = "subtasks is no list of 2 to 12 parts"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", NONE),
        ("I can't do that.", NONE),
        ("{" * 5000, NONE),
        ('{"subtasks": [' * 5000, NONE),
        (answer(CODE, DATA)[:-3], NONE),
        ('{"subtasks": [NaN, 1]}', NONE),
        ('{"subtasks": [], "subtasks": []}', NONE),  # a key twice
        ("[1, 2]", NONE),
        ('{"subtasks": null}', FEW),
        ('{"subtasks": {}}', FEW),
        (answer(), FEW),
        (answer(CODE), FEW),
        (answer(*[{**DATA, "id": f"a{at}"} for at in range(13)]), FEW),
    ],
)
def test_what_is_no_plan_is_told_in_one_line(text, problem):
    assert read(text) == ([], [problem])


@pytest.mark.parametrize(
    ("part", "problems"),
    [
        ({}, ["id is missing", "task is missing"]),
        (5, ["id is missing", "task is missing"]),
        ({**DATA, "task": " "}, ["task is empty"]),
        ({**DATA, "task": None}, ["task is missing"]),
        ({**DATA, "id": None}, ["id is missing"]),
        ({**DATA, "agent": "nobody"}, ["there is no agent 'nobody'"]),
        ({**DATA, "edit": True}, ["'edit' is no field of a part"]),
        ({**DATA, "id": "join"}, ["'join' is the name of the part that comes last; take another"]),
        ({**DATA, "depends_on": ["nobody"]}, ['depends on "nobody", which is not there']),
        ({**DATA, "depends_on": ["join"]}, ['depends on "join", which is not there']),
        ({**DATA, "depends_on": "data"}, ["depends on itself: data -> data"]),
        ({**DATA, "id": "code"}, ['id "code" is given twice']),
    ],
)  # fmt: skip
def test_every_problem_of_a_part_is_told_with_its_number(part, problems):
    assert wrong(CODE, part) == [f"subtasks[2]: {text}" for text in problems]


@pytest.mark.parametrize("key", ["../x", "a b", "-n", "", 5, "x" * 65, "$(id)"])
def test_an_id_is_a_word_that_can_be_a_branch(key):
    [problem] = wrong(CODE, {**DATA, "id": key})
    assert problem.startswith("subtasks[2]: id ")


def test_parts_that_wait_for_each_other_in_a_circle_are_told():
    told = wrong({**CODE, "depends_on": ["data"]}, {**DATA, "depends_on": ["code"]})
    assert told == ["subtasks[1]: depends on itself: code -> data -> code"]


def test_problems_of_all_parts_are_told_at_once():
    assert wrong({**CODE, "agent": "x"}, {**DATA, "id": "join"}, {"id": "a"}) == [
        "subtasks[1]: there is no agent 'x'",
        "subtasks[2]: 'join' is the name of the part that comes last; take another",
        "subtasks[3]: task is missing",
    ]


def test_a_long_task_is_cut_where_it_is_context_and_whole_where_it_is_the_task():
    code, _, join = nodes(CODE, DATA, task="y" * 20_000)
    assert code.context.count("y") < 20_000 // 2
    assert join.task.count("y") >= 20_000


@given(ANYTHING | st.fixed_dictionaries({"subtasks": st.lists(ANYTHING, min_size=2, max_size=4)}))
def test_no_answer_breaks_the_reading(document):
    found, problems = read(json.dumps(document))
    assert (found == []) != (problems == [])


PARTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "join", None, 5]),
        "task": st.sampled_from(["x", "", None]),
    },
    optional={
        "title": st.sampled_from(["t", " ", None]),
        "agent": st.sampled_from(["coder", "nobody", None]),
        "depends_on": st.lists(st.sampled_from("abc"), max_size=2) | ANYTHING,
    },
)


@given(st.lists(PARTS, min_size=2, max_size=3))
def test_what_is_taken_of_an_answer_can_be_run(parts):
    found, problems = read(answer(*parts))
    assert (found == []) != (problems == [])
    keys = [node.key for node in found]
    assert len(set(keys)) == len(keys)
    for node in found:
        assert node.key
        assert node.task.strip()
        assert set(node.depends_on) <= set(keys) - {node.key}


def test_an_agent_that_only_reads_is_not_asked_to_edit():
    parts = [{"id": "a", "task": "Look", "agent": "analyst"}, {"id": "b", "task": "Do it"}]
    given_ = {"edit": True, "verify": "make test", "tier": "cheap"}
    text = json.dumps({"subtasks": parts})
    (look, work, _), _ = swarm.nodes(text, "Both", "shop", given_, ACCESS)
    assert look.options == {"tier": "cheap", "agent": "analyst"}
    assert work.options == given_
