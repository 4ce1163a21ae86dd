"""The stories of a PRD become tasks that wait for each other as the PRD says."""

import copy
import json

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import classifier
from orchestrator.decide.complexity import story_complexity
from orchestrator.plans import prd, story
from orchestrator.records import Wishes

SETTINGS = {"max_task_bytes": 10_000}
LEVELS = classifier.vocabulary(world.KEYWORDS).complexity
US_1 = {"id": "US-001", "title": "Set up"}
US_42 = {
    "id": "US-042",
    "title": "Implement OAuth Authentication",
    "complexity": 7,
    "delegation": {
        "subtasks": [
            {"title": "Add login UI", "complexity": 2},
            {"title": "Implement JWT middleware", "complexity": 4},
        ]
    },
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def scored(parts):
    return story_complexity(parts, LEVELS)


def nodes(*stories, given_=None, **document):
    found, problems = prd.nodes(
        {"userStories": [*stories], **document}, "shop", given_ or {}, SETTINGS, scored
    )
    assert problems == []
    return found


def wrong(*stories, **document):
    found, problems = prd.nodes(
        {"userStories": [*stories], **document}, "shop", {}, SETTINGS, scored
    )
    assert found == []
    return problems


def one(given_=None, **fields):
    [node] = nodes({**US_1, **fields}, given_=given_)
    return node


def delegated(*subtasks, **fields):
    return {**US_1, **fields, "delegation": {"subtasks": [*subtasks]}}


def test_a_story_becomes_a_task_that_says_all_of_it_and_no_more():
    [node] = nodes(
        {
            **US_1,
            "description": "As a buyer I want a cart.\n",
            "acceptanceCriteria": ["It holds 3 things", "It says\nhow many"],
            "fileScope": ["src/cart.py"],
            "notes": "not for the model",
            "complexity": 2,
        },
        project="Shop",
        branchName="cart",
        description="of the whole",
    )
    assert node.task == (
        "Implement this user story.\n\n# US-001 Set up\n\nAs a buyer I want a cart.\n\n"
        "## Acceptance criteria\n\n- It holds 3 things\n- It says\n  how many\n\n"
        "## Files in scope\n\n- src/cart.py\n\nProject: Shop\n"
    )
    assert (node.key, node.title, node.story) == ("US-001", "US-001 Set up", "US-001")
    assert (node.repository, node.informed, node.depends_on) == ("shop", False, ())


@pytest.mark.parametrize("name", ["userStories", "stories", "user_stories"])
def test_the_stories_go_by_any_of_their_names(name):
    found, problems = prd.nodes({name: [US_1]}, "shop", {}, SETTINGS, scored)
    assert [node.key for node in found] == ["US-001"]
    assert problems == []


@pytest.mark.parametrize("name", ["dependencies", "dependsOn", "depends_on"])
@pytest.mark.parametrize("value", ["US-001", ["US-001"], ["US-001", "US-001"]])
def test_a_story_waits_for_what_it_depends_on(name, value):
    found = nodes({"id": "US-002", "title": "Pay", name: value}, US_1)
    assert [node.depends_on for node in found] == [("US-001",), ()]


@pytest.mark.parametrize("name", ["passes", "done", "completed"])
def test_what_is_done_is_left_out_and_nobody_waits_for_it(name):
    done = delegated({"title": "a", "id": "part"}, **{name: True, "dependencies": ["gone"]})
    later = {"id": "US-002", "title": "Pay", "dependencies": ["US-001", "part", "US-001.2"]}
    done["delegation"]["subtasks"].append({"title": "b"})
    [node] = nodes(done, later)
    assert (node.key, node.depends_on) == ("US-002", ())
    assert one(**{name: False}).key == "US-001"


def test_what_is_wrong_with_a_story_that_is_done_is_no_matter_but_its_id():
    assert nodes({**delegated({"tier": 3}, 4, priority="high", tiers=1), "done": True}) == []
    assert wrong({"done": True}) == [("userStories[0]", "id is missing")]


def test_the_lowest_number_is_the_most_urgent_and_none_the_least():
    rows = [{"id": f"s{at}", "title": "x", "priority": at} for at in (2, 1, 3)]
    assert [node.priority for node in nodes(*rows, {"id": "s", "title": "x"})] == [-2, -1, -3, -3]
    assert one().priority == 0
    assert [node.priority for node in nodes({**US_1, "priority": 0}, rows[0])] == [0, -2]


@pytest.mark.parametrize(
    ("own", "given_", "options"),
    [
        ({"preferred_provider": "claude-opus"}, {}, {"preferred_provider": "claude-opus"}),
        (
            {"required_capabilities": {"vision": True, "tools": False}},
            {},
            {"requires": ("vision",)},
        ),
        ({"requires": "tools"}, {}, {"requires": ("tools",)}),
        ({"complexity": "5", "domain": "docs"}, {}, {"complexity": 5, "domain": "docs"}),
        ({"max-cost": 1, "preferred_provider": None}, {}, {"max_cost_usd": 1}),
        ({"complexity": 5, "model": "a"}, {"complexity": 1}, {"complexity": 5, "model": "a"}),
        ({"complexity": 5}, {"complexity": 1, "model": "b"}, {"complexity": 5, "model": "b"}),
        ({"edit": False}, {"edit": True, "verify": "make"}, {"verify": "make"}),
        ({"tier": "a", "provider": "a"}, {"tier": "b"}, {"tier": "b", "provider": "a"}),
        ({"tier": "a", "provider": "a"}, {"provider": "b"}, {"tier": "a", "provider": "b"}),
        ({"fileScope": ["a", "b"]}, {}, {"complexity": 0.5}),
        ({"fileScope": ["a", "b"]}, {"complexity": 3}, {"complexity": 3}),
        ({"fileScope": ["a", "b"], "complexity": 0}, {}, {"complexity": 0}),
        ({"fileScope": [], "acceptanceCriteria": [], "description": "Refactor"}, {}, {}),
    ],
)
def test_a_storys_own_options_win_but_a_provider_and_a_tier_for_all(own, given_, options):
    assert one(given_, **own).options == options


def test_subtasks_are_tasks_that_their_story_waits_for_and_is_told_of():
    first, second, whole = nodes(US_42)
    assert [first.key, second.key, whole.key] == ["US-042.1", "US-042.2", "US-042"]
    assert [node.options["complexity"] for node in (first, second, whole)] == [2, 4, 7]
    assert whole.depends_on == ("US-042.1", "US-042.2")
    assert [node.informed for node in (first, second, whole)] == [False, False, True]
    assert {node.story for node in (first, second, whole)} == {"US-042"}
    assert first.title == "US-042.1 Add login UI"
    assert "US-042 Implement OAuth Authentication" in first.task
    assert "- US-042.1 Add login UI\n- US-042.2 Implement JWT middleware" in whole.task


def test_a_subtask_inherits_all_but_how_hard_its_story_is():
    row = delegated(
        {"title": "a"}, {"title": "b", "model": "m", "priority": 1, "requires": "tools"},
        complexity=7, domain="d", model="n", priority=5, required_capabilities={"vision": True},
    )  # fmt: skip
    first, second, _ = nodes(row)
    assert first.options == {"domain": "d", "model": "n", "requires": ("vision",)}
    assert second.options == {"domain": "d", "model": "m", "requires": ("tools",)}
    assert (first.priority, second.priority) == (-5, -1)


def test_a_subtask_waits_for_what_its_story_waits_for_and_for_siblings_by_title_or_id():
    other = {"id": "US-000", "title": "Other"}
    third = {"id": "US-009", "title": "Third"}
    row = delegated(
        {"title": "Log in", "id": "login"},
        {"title": "Log out", "depends_on": ["Log in", "US-009"]},
        {"title": "Both", "depends_on": ["login", "US-001.2"]},
        dependencies=["US-000"],
    )
    found = {node.key: node.depends_on for node in nodes(other, third, row)}
    assert found["login"] == ("US-000",)
    assert found["US-001.2"] == ("US-000", "login", "US-009")
    assert found["US-001.3"] == ("US-000", "login", "US-001.2")
    assert found["US-001"] == ("US-000", "login", "US-001.2", "US-001.3")


def test_a_subtask_that_is_done_is_left_out_and_the_numbers_of_the_others_stay():
    second, whole = nodes(
        delegated({"title": "a", "done": True}, {"title": "b", "depends_on": "a"})
    )
    assert (second.key, second.depends_on, whole.depends_on) == ("US-001.2", (), ("US-001.2",))
    [whole] = nodes(delegated({"title": "a", "done": True}))
    assert (whole.depends_on, whole.informed) == ((), False)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"id": None}, "id is missing"),
        ({"title": None}, "title is missing"),
        ({"title": " "}, "title is empty"),
        ({"title": "a\0"}, "title holds a NUL"),
        ({"description": "\ud800"}, "description is not UTF-8"),
        ({"description": ["a"]}, "description is a list; allowed: a text"),
        ({"acceptanceCriteria": "a"}, 'acceptanceCriteria is "a"; allowed: a list of texts'),
        ({"acceptanceCriteria": ["a", 3]}, "acceptanceCriteria[1] is 3; allowed: a text"),
        ({"fileScope": {}}, "fileScope is an object; allowed: a list of texts"),
        ({"dependencies": [{}]}, "dependencies[0] is an object; allowed: a text"),
        ({"dependencies": ["US-9"]}, 'depends on "US-9", which is not there'),
        ({"dependencies": ["US-001"]}, "depends on itself: US-001 -> US-001"),
        ({"priority": "high"}, 'priority is "high"; allowed: an integer, -1000 to 1000'),
        ({"passes": "no"}, 'passes is "no"; allowed: true, false'),
        ({"complexity": 11}, "complexity is 11; allowed: a number, 0 to 10"),
        ({"complexty": 1}, 'unknown field "complexty"; did you mean complexity?'),
        ({"dependson": []}, 'unknown field "dependson"; did you mean dependsOn or depends_on?'),
        ({"description": "x" * 10_001}, "task has more bytes than max_task_bytes 10000"),
        ({"delegation": []}, "delegation is a list; allowed: an object with subtasks"),
        ({"delegation": {"subtasks": {}}}, "delegation.subtasks is an object; allowed: a list"),
        (
            {"delegation": {"subTasks": []}},
            'unknown field "subTasks" in delegation; did you mean subtasks?',
        ),
        ({"requires": "tools", "required_capabilities": "tools"},
         "required_capabilities is the same option as requires"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_story_is_told_with_its_place(fields, why):
    key = "" if "id" in fields else " US-001"
    assert wrong({**US_1, **fields}) == [(f"userStories[0]{key}", why)]


@pytest.mark.parametrize(
    ("subtask", "key", "why"),
    [
        ("x", "", 'is "x"; allowed: an object with a title'),
        ({}, " US-001.1", "title is missing"),
        ({"title": "a", "id": 1}, "", "id is 1; allowed: 1 to 64 letters, digits"),
        ({"title": "a", "depends_on": "a"}, " US-001.1", "depends on itself: US-001.1 -> US-001.1"),
        (
            {"title": "a", "depends_on": "US-001"},
            " US-001.1",
            "depends on itself: US-001.1 -> US-001",
        ),
        ({"title": "a", "depends_on": "b"}, " US-001.1", 'depends on "b", which is not there'),
        ({"title": "a", "complexity": "x"}, " US-001.1", 'complexity is "x"; allowed: a number'),
        ({"title": "a", "delegation": {}}, " US-001.1", "delegation is not for subtasks"),
    ],
)
def test_what_is_wrong_with_a_subtask_is_told_with_its_place(subtask, key, why):
    [(where, text)] = wrong(delegated(subtask))
    assert where == f"userStories[0].delegation.subtasks[0]{key}"
    assert text.startswith(why)


def test_a_subtask_has_an_id_of_its_own():
    problems = wrong(delegated({"title": "a", "id": "US-001"}))
    assert ("userStories[0] US-001", 'id "US-001" is given twice') in problems


def test_a_title_that_two_subtasks_have_names_neither():
    row = delegated({"title": "a"}, {"title": "a"}, {"title": "b", "depends_on": "a"})
    place = "userStories[0].delegation.subtasks[2] US-001.3"
    assert wrong(row) == [(place, 'depends on "a", the title of several')]


def test_what_a_story_waits_for_in_vain_is_told_once_whatever_its_subtasks():
    row = delegated({"title": "a"}, {"title": "b"}, dependencies=["gone"])
    assert wrong(row) == [("userStories[0] US-001", 'depends on "gone", which is not there')]


def test_problems_of_all_stories_are_told_at_once():
    assert wrong(3, {"title": "x"}, {**US_1, "tier": 3}, {**US_1, "dependencies": ["US-1"]}) == [
        ("userStories[0]", "is 3; allowed: an object"),
        ("userStories[1]", "id is missing"),
        ("userStories[2] US-001", "tier is 3; allowed: a text"),
        ("userStories[3] US-001", 'depends on "US-1", which is not there'),
        ("userStories[3] US-001", 'id "US-001" is given twice'),
    ]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "is a list; allowed: an object with userStories"),
        ({}, "userStories is missing"),
        ({"userStories": None}, "userStories is missing"),
        ({"userStories": {}}, "userStories is an object; allowed: a list"),
        ({"userStories": [], "stories": []}, "userStories and stories are both there"),
        ({"userStories": [], "project": 3}, "project is 3; allowed: a text"),
    ],
)
def test_what_is_no_prd_is_told(document, why):
    assert prd.nodes(document, "shop", {}, SETTINGS, scored) == ([], [("PRD", why)])


def test_a_prd_whose_stories_wait_for_each_other_is_refused_once():
    rows = [{"id": key, "title": "x", "dependencies": [to]} for key, to in ("ab", "bc", "ca")]
    assert wrong(*rows) == [("userStories[0] a", "depends on itself: a -> b -> c -> a")]
    rows[2]["done"] = True
    assert [node.depends_on for node in nodes(*rows)] == [("b",), ()]


def test_neither_the_document_nor_the_options_of_the_command_line_are_changed():
    document, given_ = {"stories": [US_42]}, {"edit": True}
    before = copy.deepcopy((document, given_))
    prd.nodes(document, "shop", given_, SETTINGS, scored)
    assert (document, given_) == before


@given(st.lists(st.dictionaries(st.sampled_from(story.KNOWN) | st.text(), ANYTHING), max_size=3))
def test_any_stories_are_nodes_or_have_problems_that_can_be_printed(rows):
    found, problems = prd.nodes({"stories": rows}, "shop", {}, SETTINGS, scored)
    assert not (found and problems)
    for where, text in problems:
        assert len(f"{where}{text}".encode()) < 1000
    for node in found:
        Wishes(**node.options)
        json.dumps(node).encode()
