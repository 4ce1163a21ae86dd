"""A model of the next tier tries what one of a lower tier could not do."""

import json
import shlex

import pytest
from support import PREFERRED

TASK = "Fix the typo"  # a cheap one for codex
TIERS = ["cheap", "medium", "powerful"]


@pytest.fixture
def broken_until(place):
    """Make a check that fails as long as it has been run fewer times than this, and tells so."""

    def made(times):
        count = shlex.quote(str(place.folder / "count"))
        return (
            f"echo x >> {count}; n=$(wc -l < {count}); "
            f'echo "check $n of {times}: expected 4, got 5" >&2; test "$n" -ge {times}'
        )

    return made


@pytest.fixture
def start(place):
    def start(*words, task=TASK):
        way = ("--yes", "--json", "--transport", "api")
        return place.run(*way, *words, str(place.repo), task)

    return start


def tiers(run):
    return [(a["tier"], a["escalated_from"], a.get("verified")) for a in run.attempts]


def test_a_check_that_fails_on_the_cheap_model_passes_on_the_next_tier(
    place, simulator, start, broken_until
):
    run = start("--verify", broken_until(2))
    assert run.code == 0, run
    assert tiers(run) == [("cheap", None, "failed"), ("medium", "cheap", "passed")]
    metrics = run.metrics
    assert (metrics["outcome"], metrics["verified"], metrics["escalations"]) == (
        "verified",
        "passed",
        1,
    )
    assert metrics["fallback_used"] is False
    assert "escalated to medium" in run.err
    lines = place.usage_lines()
    assert [line["escalated_from"] for line in lines] == [None, "cheap"]
    total = sum(line["cost_usd"] for line in lines)
    assert metrics["cost_actual"] == pytest.approx(total)


def test_the_next_tier_is_told_what_the_check_said_and_what_was_answered(
    simulator, start, broken_until
):
    simulator.play("codex", answer="the loader is fine as it is")
    start("--verify", broken_until(2))
    first, second = (request["prompt"] for request in simulator.requests("codex"))
    assert "expected 4, got 5" not in first
    for told in (TASK, "check 1 of 2: expected 4, got 5", "the loader is fine as it is"):
        assert told in second


def test_it_climbs_to_the_last_tier_and_no_further(start, broken_until):
    run = start("--verify", broken_until(9))
    assert run.code == 1
    assert [a["tier"] for a in run.attempts] == TIERS
    assert run.metrics["outcome"] == "unverified"
    assert run.metrics["error_class"] == "VERIFY_FAILED"


@pytest.mark.parametrize(
    ("words", "climbed"),
    [
        (("--model", "gpt-6-luna"), ["cheap"]),  # it was asked for
        (("--tier", "cheap"), ["cheap", "medium"]),  # a place to begin
        (("--complexity", "4"), ["medium", "powerful"]),
    ],
)
def test_a_model_that_was_asked_for_stays_and_a_tier_is_a_beginning(
    start, broken_until, words, climbed
):
    run = start(*words, "--verify", broken_until(2))
    assert [a["tier"] for a in run.attempts] == climbed


def test_the_ceiling_of_cost_ends_the_climb(place, start, broken_until):
    run = start("--max-cost", "0.01", "--verify", broken_until(9))
    assert run.code == 1
    assert run.metrics["cost_actual"] <= 0.01
    assert len(run.attempts) < 3 or run.attempts[-1]["error_class"] == "MAX_COST"


def test_the_number_of_attempts_ends_the_climb(place, start, broken_until):
    place.settings(attempts={"per_route": 1, "total": 2})
    run = start("--verify", broken_until(9))
    assert [a["tier"] for a in run.attempts] == ["cheap", "medium"]


def test_a_wall_on_the_next_tier_falls_back_within_that_tier(simulator, start, broken_until):
    simulator.play("codex", faults=[{"kind": "status", "status": 429, "after": 1}])
    run = start("--verify", broken_until(2))
    assert run.code == 0, run
    assert [(a["provider"], a["tier"]) for a in run.attempts][:2] == [
        ("codex", "cheap"),
        ("codex", "medium"),
    ]
    last = run.attempts[-1]
    assert last["provider"] != "codex"
    assert (last["tier"], last["escalated_from"], last["fallback_used"]) == (
        "medium",
        "cheap",
        True,
    )


def test_a_climb_that_falls_back_is_one_escalation(simulator, start, broken_until):
    simulator.play("codex", faults=[{"kind": "status", "status": 429, "after": 1}])
    run = start("--verify", broken_until(2))
    assert [a["escalated_from"] for a in run.attempts].count("cheap") > 1
    assert run.metrics["escalations"] == 1


def test_work_that_did_not_pass_is_not_queued_to_be_paid_for_again(
    place, simulator, start, broken_until
):
    fault = {"kind": "status", "status": 429, "retry_after": 3600}
    simulator.play("codex", faults=[{**fault, "after": 1}])
    for other in ("gemini", "claude"):
        simulator.play(other, faults=[fault])
    run = start("--verify", broken_until(9))
    assert {a["error_class"] for a in run.attempts} >= {None, "RATE_LIMIT"}
    assert (run.code, run.metrics["status"]) == (1, "failed")
    assert "codex VERIFY_FAILED, codex RATE_LIMIT" in run.err
    assert not (place.logs / "deferred.jsonl").exists()


def test_a_model_that_runs_out_of_its_own_time_climbs(place, simulator, start):
    place.models("codex", parameters={"timeout_s": 1})
    cheap = place.model_names("codex")[0]
    fault = {"kind": "hang_after_headers", "model": cheap, "seconds": 30}
    simulator.play("codex", faults=[fault])
    run = start()
    assert run.code == 0, run
    assert [(a["tier"], a["error_class"]) for a in run.attempts] == [
        ("cheap", "TIMEOUT"),
        ("medium", None),
    ]


def test_a_deadline_of_the_person_is_none_to_climb_over(simulator, start):
    simulator.play("codex", faults=[{"kind": "hang", "seconds": 30}])
    run = start("--timeout", "2", "--verify", "true")
    assert run.code == 5
    assert [a["error_class"] for a in run.attempts] == ["TIMEOUT"]


def test_a_task_of_the_highest_tier_has_nowhere_to_climb(start, broken_until):
    run = start("--verify", broken_until(2), "--tier", "powerful", task=PREFERRED["claude"])
    assert (run.code, len(run.attempts)) == (1, 1)


def test_the_report_shows_the_escalation(place, start, broken_until):
    assert start("--verify", broken_until(2)).code == 0
    assert start(task="Fix another typo").code == 0
    report = json.loads(place.script("report.sh", "--json").out)
    by_tier = {row["tier"]: row for row in report["escalation_by_tier"]}
    assert (by_tier["cheap"]["tasks"], by_tier["cheap"]["escalated_tasks"]) == (2, 1)
    assert report["escalation_percent"] == 50
    summed = sum(line["cost_usd"] for line in place.usage_lines())
    assert report["total_cost_usd"] == pytest.approx(summed, abs=1e-9)
