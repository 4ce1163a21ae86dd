"""The simulated upstream: what it spoils, in which order, and whether it bills it."""

import gzip
import http.client
import json
import time

import pytest
from upstreams import ALL, FINISHED, PROMPTS, text_of, usage_of


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 502, 503, 529])
def test_a_scripted_status_comes_once_in_the_providers_own_form(sim, provider, status):
    sim.play(provider, faults=[{"kind": "status", "status": status, "retry_after": "1.5"}])
    given, headers, reply = sim.prompt(provider)
    assert given == status
    assert headers["retry-after"] == "1.5"
    assert reply["error"]["message"]
    assert sim.prompt(provider)[0] == 200
    [first, second] = sim.requests(provider)
    assert (first["status"], first["fault"]) == (status, "status")
    assert (second["status"], second["fault"]) == (200, None)
    account = sim.books(provider)
    assert (account["faulted"], account["requests"], account["billed_requests"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("provider", "found"),
    [("codex", "insufficient_quota"), ("gemini", "PerDay"), ("claude", "rate_limit_error")],
)
def test_a_quota_says_that_waiting_a_minute_does_not_help(sim, provider, found):
    sim.play(provider, faults=[{"kind": "quota"}])
    status, headers, reply = sim.prompt(provider)
    assert status == 429
    assert found in json.dumps(reply)
    if provider == "claude":
        assert headers["anthropic-ratelimit-unified-status"] == "rejected"
        assert int(headers["anthropic-ratelimit-unified-reset"]) > time.time() + 3600


def test_a_context_that_is_too_long_is_named(sim):
    for provider, found in (
        ("codex", "context_length_exceeded"),
        ("claude", "prompt is too long"),
        ("gemini", "exceeds the maximum number of tokens"),
    ):
        sim.play(provider, faults=[{"kind": "status", "status": 400, "type": "context_length"}])
        status, _, reply = sim.prompt(provider)
        assert status == 400
        assert found in json.dumps(reply)


def test_faults_come_in_order_after_some_and_so_many_times(sim):
    sim.play(
        "codex",
        faults=[
            {"kind": "status", "status": 500, "after": 1, "times": 2},
            {"kind": "status", "status": 503, "model": "other"},
            {"kind": "status", "status": 529, "times": "always"},
        ],
    )
    models = ["priced"] * 4 + ["other"] + ["priced"] * 3
    statuses = [sim.prompt("codex", model=model)[0] for model in models]
    assert statuses == [200, 500, 500, 200, 503, 529, 529, 529]


def test_a_title_request_does_not_use_up_a_fault(sim):
    title = {"output_config": {"format": {"type": "json_schema"}}}
    sim.play("claude", faults=[{"kind": "status", "status": 529}])
    assert sim.prompt("claude", **title)[0] == 200
    assert sim.prompt("claude")[0] == 529
    assert [entry["main"] for entry in sim.requests("claude")] == [False, True]
    sim.play("claude", faults=[{"kind": "status", "status": 529, "main_only": False}])
    assert sim.prompt("claude", **title)[0] == 529


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_breaks_the_connection_before_a_byte(sim, provider, stream):
    sim.play(provider, faults=[{"kind": "reset"}])
    with pytest.raises(ConnectionResetError):
        sim.prompt(provider, stream=stream)
    assert sim.books(provider)["billed_requests"] == 0


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_in_the_body_breaks_the_connection_and_is_billed(sim, provider, stream):
    sim.play(provider, faults=[{"kind": "reset_in_body"}])
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        sim.prompt(provider, stream=stream)
    account = sim.books(provider)
    assert (account["requests"], account["faulted"], account["billed_requests"]) == (0, 1, 1)


@pytest.mark.parametrize("provider", ALL)
def test_a_truncated_stream_ends_without_its_last_event(sim, provider):
    sim.play(provider, faults=[{"kind": "truncated"}])
    body = sim.prompt(provider, stream=True)[2].decode()
    assert body.startswith(("data: ", "event: "))
    assert FINISHED[provider] not in body


@pytest.mark.parametrize("provider", ALL)
def test_a_truncated_body_is_shorter_than_it_says_or_is_no_json(sim, provider):
    sim.play(provider, faults=[{"kind": "truncated"}, {"kind": "truncated", "clean": True}])
    with pytest.raises(http.client.IncompleteRead):
        sim.prompt(provider)
    with pytest.raises(json.JSONDecodeError):
        sim.prompt(provider)


@pytest.mark.parametrize("provider", ALL)
def test_an_empty_answer_a_missing_usage_and_a_negative_usage(sim, provider):
    kinds = ("empty", "no_usage", "negative_usage", "empty_object")
    sim.play(provider, faults=[{"kind": kind} for kind in kinds])
    replies = [sim.prompt(provider)[2] for _ in kinds]
    assert text_of(provider, replies[0]) == ""
    assert usage_of(provider, replies[1]) is None
    assert usage_of(provider, replies[2]) == (-5, -3)
    assert replies[3] == {}
    assert [entry["status"] for entry in sim.requests(provider)] == list(kinds)
    account = sim.books(provider)
    assert (account["billed_requests"], account["faulted"]) == (3, 4)
    assert account["input_tokens"] > 0


def test_html_a_redirect_and_a_raw_body_arrive_as_written(sim):
    raw = {"kind": "raw", "status": 202, "headers": {"X-A": "b"}, "body": "teapot"}
    redirect = {"kind": "redirect", "location": "http://other.invalid/"}
    sim.play("codex", faults=[{"kind": "html"}, redirect, raw])
    path, document = PROMPTS["codex"]
    status, headers, body = sim.ask("POST", path, document)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<html>" in body
    status, headers, _ = sim.ask("POST", path, document)
    assert (status, headers["location"]) == (307, "http://other.invalid/")
    status, headers, body = sim.ask("POST", path, document)
    assert (status, headers["x-a"], body) == (202, "b", b"teapot")


def test_slow_headers_and_a_slow_body_take_their_time(sim):
    slow = [
        {"kind": "slow_headers", "seconds_per_byte": 0.001},
        {"kind": "slow_body", "seconds_per_chunk": 0.02},
    ]
    sim.play("codex", faults=slow)
    for _ in slow:
        start = time.monotonic()
        assert sim.prompt("codex")[0] == 200
        assert 0.2 < time.monotonic() - start < 5


@pytest.mark.parametrize("kind", ["hang", "hang_after_headers"])
def test_a_hang_sends_nothing_and_ends_after_its_time(sim, kind):
    sim.play("codex", faults=[{"kind": kind, "seconds": 0.3}])
    start = time.monotonic()
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        sim.prompt("codex")
    assert 0.25 < time.monotonic() - start < 5


def test_a_client_that_goes_away_is_billed_and_let_go(sim):
    sim.play("codex", faults=[{"kind": "slow_body", "seconds_per_chunk": 30}])
    path, document = PROMPTS["codex"]
    with pytest.raises(TimeoutError):
        sim.ask("POST", path, document, timeout_s=0.2)
    assert sim.books("codex")["billed_requests"] == 1
    end = time.monotonic() + 5
    while sim.requests("codex")[0]["complete"] is None and time.monotonic() < end:
        time.sleep(0.02)
    assert sim.requests("codex")[0]["complete"] is False


@pytest.mark.parametrize("kind", ["big_body", "gzip_bomb"])
def test_a_large_body_has_the_length_asked_for(sim, kind):
    sim.play("codex", faults=[{"kind": kind, "bytes": 1_000_000}])
    path, document = PROMPTS["codex"]
    _, headers, body = sim.ask("POST", path, document)
    if kind == "gzip_bomb":
        assert len(body) < 10_000
        assert headers["content-encoding"] == "gzip"
        body = gzip.decompress(body)
    assert len(body) == 1_000_000
    assert json.loads(body)
