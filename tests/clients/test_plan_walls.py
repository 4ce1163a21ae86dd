"""A plan's limit that a claude meets in mid-run, and an answer that only speaks of limits."""

import time
from datetime import datetime

import pytest
from support import PREFERRED
from test_logins import log_in

READ = {"tool": "Read", "input": {"file_path": "README.md"}}
SPEAKING = (
    'HTTP 429 means too many requests. "You\'ve hit your weekly limit · resets 12am (UTC)" is what '
    "a plan says when it is used up; insufficient_quota is a bill."
)


@pytest.fixture
def on_a_plan(place, simulator):
    """The claude client is logged in, and has no key."""
    log_in(place, "claude", simulator.url)
    del place.environment["ANTHROPIC_API_KEY"]
    place.make_repository()
    return place


def design(place, *words):
    return place.run("--yes", "--json", *words, place.repo, PREFERRED["claude"])


def test_a_weekly_limit_after_a_tool_is_a_wall_with_its_reset_and_nobody_knocks_before(
    on_a_plan, simulator
):
    until = int(time.time()) + 7200
    fault = {"kind": "quota", "after_tool": True, "reset_at": until}
    simulator.play("claude", tools=[READ], faults=[fault])
    run = design(on_a_plan)
    assert run.code == 0, run
    wall, last = run.attempts
    assert (wall["provider"], wall["error_class"], wall["used_tools"]) == ("claude", "QUOTA", True)
    assert datetime.fromisoformat(wall["retry_at"]).timestamp() == until
    assert last["provider"] != "claude"

    asked = len(simulator.requests("claude"))
    again = design(on_a_plan)
    assert again.code == 0, again
    assert [attempt["provider"] for attempt in again.attempts] == [last["provider"]]
    assert len(simulator.requests("claude")) == asked
    state = again.line["provider_state_at_recommendation"]["claude"]
    assert state["retry_at"] == wall["retry_at"]
    assert design(on_a_plan, "--provider", "claude").code == 3
    assert len(simulator.requests("claude")) == asked


def test_an_answer_that_explains_limits_is_a_success_and_keeps_nobody_away(on_a_plan, simulator):
    simulator.play("claude", answer=SPEAKING)
    for _ in range(2):
        run = design(on_a_plan)
        assert run.code == 0, run
        assert [attempt["provider"] for attempt in run.attempts] == ["claude"]
        assert run.line["result"] == SPEAKING
    assert not (on_a_plan.logs / "alerts.jsonl").exists()
