"""What ends a used-up quota: a moment, a window, or somebody who pays."""

import json

import pytest
from world import NOW_MS

from orchestrator import records as r
from orchestrator.providers.claude import ClaudeReading
from orchestrator.providers.codex import CodexReading
from orchestrator.providers.gemini import GeminiReading
from orchestrator.providers.refusals import from_message, from_status

DAY_S = 86_400


def google(message, quota_id, *details):
    violation = {"violations": [{"quotaId": quota_id}]}
    return {"error": {"code": 429, "message": message, "details": [violation, *details]}}


@pytest.mark.parametrize(
    ("status", "error", "headers", "wall", "wait_s"),
    [
        (429, {"error": {"code": "insufficient_quota"}}, {}, r.PERSON, None),
        (429, {"error": {"code": "insufficient_quota"}}, {"retry-after": "9"}, r.PERSON, None),
        (429, {"error": {"code": "billing_hard_limit_reached"}}, {}, r.PERSON, None),
        (
            400,
            {"error": {"message": "Your credit balance is too low to use it"}},
            {},
            r.PERSON,
            None,
        ),
        (402, {"error": {"message": "Insufficient Balance"}}, {}, r.PERSON, None),
        (429, google("x", "GenerateRequestsPerDayPerProject"), {}, r.WINDOW, DAY_S),
        (429, google("x", "RequestsPerDay", {"retryDelay": "19s"}), {}, r.WINDOW, DAY_S),
        (429, google("x", "RequestsPerDay"), {"retry-after": "7200"}, r.CLOCK, 7200),
        (429, {"error": {"type": "usage_limit_reached"}}, {"retry-after": "60"}, r.CLOCK, 60),
        (429, {"error": {"type": "usage_limit_reached"}}, {}, None, None),
    ],
)
def test_an_apis_refusal_says_what_ends_it(status, error, headers, wall, wait_s):
    failure = from_status(status, json.dumps(error), headers, NOW_MS)
    assert (failure.kind, failure.wall, failure.wait_s) == (r.QUOTA, wall, wait_s)


@pytest.mark.parametrize(
    ("headers", "wall", "moment_s"),
    [
        ({"reset": str(NOW_MS // 1000 + 99)}, r.CLOCK, 99),
        ({"reset": str(NOW_MS // 1000 - 99)}, None, None),
        ({"reset": "9" * 15}, None, None),
        ({"representative-claim": "seven_day"}, r.WINDOW, None),
    ],
)
def test_a_plans_refusal_tells_its_reset_or_its_window(headers, wall, moment_s):
    prefix = "anthropic-ratelimit-unified-"
    told = {f"{prefix}{name}": value for name, value in headers.items()}
    failure = from_status(429, "", {f"{prefix}status": "rejected", **told}, NOW_MS)
    assert (failure.kind, failure.wall) == (r.QUOTA, wall)
    assert failure.retry_at_ms == (moment_s and NOW_MS // 1000 * 1000 + moment_s * 1000)


@pytest.mark.parametrize(
    ("message", "wall"),
    [
        ("You've hit your weekly limit · resets 12am (UTC)", r.CLOCK),
        ("You\u2019ve hit your limit · resets 3pm (America/New_York)", r.CLOCK),
        ("You've hit your weekly limit", r.WINDOW),
        ("You've reached your Fable 5 limit.", None),
        ("You've hit your monthly spend limit.", r.PERSON),
        ("You're out of extra usage · resets 9am (UTC)", r.CLOCK),
        ("You're out of usage credits. /model to switch models.", r.PERSON),
        ("API Error: 400: Your credit balance is too low", r.PERSON),
        ("Credit balance is too low", r.PERSON),
        ("You've hit your usage limit. Try again later.", None),
        ("You've hit your usage limit for GPT-5.3-Codex-Spark. Try again at 3:50 AM.", r.CLOCK),
        ("Quota exceeded. Check your plan and billing details.", r.PERSON),
        ("To use Codex with your ChatGPT plan, upgrade to Plus: https://x.", r.PERSON),
        ("Your workspace is out of credits. Add credits to continue.", r.PERSON),
    ],
)
def test_an_error_message_says_what_ends_it(message, wall):
    failure = from_message(message, NOW_MS)
    assert (failure.kind, failure.wall) == (r.QUOTA, wall)


@pytest.mark.parametrize(
    "message",
    [
        "the docs say: it prints You've hit your weekly limit",
        "grep found 'insufficient_quota' in billing.py",
        "unexpected token near 'credit balance is too low'",
    ],
)
def test_only_the_beginning_of_an_error_message_counts(message):
    failure = from_message(message, NOW_MS)
    assert failure is None or failure.kind != r.QUOTA


def test_the_claude_and_codex_clients_refusals_are_walls():
    soon_s = NOW_MS // 1000 + 10 * 366 * DAY_S  # beyond what can be meant
    info = {"status": "rejected", "resetsAt": soon_s, "rateLimitType": "seven_day"}
    claude, paid = ClaudeReading(), ClaudeReading()
    claude.stdout(json.dumps({"type": "rate_limit_event", "rate_limit_info": info}))
    assert (claude.failure.kind, claude.failure.wall) == (r.QUOTA, r.WINDOW)
    over = {"type": "rate_limit_event", "rate_limit_info": {**info, "isUsingOverage": True}}
    paid.stdout(json.dumps(over))
    assert paid.failure is None

    codex = CodexReading()
    message = "You've hit your usage limit. Upgrade to Pro or try again in 2 hours 5 minutes."
    codex.stdout(json.dumps({"type": "error", "message": message}))
    assert (codex.failure.kind, codex.failure.wall) == (r.QUOTA, r.CLOCK)


@pytest.mark.parametrize(
    ("name", "text", "wall"),
    [
        ("TerminalQuotaError", "Your quota will reset after 18h7m24s.", r.CLOCK),
        ("TerminalQuotaError", "You have exhausted your daily quota on this model.", r.WINDOW),
        ("IneligibleTierError", "Gemini CLI needs an API key or a licence.", r.PERSON),
    ],
)
def test_the_gemini_clients_named_errors_are_walls(name, text, wall):
    gemini = GeminiReading()
    gemini.stderr(f"{name}: {text}")
    assert (gemini.failure.kind, gemini.failure.wall) == (r.QUOTA, wall)


def test_an_answer_that_explains_walls_is_an_answer():
    text = "HTTP 429 means too many requests; \"You've hit your weekly limit\" is a plan's wall."
    reading = ClaudeReading()
    usage = {"modelUsage": {"m": {"inputTokens": 3, "outputTokens": 4}}}
    reading.stdout(json.dumps({"type": "result", "subtype": "success", "result": text, **usage}))
    assert reading.outcome(0).failure is None
    assert reading.outcome(0).answer == text
