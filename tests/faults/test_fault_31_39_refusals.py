"""Rows 31 to 39: what an upstream's refusals lead to."""

import time
from email.utils import formatdate

import pytest
from calling import NAMES

KEY_WORDS = ("sk-proj-simulated0", "AIzaSimulated0", "sk-ant-api03-simulated0")


def times(simulator, provider):
    return [row["monotonic"] for row in simulator.requests(provider)]


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("1", 1.0, 2.5),
        ("1.5", 1.5, 3.0),
        ("-5", 0.0, 1.0),
        ("0", 0.0, 1.0),
        ("date", 0.9, 3.5),
        ("an old date", 0.0, 1.0),
        ("soon", 0.0, 1.2),
        ("NaN", 0.0, 1.2),
        ("inf", 0.0, 1.2),
        ("1e999", 0.0, 1.2),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 0.0, 1.2),
        ("", 0.0, 1.2),
    ],
)
def test_rows_31_35_a_429_is_waited_out_as_told_when_no_other_route_is_free(
    simulator, alone, told, least, most
):
    dates = {"date": time.time() + 3, "an old date": time.time() - 3600}
    header = formatdate(dates[told], usegmt=True) if told in dates else told
    fault = {"kind": "status", "status": 429, "times": 1, "retry_after": header}
    simulator.play("codex", faults=[fault])
    run = alone("codex")
    assert run.code == 0, run
    first, second = times(simulator, "codex")
    assert least <= second - first < most + 1.0, run
    assert [a["error_class"] for a in run.attempts] == ["RATE_LIMIT", None]


@pytest.mark.parametrize("told", ["99999999", "31", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_rows_31_35_a_429_that_asks_for_too_long_a_wait_ends_at_once_and_says_when(
    simulator, alone, told
):
    simulator.play("codex", faults=[{"kind": "status", "status": 429, "retry_after": told}])
    run = alone("codex")
    assert run.code == 3, run
    assert len(simulator.requests("codex")) == 1
    assert run.metrics["retry_at"].startswith("20")
    last = run.err.strip().splitlines()[-1]
    assert last.startswith("orchestrate: ")
    assert run.metrics["retry_at"] in last


@pytest.mark.parametrize("told", ["2", "99999999", "garbage", None])
def test_rows_31_35_a_429_falls_back_at_once_when_another_provider_is_free(simulator, chain, told):
    fault = {"kind": "status", "status": 429} | ({"retry_after": told} if told else {})
    simulator.play("codex", faults=[fault])
    run = chain()
    assert run.code == 0, run
    assert [a["error_class"] for a in run.attempts] == ["RATE_LIMIT", None]
    assert run.metrics["fallback_used"] is True
    (first,), (second,) = times(simulator, "codex"), times(simulator, run.metrics["provider"])
    assert second - first < 3.0


@pytest.mark.parametrize("provider", ["codex", "gemini", "claude"])
def test_rows_31_35_a_used_up_quota_is_not_asked_again_and_says_until_when(
    simulator, alone, provider
):
    until = int(time.time()) + 7200
    simulator.play(provider, faults=[{"kind": "quota", "reset_at": until}])
    run = alone(provider)
    assert run.code == 3, run
    assert [a["error_class"] for a in run.attempts] == ["QUOTA"]
    assert len(simulator.requests(provider)) == 1
    assert run.attempts[0]["cost_usd"] == 0.0
    if provider != "codex":  # OpenAI does not say when
        assert run.metrics["retry_at"] is not None


def test_rows_31_35_a_used_up_quota_falls_over_to_the_next_provider(simulator, chain):
    simulator.play("codex", faults=[{"kind": "quota"}])
    run = chain()
    assert run.code == 0, run
    assert run.attempts[0]["error_class"] == "QUOTA"
    assert len(simulator.requests("codex")) == 1


def test_rows_31_35_an_empty_balance_is_a_quota(simulator, alone):
    body = {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}
    simulator.play("codex", faults=[{"kind": "raw", "status": 402, "body": body}])
    run = alone("codex")
    assert (run.code, run.attempts[0]["error_class"]) == (3, "QUOTA"), run


def test_rows_36_39_an_outage_is_tried_again_after_a_wait_then_given_up(simulator, alone):
    statuses = (500, 502, 503)
    simulator.play("codex", faults=[{"kind": "status", "status": s, "times": 1} for s in statuses])
    run = alone("codex")
    assert run.code == 5, run
    assert [a["error_class"] for a in run.attempts] == ["SERVER"] * 3
    assert [a["error"][:8] for a in run.attempts] == ["HTTP 500", "HTTP 502", "HTTP 503"]
    one, two, three = times(simulator, "codex")
    assert two - one < 0.2 + 1.5  # full jitter: anything up to 0.2 s, then up to 0.4 s
    assert three - two < 0.4 + 1.5


@pytest.mark.parametrize(
    "statuses", [(500,), (502, 503), (529,), (408,), (504,), (599,), (500, 429)]
)
def test_rows_36_39_an_outage_that_passes_is_a_success_in_the_end(simulator, alone, statuses):
    simulator.play("claude", faults=[{"kind": "status", "status": s, "times": 1} for s in statuses])
    run = alone("claude")
    assert run.code == 0, run
    assert len(run.attempts) == len(statuses) + 1
    assert run.line["result"] == "Simulated answer from claude."


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_rows_36_39_an_outage_falls_back_when_another_provider_is_free(simulator, chain, status):
    simulator.play("codex", faults=[{"kind": "status", "status": status}])
    run = chain()
    assert run.code == 0, run
    assert [a["error_class"] for a in run.attempts] == ["SERVER", None]
    assert run.attempts[0]["cost_usd"] == 0.0


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("provider", ["codex", "gemini", "claude"])
def test_rows_36_39_a_refused_key_is_not_tried_again_and_never_printed(
    simulator, place, alone, provider, status
):
    key = {"codex": "OPENAI_API_KEY", "gemini": "GEMINI_API_KEY", "claude": "ANTHROPIC_API_KEY"}
    secret = place.environment[key[provider]]
    told = {"message": f"Incorrect API key provided: {secret}.", "type": f"x {secret}"}
    fault = {"kind": "raw", "status": status, "body": {"error": told}}
    simulator.play(provider, faults=[fault])
    run = alone(provider)
    assert run.code == 4, run
    assert len(simulator.requests(provider)) == 1
    assert [a["error_class"] for a in run.attempts] == ["AUTH"]
    written = [path.read_text("utf-8") for path in place.logs.rglob("*.*") if path.is_file()]
    for text in (run.out, run.err, *written):
        assert secret not in text
        assert not any(word in text for word in KEY_WORDS)


def test_rows_36_39_a_key_that_fits_in_no_header_is_told_without_the_key(simulator, place, alone):
    for key in ("custom-key-1234567890\r\nx: y", "custom-key-1234567890 ключ"):
        run = alone("codex", environment={"OPENAI_API_KEY": key})
        assert (run.code, run.attempts[0]["error_class"]) == (4, "AUTH"), run
        assert "custom-key-1234567890" not in run.out + run.err
        assert run.attempts[0]["cost_usd"] == 0.0
    assert simulator.requests() == []


TASKS = {"codex": "Fix the bug", "gemini": "Explain OAuth2 flow", "claude": "Design the cache"}


@pytest.mark.parametrize("provider", TASKS)
@pytest.mark.parametrize("status", [400, 413])
def test_rows_36_39_a_prompt_that_is_too_long_goes_to_a_larger_window_of_another_provider(
    simulator, place, chain, provider, status
):
    place.models(provider, context_window=200_000)
    fault = {"kind": "status", "status": status, "type": "context_length"}
    simulator.play(provider, faults=[fault])
    run = chain(task=TASKS[provider])
    assert run.code == 0, run
    assert [a["error_class"] for a in run.attempts] == ["CONTEXT_LENGTH", None]
    assert run.attempts[0]["provider"] == provider
    assert len(simulator.requests(provider)) == 1


@pytest.mark.parametrize("provider", TASKS)
def test_rows_36_39_a_prompt_that_is_too_long_for_the_largest_window_is_tried_once(
    simulator, place, chain, provider
):
    place.models(context_window=200_000)
    fault = {"kind": "status", "status": 400, "type": "context_length"}
    simulator.play(provider, faults=[fault])
    run = chain(task=TASKS[provider])
    assert run.code == 1, run
    assert [a["error_class"] for a in run.attempts] == ["CONTEXT_LENGTH"]
    assert len(simulator.requests()) == 1


def test_rows_36_39_a_prompt_that_is_too_long_goes_to_the_next_larger_model_of_its_provider(
    simulator, place, alone
):
    small, medium, large = rows = [
        {"name": name, "tier": "cheap", "context_window": size, "max_output_tokens": 100}
        for name, size in (("gpt-6-luna", 100_000), ("gpt-5.4", 200_000), ("gpt-6.1-sol", 300_000))
    ]
    place.provider("codex", models=rows)
    fault = {"kind": "status", "status": 400, "type": "context_length"}
    simulator.play("codex", faults=[{**fault, "times": 2}])
    run = alone("codex")
    assert run.code == 0, run
    assert [a["model"] for a in run.attempts] == [row["name"] for row in (small, medium, large)]
    simulator.play("codex", faults=[fault])
    named = alone("codex", "--model", small["name"])
    assert (named.code, len(named.attempts)) == (1, 1), named


@pytest.mark.parametrize("provider", ["codex", "gemini", "claude"])
def test_rows_36_39_a_model_that_is_not_there_is_asked_for_once(simulator, alone, provider):
    simulator.play(provider, faults=[{"kind": "status", "status": 404}])
    run = alone(provider)
    assert run.code == 1, run
    assert [a["error_class"] for a in run.attempts] == ["INVALID_INPUT"]
    assert run.attempts[0]["model"] in run.attempts[0]["error"] + run.err
    assert run.attempts[0]["cost_usd"] == 0.0


def test_rows_36_39_a_refusal_can_not_write_to_the_terminal(simulator, alone):
    body = {"error": {"message": "no\x1b]52;c;ZXZpbA==\x07\x1b[2J\u009b5n more"}}
    simulator.play("codex", faults=[{"kind": "raw", "status": 400, "body": body}])
    run = alone("codex")
    assert run.code == 1, run
    assert not any(c in run.err for c in "\x1b\x07\x9b")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, "", "RATE_LIMIT"),
        (429, "[]", "RATE_LIMIT"),
        (429, '{"error": null}', "RATE_LIMIT"),
        (429, '{"error": {"details": 7, "code": []}}', "RATE_LIMIT"),
        (429, '{"error": {"details": [7, {"violations": [null, 3]}]}}', "RATE_LIMIT"),
        (429, '{"error": {"details": [{"violations": 1}]}}', "RATE_LIMIT"),
        (429, '{"error": {"details": [{"retryDelay": {}}]}}', "RATE_LIMIT"),
        (500, "[" * 5000, "SERVER"),
        (500, "x" * 200_000, "SERVER"),
        (503, "\ufffd\x00\x01", "SERVER"),
        (418, '{"error": "teapot"}', "INVALID_INPUT"),
        (201, "{}", "INVALID_INPUT"),
        (304, "", "NETWORK"),
    ],
)
def test_rows_31_39_a_refusal_of_any_shape_has_a_class(
    simulator, caller, name, status, body, expected
):
    simulator.play(name, faults=[{"kind": "raw", "status": status, "body": body}])
    outcome, _ = caller.call(name)
    assert outcome.failure.kind == expected
    assert len(outcome.failure.message) < 400


@pytest.mark.parametrize("reset", ["99999999999", "9" * 400, "-1", "soon", "", "١٢٣"])
def test_rows_31_39_a_reset_that_is_no_date_never_crashes(simulator, alone, reset):
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": reset,
    }
    simulator.play(
        "claude", faults=[{"kind": "raw", "status": 429, "headers": headers, "body": ""}]
    )
    run = alone("claude")
    assert (run.code, run.attempts[0]["error_class"]) == (3, "QUOTA"), run
    assert "Traceback" not in run.err
