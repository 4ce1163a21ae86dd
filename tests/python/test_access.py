"""What a route may see of the repository: a fallback never sees less than the first choice."""

import pytest
import world
from world import decide

CLIENT = world.way("client")
API = world.way("api", "api", access="none")
READER = world.way("reader", access="read")


def known(**ways):
    return world.config(*(world.provider(name, *ways.get(name, (CLIENT,))) for name in world.NAMES))


def chain(found):
    return [(r.provider, r.transport.account, r.access) for r in found.chain]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, [("codex", "client", "read"), ("gemini", "reader", "read")]),
        (
            {"allow_blind": True},
            [
                ("codex", "client", "read"),
                ("codex", "api", "none"),
                ("gemini", "reader", "read"),
                ("claude", "api", "none"),
            ],
        ),
        ({"edit": True}, [("codex", "client", "edit")]),
        (
            {"edit": True, "allow_blind": True},
            [
                ("codex", "client", "edit"),
                ("codex", "api", "none"),
                ("gemini", "reader", "read"),
                ("claude", "api", "none"),
            ],
        ),
    ],
)
def test_a_fallback_never_sees_less_unless_blind_is_allowed(wishes, expected):
    made = known(codex=(CLIENT, API), gemini=(READER,), claude=(API,))
    assert chain(decide("fix it", made, **wishes)) == expected


def test_a_first_choice_that_sees_no_files_may_fall_back_to_anybody():
    made = known(codex=(API,), gemini=(READER,), claude=(CLIENT,))
    found = decide("fix it", made)
    assert [access for _, _, access in chain(found)] == ["none", "read", "read"]
    assert found.access == "none"
    assert found.notes == ("cannot see files: the API gets the task text only",)


def test_without_edit_nobody_may_edit_and_the_screen_says_so():
    found = decide("fix it", known())
    assert {access for _, _, access in chain(found)} == {"read"}
    assert found.notes == ("read-only: add --edit to change files",)


def test_edit_needs_the_wish_and_an_agent_that_edits():
    found = decide("fix it", known(), edit=True)
    assert found.agent.access == "edit"
    assert {access for _, _, access in chain(found)} == {"edit"}
    assert found.notes == ()


def test_a_provider_that_can_not_edit_gives_way_to_one_that_can():
    made = known(codex=(API, READER))
    assert decide("fix it", made).chosen.provider == "codex"
    found = decide("fix it", made, edit=True)
    assert found.chosen.provider == "gemini"
    assert found.reason == "primary blocked (api can't edit files), using fallback"


def test_what_can_edit_but_is_not_ready_is_not_replaced_by_what_sees_nothing():
    made = known(codex=(CLIENT, API), gemini=(API,), claude=(API,))
    unready = {"codex": ("the client is not installed", None)}
    found = decide("fix it", made, unready=unready, edit=True)
    assert (found.chosen.provider, found.ready) == ("codex", False)


@pytest.mark.parametrize(("busy", "agent"), [({}, "coder"), ({"coder": 1}, "debugger")])
def test_tasks_in_flight_keep_their_agent_busy(busy, agent):
    assert decide("implement it", known(), busy=busy).agent.name == agent


def test_a_wanted_agent_takes_the_task():
    assert decide("fix it", known(), agent="claude-designer").agent.name == "designer"
