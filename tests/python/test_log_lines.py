"""The two log lines: field names of seed 002, section 10.1; numbers are numbers, money is USD."""

import json

import pytest
import world
from world import MICRO, NOW_MS, daily, decide, full_usage, limit

from orchestrator import clock
from orchestrator import records as r
from orchestrator.decide import lines
from orchestrator.records import Failure, Outcome, Spent

RATE = limit(amount=100, block=80)
TASK = {"text": "explain it", "sha256": "ab12"}
FIELDS = {
    "": "schema timestamp session_id task_id run_id node_id repository task_description "
    "task_sha256 task_classification provider_state_at_recommendation recommendation "
    "execution_metrics",
    "task_classification": "primary_provider primary_score fallback_chain all_scores raw_scores "
    "task_type complexity tier matched",
    "recommendation": "provider model provider_reason cost_estimate execution_time_estimate "
    "agent_assigned agent_reason alternatives",
}
STATE = "requests_percent tokens_percent cost_today daily_budget available block_reason retry_at"
USAGE = (
    "schema timestamp attempt_id task_id story_id role phase iteration provider model transport "
    "complexity input_tokens output_tokens cached_input_tokens cache_write_tokens cost_usd "
    "cost_notional_usd cost_source price_version booked_day latency_ms success fallback_used "
    "outcome error"
)


def known():
    return world.config(*(world.provider(name, limits=[RATE, daily(30)]) for name in world.NAMES))


def line(usages=None, unready=None, **wishes):
    found = decide("explain it", known(), usages, unready, **wishes)
    written = lines.decision(found, "the-task", "/my repo", TASK, NOW_MS, "UTC")
    assert json.loads(json.dumps(written)) == written  # nothing but JSON is in it
    return written


def test_a_decision_has_the_fields_of_the_seed():
    written = line()
    for part, names in FIELDS.items():
        assert set(names.split()) <= set(written[part] if part else written), part
    for state in written["provider_state_at_recommendation"].values():
        assert set(STATE.split()) <= set(state)


def test_a_decision_says_what_was_decided_and_why():
    written = line()
    assert (written["schema"], written["timestamp"]) == (1, "2026-11-20T22:00:00.000Z")
    assert written["session_id"] == "session-2026-11-20"
    assert (written["task_id"], written["run_id"], written["node_id"]) == ("the-task",) * 2 + (
        "task",
    )
    assert (written["task_description"], written["task_sha256"]) == ("explain it", "ab12")
    chosen = written["recommendation"]
    assert (chosen["provider"], chosen["model"]) == ("gemini", "gemini-medium")
    assert chosen["provider_reason"] == "primary available"
    assert chosen["agent_assigned"] == "explainer"
    assert [row["provider"] for row in chosen["alternatives"]] == ["codex", "claude"]
    assert written["execution_metrics"]["status"] == "recommended"


def test_money_and_percents_are_numbers():
    usages = {
        "gemini": full_usage(RATE, amount=72),
        "codex": full_usage(daily(30), amount=12_500_000),
    }
    written = line(usages)
    states = written["provider_state_at_recommendation"]
    assert (states["gemini"]["requests_percent"], states["codex"]["cost_today"]) == (72.0, 12.5)
    assert states["codex"]["daily_budget"] == 30.0
    assert isinstance(written["recommendation"]["cost_estimate"], float)
    assert written["recommendation"]["cost_estimate"] > 0


def test_a_blocked_provider_says_why_and_until_when():
    state = line({"gemini": full_usage(RATE)})["provider_state_at_recommendation"]["gemini"]
    assert (state["available"], state["block_reason"]) == (False, "requests_percent >= 80%")
    assert NOW_MS < clock.parse(state["retry_at"]) <= NOW_MS + 61_000
    free = line()["provider_state_at_recommendation"]["gemini"]
    assert (free["available"], free["block_reason"], free["retry_at"]) == (True, None, None)


def test_a_refusal_says_when_there_will_be_room():
    written = line({name: full_usage(RATE) for name in world.NAMES})
    metrics = written["execution_metrics"]
    assert (metrics["status"], metrics["outcome"]) == ("refused", "no_room")
    assert clock.parse(metrics["retry_at"]) > NOW_MS
    assert written["recommendation"]["transport"] is None
    assert written["recommendation"]["provider"] is not None


def test_a_recommendation_nobody_can_run_yet_names_no_transport():
    written = line(unready=dict.fromkeys(world.NAMES, ("it is not installed",)))
    assert written["recommendation"]["provider"] == "gemini"
    assert written["recommendation"]["transport"] is None
    assert written["execution_metrics"]["status"] == "recommended"


ROUTE = decide("explain it", known()).chain[0]
MONEY = {
    "cost_usd": 0.5,
    "cost_notional_usd": 0.0,
    "cost_source": "tokens",
    "price_version": "made-up 1",
    "booked_day": world.DAY,
    "overshoot_usd": 0.0,
}


@pytest.mark.parametrize(
    ("failure", "number", "expected"),
    [
        (None, 1, (True, False, "ok", None)),
        (Failure(r.RATE_LIMIT, "too fast"), 1, (False, False, "RATE_LIMIT", "too fast")),
        (None, 2, (True, True, "ok", None)),
    ],
)
def test_an_attempt_has_the_fields_of_the_design(failure, number, expected):
    outcome = Outcome(
        "answer", Spent(1, 100, 40, 3, 7), usage_known=True, failure=failure, used_tools=False
    )
    told = lines.outcome_facts(outcome, NOW_MS, NOW_MS + 1500)
    facts = {"attempt_id": "the-task-1", **lines.route_facts(ROUTE, 2.5)}
    facts["fallback_used"] = number > 1
    written = lines.usage("the-task", facts, told, MONEY, NOW_MS + 1500, number)
    assert set(USAGE.split()) <= set(written)
    assert json.loads(json.dumps(written)) == written
    ended = tuple(written[name] for name in ("success", "fallback_used", "outcome", "error"))
    assert ended == expected
    parts = ("input", "output", "cached_input", "cache_write")
    tokens = [written[f"{part}_tokens"] for part in parts]
    assert (tokens, written["latency_ms"], written["complexity"]) == ([100, 7, 40, 3], 1500, 2.5)
    assert (written["provider"], written["cost_usd"]) == ("gemini", 0.5)


def test_small_money_keeps_its_digits():
    found = decide("explain it", known(), {"codex": full_usage(daily(30), amount=1)})
    state = {c.provider: lines.state(c) for c in found.candidates}["codex"]
    assert state["cost_today"] == 1 / MICRO
