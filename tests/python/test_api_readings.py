"""The four wire formats: what their events say of the answer, its tokens and its end."""

import pytest

from orchestrator import records as r
from orchestrator.providers import api


def chat(text=None, end=None, **more):
    return {"choices": [{"delta": {"content": text}, "finish_reason": end}], **more}


def gemini(text=None, end=None, *, thought=False, **more):
    parts = [] if text is None else [{"text": text, "thought": thought}]
    return {"candidates": [{"content": {"parts": parts}, "finishReason": end}], **more}


def delta(text):
    return {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}


def ended(kind="response.completed", reason=None, **usage):
    details = {"reason": reason} if reason else None
    return {"type": kind, "response": {"usage": usage, "incomplete_details": details}}


STOP = {"type": "message_stop"}
ANSWERS = {
    "openai_responses": [
        {"type": "response.created", "response": {}},
        {"type": "response.output_text.delta", "delta": "Hello, "},
        {"type": "response.output_text.delta", "delta": "wörld"},
        ended(input_tokens=10, input_tokens_details={"cached_tokens": 4}, output_tokens=3),
    ],
    "anthropic": [
        {"type": "message_start", "message": {"usage": {
            "input_tokens": 4, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2,
            "output_tokens": 1}}},
        {"type": "ping"},
        delta("Hello, "),
        delta("wörld"),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
         "usage": {"output_tokens": 3}},
        STOP,
    ],
    "gemini": [
        gemini("thinking...", thought=True, usageMetadata={"promptTokenCount": 10}),
        gemini("Hello, "),
        gemini("wörld", "STOP", usageMetadata={"promptTokenCount": 10, "candidatesTokenCount": 2,
                                               "thoughtsTokenCount": 1,
                                               "cachedContentTokenCount": 4}),
    ],
    "openai_chat": [
        {"choices": [{"delta": {"role": "assistant"}, "finish_reason": None}]},
        chat("Hello, "),
        chat("wörld"),
        chat(None, "stop"),
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3,
                                  "prompt_tokens_details": {"cached_tokens": 4}}},
    ],
}  # fmt: skip
DIALECTS = list(ANSWERS)


def read(dialect, events):
    reading = api.reading_of(dialect)
    for event in events:
        reading.event(event)
    return reading.outcome()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_is_read_with_its_tokens(dialect):
    found = read(dialect, ANSWERS[dialect])
    assert (found.failure, found.answer, found.usage_known) == (None, "Hello, wörld", True)
    spent = found.spent
    assert (spent.requests, spent.input_tokens, spent.output_tokens) == (1, 10, 3)
    assert spent.cached_input_tokens == 4
    assert spent.cache_write_tokens == (2 if dialect == "anthropic" else 0)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_that_breaks_off_anywhere_is_no_success(dialect):
    last = len(ANSWERS[dialect]) - (2 if dialect == "openai_chat" else 1)  # usage may be missing
    for count in range(last):
        assert read(dialect, ANSWERS[dialect][:count]).failure is not None


@pytest.mark.parametrize(
    ("dialect", "events", "kind"),
    [
        ("openai_responses", [{"type": "error", "code": "server_error", "message": "x"}], r.SERVER),
        ("openai_responses", [{"type": "error", "error": {"code": "insufficient_quota"}}], r.QUOTA),
        ("openai_responses", [
            {"type": "response.failed", "response": {"error": {"code": "context_length_exceeded"}}}
        ], r.CONTEXT_LENGTH),
        ("openai_responses", [
            {"type": "response.output_text.delta", "delta": "x"},
            ended("response.incomplete", "content_filter", input_tokens=1),
        ], r.INVALID_INPUT),
        ("anthropic", [{"type": "error", "error": {"type": "overloaded_error"}}], r.SERVER),
        ("anthropic", [{"type": "error", "error": {"type": "rate_limit_error"}}], r.RATE_LIMIT),
        ("anthropic", [{"type": "error", "error": {"type": "authentication_error"}}], r.AUTH),
        ("anthropic", [{"type": "message_delta", "delta": {"stop_reason": "refusal"}}, STOP],
         r.INVALID_INPUT),
        ("gemini", [{"error": {"code": 503, "message": "overloaded"}}], r.SERVER),
        ("gemini", [{"error": {"message": "no code"}}], r.SERVER),
        ("gemini", [gemini("x", "SAFETY")], r.INVALID_INPUT),
        ("gemini", [{"promptFeedback": {"blockReason": "SAFETY"}}], r.INVALID_INPUT),
        ("openai_chat", [{"error": {"code": 429, "message": "slow down"}}], r.RATE_LIMIT),
        ("openai_chat", [{"error": {"code": "429", "message": "slow down"}}], r.RATE_LIMIT),
        ("openai_chat", [{"error": {"message": "it broke"}}], r.SERVER),
        ("openai_chat", [chat("x", "content_filter")], r.INVALID_INPUT),
    ],
)  # fmt: skip
def test_an_event_that_refuses_is_one_failure_class(dialect, events, kind):
    assert read(dialect, events).failure.kind == kind


@pytest.mark.parametrize(
    ("dialect", "events"),
    [
        ("openai_responses", [
            {"type": "response.output_text.delta", "delta": "cut"},
            ended("response.incomplete", "max_output_tokens", input_tokens=5, output_tokens=9),
        ]),
        ("gemini", [gemini("cut", "MAX_TOKENS")]),
        ("openai_chat", [chat("cut", "length")]),
        ("anthropic", [
            delta("cut"), {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}, STOP,
        ]),
    ],
)  # fmt: skip
def test_an_answer_as_long_as_it_may_be_is_whole(dialect, events):
    assert read(dialect, events).failure is None
    assert read(dialect, events).answer == "cut"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_about_limits_is_an_answer(dialect):
    told = "429: rate limit exceeded, insufficient_quota, prompt is too long"
    events = {
        "openai_responses": [{"type": "response.output_text.delta", "delta": told}, ended()],
        "anthropic": [delta(told), STOP],
        "gemini": [gemini(told, "STOP")],
        "openai_chat": [chat(told, "stop")],
    }
    found = read(dialect, events[dialect])
    assert (found.failure, found.answer) == (None, told)


@pytest.mark.parametrize(
    ("dialect", "events"),
    [
        ("openai_chat", [chat("", "content_filter"), {"usage": {"prompt_tokens": 50}}]),
        (
            "openai_responses",
            [{"type": "response.failed", "response": {"usage": {"input_tokens": 50}}}],
        ),
        (
            "anthropic",
            [
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "refusal"},
                    "usage": {"input_tokens": 50},
                }
            ],
        ),
    ],
)
def test_an_answer_that_was_stopped_tells_its_usage_before_it_fails(dialect, events):
    found = read(dialect, events)
    assert found.failure is not None
    assert found.spent.input_tokens == 50


def test_the_usage_of_a_gemini_answer_that_broke_off_is_not_known():
    chunk = {"usageMetadata": {"promptTokenCount": 400, "candidatesTokenCount": 3}}
    assert not read("gemini", [chunk]).usage_known
    assert read("gemini", [chunk, gemini("x", "STOP")]).usage_known


@pytest.mark.parametrize(("figure", "counted"), [(-5, 0), (None, 0), ("7", 0), (True, 0), (7, 7)])
def test_a_figure_that_is_no_count_counts_nothing(figure, counted):
    for dialect, events in (
        ("openai_responses", [ended(input_tokens=figure)]),
        ("openai_chat", [{"usage": {"prompt_tokens": figure}}]),
        ("gemini", [gemini("", "STOP"), {"usageMetadata": {"promptTokenCount": figure}}]),
        ("anthropic", [{"type": "message_delta", "usage": {"input_tokens": figure}}]),
    ):
        found = read(dialect, events)
        assert found.spent.input_tokens == counted
        assert found.usage_known is bool(counted)
