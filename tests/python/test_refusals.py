"""What an upstream's refusal means: its status, headers and body as one failure class."""

import json

import pytest
from world import NOW_MS

from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.refusals import from_message, from_status

YEAR_S = 366 * 86_400


def openai(code, message="it failed", kind="x"):
    return json.dumps({"error": {"message": message, "type": kind, "code": code}})


def google(status, *details, code=429):
    error = {"code": code, "message": "it failed", "status": status, "details": list(details)}
    return json.dumps({"error": error})


QUOTA_OF_A_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
QUOTA_OF_A_MINUTE = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, openai("rate_limit_exceeded"), r.RATE_LIMIT),
        (429, openai("insufficient_quota"), r.QUOTA),  # a bill, not a rate
        (429, openai(None, kind="insufficient_quota"), r.QUOTA),
        (429, google("RESOURCE_EXHAUSTED"), r.RATE_LIMIT),
        (429, google("RESOURCE_EXHAUSTED", QUOTA_OF_A_MINUTE), r.RATE_LIMIT),
        (429, google("RESOURCE_EXHAUSTED", QUOTA_OF_A_DAY), r.QUOTA),
        (429, f"[{google('X', QUOTA_OF_A_DAY)}]", r.QUOTA),  # some versions answer a list
        (429, "", r.RATE_LIMIT),
        (429, "<html>slow down</html>", r.RATE_LIMIT),
        (400, openai(None, "Your credit balance is too low"), r.QUOTA),
        (402, "Insufficient balance", r.QUOTA),
        (401, openai("invalid_api_key"), r.AUTH),
        (403, "", r.AUTH),
        (
            400,
            google("INVALID_ARGUMENT", code=400).replace("it failed", "API key not valid"),
            r.AUTH,
        ),
        (
            400,
            openai("context_length_exceeded", "maximum context length is 8192"),
            r.CONTEXT_LENGTH,
        ),
        (400, openai(None, "prompt is too long: 200001 tokens"), r.CONTEXT_LENGTH),
        (400, openai(None, "The input token count (9) exceeds"), r.CONTEXT_LENGTH),
        (413, "", r.CONTEXT_LENGTH),
        (400, openai("invalid_value"), r.INVALID_INPUT),
        (404, openai("model_not_found"), r.INVALID_INPUT),
        (422, "", r.INVALID_INPUT),
        (301, "", r.NETWORK),
        (308, "", r.NETWORK),
        (408, "", r.SERVER),
        (500, "rate limit", r.SERVER),  # the status decides, not a word in the body
        (502, "<html>bad gateway</html>", r.SERVER),
        (503, "", r.SERVER),
        (529, openai(None, "Overloaded", "overloaded_error"), r.SERVER),
    ],
)
def test_a_status_and_its_body_are_one_failure_class(status, body, kind):
    assert from_status(status, body, {}, NOW_MS).kind == kind


UNIFIED = "anthropic-ratelimit-unified-"


@pytest.mark.parametrize(
    ("headers", "kind", "retry_at_ms"),
    [
        ({"status": "rejected", "reset": "1795278645"}, r.QUOTA, 1_795_278_645_000),
        ({"status": "rejected"}, r.QUOTA, None),
        ({"status": "rejected", "reset": "soon"}, r.QUOTA, None),
        ({"status": "rejected", "reset": "9" * 15}, r.QUOTA, None),
        ({"status": "rejected", "reset": "\u00b2"}, r.QUOTA, None),
        ({"status": "allowed_warning", "reset": "1795278645"}, r.RATE_LIMIT, None),
    ],
)
def test_a_subscriptions_wall_at_anthropic_says_when_it_ends(headers, kind, retry_at_ms):
    told = {UNIFIED + name: value for name, value in headers.items()}
    failure = from_status(429, "", told, NOW_MS)
    assert (failure.kind, failure.retry_at_ms) == (kind, retry_at_ms)


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", "5", "[[]]", '{"error": 5}', '{"error": {"message": 5}}', "[" * 99_999],
)
def test_a_body_of_any_shape_is_read_without_an_error(body):
    for status in (400, 429, 500):
        failure = from_status(status, body, {}, NOW_MS)
        assert failure.message.startswith(f"HTTP {status}: ")
        assert len(failure.message) < 400


def test_a_message_becomes_one_short_printable_line():
    body = openai(None, "first\n\tsecond \x1b[31mred\x1b[0m \u202e " + "x" * 9999)
    message = from_status(500, body, {}, NOW_MS).message
    assert message.startswith("HTTP 500: first second")
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("429 Too Many Requests", r.RATE_LIMIT),
        ("unexpected status 503 Service Unavailable", r.SERVER),
        ("API Error: 401 unauthorized", r.AUTH),
        ("exceeded retry limit, last status: 429", r.RATE_LIMIT),
        ("You've hit your weekly limit \u00b7 resets 12am (UTC)", r.QUOTA),
        ("Quota exceeded. Check your plan", r.QUOTA),
        ("prompt is too long", r.CONTEXT_LENGTH),
        ("it read 429 files", None),
        ("something else", None),
        ("", None),
    ],
)
def test_an_error_message_is_read_by_anchored_patterns(message, kind):
    failure = from_message(message, NOW_MS)
    assert (failure.kind if failure else None) == kind


def test_a_long_message_is_cut_between_words_so_that_no_part_of_a_key_is_left():
    key = "sk-proj-4fQ8ndWq0aZ7xLr2Tb6vYk1"
    for before in range(1300):
        text = "word " * (before // 5) + "x" * (before % 5) + f" {key} and more"
        told = refusals.shortened(text)
        assert len(told) <= refusals.MESSAGE_LIMIT + 2
        assert told.count(key[:4]) == told.count(key)
    assert refusals.shortened("x" * 500 + key) == " …"
