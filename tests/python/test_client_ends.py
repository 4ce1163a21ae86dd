"""How a client ended, and what is in an answer: only what is said apart from it is a failure."""

import json

import pytest

from orchestrator import records as r
from orchestrator.providers.claude import ClaudeReading
from orchestrator.providers.codex import CodexReading
from orchestrator.providers.gemini import GeminiReading

READINGS = {"claude": ClaudeReading, "codex": CodexReading, "gemini": GeminiReading}


@pytest.mark.parametrize(("exit_code", "kind"), [(41, r.AUTH), (145, r.AUTH), (0, r.EMPTY)])
def test_gemini_says_by_its_exit_code_that_nobody_is_logged_in(exit_code, kind):
    assert GeminiReading().outcome(exit_code).failure.kind == kind


@pytest.mark.parametrize(
    ("exit_code", "kind", "told"),
    [
        (127, r.NOT_INSTALLED, "could not be started"),
        (126, r.NOT_INSTALLED, "could not be started"),
        (-9, r.EMPTY, "ended by signal 9"),
        (255, r.EMPTY, "exit 255"),
        (0, r.EMPTY, "said nothing"),
    ],
)
@pytest.mark.parametrize("client", READINGS)
def test_a_client_that_says_nothing_is_one_failure_class_each(client, exit_code, kind, told):
    failure = READINGS[client]().outcome(exit_code).failure
    assert failure.kind == kind
    assert told in failure.message


def said(client, answer):
    """Make the lines a client prints for an answer."""
    if client == "claude":
        usage = {"inputTokens": 5, "outputTokens": 5}
        yield {"type": "assistant", "message": {"content": [{"type": "text", "text": answer}]}}
        yield {"type": "result", "is_error": False, "result": answer, "modelUsage": {"m": usage}}
    elif client == "codex":
        item = {"type": "agent_message", "text": answer}
        yield {"type": "item.completed", "item": item}
        yield {"type": "turn.completed", "usage": {"input_tokens": 5, "output_tokens": 5}}
    else:
        yield {"type": "message", "role": "assistant", "content": answer, "delta": True}
        yield {"type": "result", "status": "success", "stats": {"input_tokens": 5}}


ABOUT_LIMITS = [
    "HTTP 429 means: rate limit exceeded, retry after 30 s.",
    "You've hit your usage limit. Try again at 3:50 AM.",
    "Quota exceeded. insufficient_quota, exhausted your daily quota, PerDay",
    "Error: TerminalQuotaError: You have exhausted your capacity on this model.",
    "Attempt 1 failed with status 429. Retrying with backoff...",
    '{"type":"error","message":"rate limit"}',
    '[API Error: {"error":{"code":429,"message":"quota"}}]',
    "Reconnecting... 1/5 (unexpected status 401 Unauthorized)",
    "context length exceeded, prompt is too long",
]


@pytest.mark.parametrize("answer", ABOUT_LIMITS)
@pytest.mark.parametrize("client", READINGS)
def test_an_answer_about_limits_is_an_answer(client, answer):
    reading = READINGS[client]()
    events = [e for d in said(client, answer) for e in reading.stdout(json.dumps(d))]
    found = reading.outcome(0)
    assert found.failure is None
    assert found.answer == answer
    assert not [event for event in events if event.failure]


@pytest.mark.parametrize("client", READINGS)
def test_noise_around_the_events_is_ignored(client):
    reading = READINGS[client]()
    noise = ["", "Loading...", "{", "[1]", "null", '"text"', '{"type": "brand.new"}', "\x1b[2K"]
    for document in said(client, "the answer"):
        for line in (*noise, f"  {json.dumps(document)}\r"):
            reading.stdout(line)
            reading.stderr("warning: colours are off")
    assert reading.outcome(0).answer == "the answer"
    assert reading.outcome(0).failure is None


@pytest.mark.parametrize("client", READINGS)
def test_a_client_that_is_cut_off_before_its_end_has_delivered_nothing(client):
    reading = READINGS[client]()
    first, *_ = said(client, "half of it")
    reading.stdout(json.dumps(first))
    for exit_code in (0, None):
        assert reading.outcome(exit_code).failure is not None


@pytest.mark.parametrize("client", READINGS)
@pytest.mark.parametrize("answer", ["", "   ", "\n\n"])
def test_an_empty_answer_is_a_failure_though_all_else_went_well(client, answer):
    reading = READINGS[client]()
    for document in said(client, answer):
        reading.stdout(json.dumps(document))
    assert reading.outcome(0).failure.kind == r.EMPTY
