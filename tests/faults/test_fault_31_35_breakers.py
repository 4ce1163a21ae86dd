"""Rows 31 to 35: what an account's refusal means for the starts that come after it."""

import json
import time
from datetime import datetime

import pytest

REFUSED = {"kind": "status", "status": 500}


def asked(simulator, provider="codex"):
    return len(simulator.requests(provider))


def alerts(place):
    path = place.logs / "alerts.jsonl"
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def ahead_s(moment):
    return datetime.fromisoformat(moment).timestamp() - time.time()


def test_rows_31_35_a_used_up_quota_opens_the_breaker_and_nobody_knocks_again(
    simulator, place, chain, alone
):
    until = int(time.time()) + 7200
    simulator.play("claude", faults=[{"kind": "quota", "reset_at": until}])
    first = chain(task="Design the cache")
    assert [a["error_class"] for a in first.attempts] == ["QUOTA", None]
    assert "no more until" in first.err
    second = chain(task="Design the cache")
    assert second.code == 0, second
    assert [a["provider"] for a in second.attempts] == [first.metrics["provider"]]
    assert "limit reached since" in second.line["recommendation"]["provider_reason"]
    state = second.line["provider_state_at_recommendation"]["claude"]
    assert (state["available"], state["block_kind"]) == (False, "limit")
    assert 7000 < ahead_s(state["retry_at"]) <= 7200
    third = alone("claude")
    assert (third.code, third.metrics["retry_at"]) == (3, state["retry_at"]), third
    assert asked(simulator, "claude") == 1
    (alert,) = alerts(place)
    assert (alert["kind"], alert["account"], alert["provider"]) == ("wall", "anthropic", "claude")
    assert alert["retry_at"] == state["retry_at"]


def test_rows_31_35_an_empty_balance_waits_for_a_person_or_a_forced_run_that_succeeds(
    simulator, place, alone
):
    simulator.play("codex", faults=[{"kind": "quota", "times": 2}])
    assert alone("codex").code == 3
    blocked = alone("codex")
    assert (blocked.code, blocked.metrics["retry_at"]) == (3, None), blocked
    assert "money or a plan is needed" in blocked.err
    assert asked(simulator) == 1
    assert alone("codex", "--force").code == 3
    assert alone("codex", "--force").code == 0
    assert alone("codex").code == 0
    assert [alert["kind"] for alert in alerts(place)] == ["wall", "recovered"]
    assert "scripts/doctor.sh --clear openai" in alerts(place)[0]["advice"]


def test_rows_31_35_a_429_with_a_wait_keeps_the_other_starts_away_so_long(simulator, place, chain):
    fault = {"kind": "status", "status": 429, "times": 1, "retry_after": 4}
    simulator.play("codex", faults=[fault])
    first = chain()
    assert [a["error_class"] for a in first.attempts] == ["RATE_LIMIT", None]
    second = chain()
    assert [a["provider"] for a in second.attempts] == [first.metrics["provider"]]
    retry_at = second.line["provider_state_at_recommendation"]["codex"]["retry_at"]
    time.sleep(max(0.0, ahead_s(retry_at)) + 0.05)
    assert [a["provider"] for a in chain().attempts] == ["codex"]
    assert asked(simulator) == 2
    assert alerts(place) == []


def test_rows_31_35_a_wait_that_is_none_keeps_nobody_away(simulator, alone):
    for told in ("99999999", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"):
        fault = {"kind": "status", "status": 429, "times": 1, "retry_after": told}
        simulator.play("codex", faults=[fault])
        assert alone("codex").code == 3
        assert alone("codex").code == 0


def test_rows_36_39_three_failures_in_a_row_are_an_outage_that_one_start_in_a_while_probes(
    simulator, place, chain, alone
):
    place.settings(breaker={"probe_s": 3})
    simulator.play("codex", faults=[REFUSED])
    failed = alone("codex")
    assert (failed.code, asked(simulator)) == (5, 3), failed
    assert failed.err.count("Provider outage detected: codex (openai)") == 1
    around = chain()
    assert around.code == 0, around
    assert [a["provider"] for a in around.attempts] != ["codex"]
    assert "outage since" in around.line["recommendation"]["provider_reason"]
    blocked = alone("codex")
    state = blocked.line["provider_state_at_recommendation"]["codex"]
    assert (blocked.code, blocked.metrics["outcome"]) == (5, "outage"), blocked
    assert state["retry_at"] in blocked.err
    assert asked(simulator) == 3
    time.sleep(max(0.0, ahead_s(state["retry_at"])) + 0.05)

    words = ("--yes", "--json", "--transport", "api", str(place.repo), "Fix the bug in data loader")
    starts = [place.start(*words) for _ in range(4)]
    for start in starts:
        out, err = start.communicate(timeout=60)
        assert start.returncode == 0, out + err
    assert asked(simulator) == 4  # one of them was the probe

    simulator.play("codex", faults=[])
    retry_at = alone("codex", "-n").line["provider_state_at_recommendation"]["codex"]["retry_at"]
    time.sleep(max(0.0, ahead_s(retry_at)) + 0.05)
    back = chain()
    assert [a["provider"] for a in back.attempts] == ["codex"], back
    assert "Provider recovered: codex (openai)" in back.err
    assert chain().line["recommendation"]["provider_reason"] == "primary available"
    assert [alert["kind"] for alert in alerts(place)] == ["outage", "recovered"]


@pytest.mark.parametrize("between", ["a success", "a 429", "a refused key"])
def test_rows_36_39_failures_are_counted_over_starts_and_an_answer_begins_anew(
    simulator, place, chain, between
):
    place.provider("claude", enabled=False)
    simulator.play("codex", faults=[{**REFUSED, "times": 2}])
    for _ in range(2):
        assert chain().attempts[0]["error_class"] == "SERVER"
    status = {"a 429": 429, "a refused key": 401}.get(between)
    faults = [{"kind": "status", "status": status, "times": 1}] if status else []
    simulator.play("codex", faults=faults)
    chain()
    simulator.play("codex", faults=[{**REFUSED, "times": 1}])
    chain()
    is_open = bool(alerts(place))
    assert is_open == (between == "a refused key")


def test_rows_21_24_a_broken_breaker_file_costs_no_more_than_knocking(simulator, place, chain):
    path = place.state / ".state" / "breakers.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="ascii")
    assert chain().code == 0
    simulator.play("codex", faults=[{"kind": "quota"}])
    assert chain().code == 0
    assert json.loads(path.read_text("utf-8"))["accounts"]["openai"]["kind"] == "person"
    assert len(list(path.parent.glob("breakers.json.corrupt-*"))) == 1
