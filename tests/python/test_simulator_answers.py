"""The simulated upstream: what it serves and refuses, and what its books say."""

import http.client
import json
from decimal import Decimal

import pytest
from upstreams import ALL, FINISHED, PROMPTS, text_of, usage_of

from orchestrator.simulator.window import Window


@pytest.mark.parametrize("provider", ALL)
def test_an_answer_names_its_provider_and_the_reply_and_the_books_agree_on_its_tokens(
    sim, provider
):
    status, _, reply = sim.prompt(provider)
    assert status == 200
    assert text_of(provider, reply) == f"Simulated answer from {provider}."
    size = len(json.dumps(PROMPTS[provider][1]))
    expected = (-(-size // 4), -(-len(f"Simulated answer from {provider}.") // 4))
    assert usage_of(provider, reply) == expected
    account = sim.books(provider)
    assert (account["input_tokens"], account["output_tokens"]) == expected
    cost = Decimal("1.5") * expected[0] + 6 * expected[1]
    assert account["cost_micro_usd"] == round(cost) == sim.books()["total_cost_micro_usd"]
    assert account["requests"] == account["billed_requests"] == account["max_requests_in_60s"] == 1


@pytest.mark.parametrize("provider", ALL)
def test_a_stream_carries_the_whole_answer_and_its_end(sim, provider):
    sim.play(provider, answer="one two three four five six seven")
    status, headers, body = sim.prompt(provider, stream=True)
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert FINISHED[provider] in body.decode()
    assert sim.requests(provider)[0]["stream"] is True


def test_two_requests_share_a_connection(sim):
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=5)
    for _ in range(2):
        connection.request("POST", PROMPTS["codex"][0], json.dumps(PROMPTS["codex"][1]))
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("connection") == "keep-alive"
        response.read()
    connection.close()


def test_the_request_is_kept_with_its_text_and_without_its_key(sim):
    sim.prompt("codex", instructions="be brief", headers={"Authorization": "Bearer sk-sim-0001"})
    sim.prompt("claude", headers={"x-api-key": "sk-sim-0001"})
    assert "sk-sim-0001" not in json.dumps(sim.requests())
    [kept] = sim.requests("codex")
    assert (kept["prompt"], kept["system"], kept["model"]) == ("hello", "be brief", "priced")
    assert (kept["main"], kept["status"], kept["complete"]) == (True, 200, True)
    assert len(kept["headers"]["authorization"]) == 8
    assert kept["headers"]["authorization"] == sim.requests("claude")[0]["headers"]["x-api-key"]


def test_output_is_capped_by_the_requests_limit_and_cached_tokens_have_their_own_price(sim):
    sim.play("claude", output_tokens=20, cached_tokens=4)
    _, _, reply = sim.prompt("claude", max_tokens=10)
    assert reply["stop_reason"] == "max_tokens"
    assert reply["usage"]["output_tokens"] == 10
    assert reply["usage"]["cache_read_input_tokens"] == 4
    account = sim.books("claude")
    whole = account["input_tokens"]
    assert reply["usage"]["input_tokens"] == whole - 4
    cost = (whole - 4) * Decimal("1.5") + 4 * Decimal("0.25") + 60
    assert account["cost_micro_usd"] == round(cost)


def test_a_model_without_a_price_costs_nothing_and_is_counted(sim):
    sim.prompt("codex", model="unheard-of")
    account = sim.books("codex")
    assert (account["cost_micro_usd"], account["unpriced_requests"]) == (0, 1)


def test_a_request_over_the_limit_is_refused_with_the_wait_and_without_a_charge(sim):
    for provider in ALL:
        sim.play(provider, requests_per_minute=1)
        assert sim.prompt(provider)[0] == 200
        status, headers, reply = sim.prompt(provider)
        assert status == 429
        assert 55 <= int(headers["retry-after"]) <= 60
        assert "error" in reply
        account = sim.books(provider)
        assert (account["requests"], account["refused"], account["billed_requests"]) == (1, 1, 1)
        assert account["max_requests_in_60s"] == 2


def test_successes_carry_the_providers_own_rate_limit_headers(sim):
    for provider in ("codex", "compatible", "claude"):
        sim.play(provider, requests_per_minute=10, tokens_per_minute=1000)
    headers = sim.prompt("codex")[1]
    assert headers["x-ratelimit-limit-requests"] == "10"
    assert headers["x-ratelimit-remaining-requests"] == "9"
    assert headers["x-ratelimit-reset-requests"] == "1m0s"
    used = sum(usage_of("codex", sim.prompt("codex")[2]))
    assert int(headers["x-ratelimit-remaining-tokens"]) == 1000 - used
    headers = sim.prompt("claude")[1]
    assert headers["anthropic-ratelimit-requests-remaining"] == "9"
    assert headers["anthropic-ratelimit-input-tokens-reset"].endswith("Z")
    assert not [name for name in sim.prompt("gemini")[1] if "ratelimit" in name]


@pytest.mark.parametrize(
    ("requests", "tokens", "now", "over", "wait_s"),
    [
        (3, None, 20.0, "", 0.0),
        (2, None, 20.0, "requests", 40.0),
        (2, None, 60.0, "", 0.0),
        (None, 30, 20.0, "", 0.0),
        (None, 29, 20.0, "tokens", 40.0),
        (None, 19, 20.0, "tokens", 50.0),
        (None, 9, 20.0, "tokens", 60.0),
        (2, 19, 20.0, "tokens", 50.0),
    ],
)
def test_the_window_slides_and_tells_when_there_is_room_again(requests, tokens, now, over, wait_s):
    window = Window()
    window.admit(10, None, None, 0.0)
    window.admit(10, None, None, 10.0)
    room = window.admit(10, requests, tokens, now)
    assert (room.over, room.retry_after_s) == (over, wait_s)


@pytest.mark.parametrize("provider", ALL)
def test_a_wrong_key_is_refused(sim, provider):
    sim.play(provider, key="sk-right")
    status, _, reply = sim.prompt(provider, headers={"authorization": "Bearer sk-wrong"})
    assert status == (400 if provider == "gemini" else 401)
    assert "sk-wrong" not in json.dumps(reply)
    right = {"authorization": "Bearer sk-right", "x-goog-api-key": "sk-right"}
    assert sim.prompt(provider, headers=right)[0] == 200
