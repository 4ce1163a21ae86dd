"""What the gemini client says on stderr of a refusal, recorded, and what is read from it."""

import json

import pytest

from orchestrator import records as r
from orchestrator.providers.gemini import GeminiReading

QUOTA = (
    "Error when talking to Gemini API Full report available at: /tmp/gemini-client-error.json "
    "TerminalQuotaError: You have exhausted your daily quota on this model."
)
LIMITED = [
    "Attempt 1 failed: You exceeded your current quota, please check your plan.",
    "Suggested retry after 64s.. Retrying after 66310ms...",
]
OVERLOADED = (
    'Attempt 1 failed with status 503. Retrying with backoff... _ApiError: {"error":{"code":503,'
    '"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}'
)
UNSENT = "Attempt 1 failed. Retrying with backoff... Error: exception TypeError: fetch failed"
TOOL = {"type": "tool_use", "tool_name": "write_file", "parameters": {"file_path": "a"}}
STATS = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10, "cached": 0, "tool_calls": 1}


@pytest.mark.parametrize(
    ("lines", "failure", "wait_s"),
    [
        (LIMITED, r.RATE_LIMIT, 64),
        ([OVERLOADED], r.SERVER, None),
        ([UNSENT], r.NETWORK, None),
    ],
)
def test_a_refusal_it_would_repeat_is_told_at_its_last_line_with_the_wait(lines, failure, wait_s):
    reading = GeminiReading()
    *before, last = [reading.stderr(line) for line in lines]
    assert before == [[]] * (len(lines) - 1)
    assert [(e.kind, e.failure.kind, e.failure.wait_s) for e in last] == [
        ("retry", failure, wait_s)
    ]


def test_a_final_refusal_ends_it_at_once_but_after_a_tool_the_figures_come_first():
    reading = GeminiReading()
    reading.stderr(QUOTA)
    assert reading.failure.kind == r.QUOTA

    reading = GeminiReading()
    reading.stdout(json.dumps(TOOL))
    assert [event.kind for event in reading.stderr(QUOTA)] == ["wall"]
    assert reading.failure is None
    reading.stdout(json.dumps({"type": "result", "status": "error", "stats": STATS}))
    outcome = reading.outcome(1)
    assert outcome.failure.kind == r.QUOTA
    assert (outcome.spent.input_tokens, outcome.spent.output_tokens) == (20, 10)
    assert outcome.usage_known


def test_each_model_it_used_has_its_own_figures():
    reading = GeminiReading()
    models = {"gemini-a": {**STATS, "total_tokens": 25}, "gemini-b": {"total_tokens": 0}}
    result = {"type": "result", "status": "success", "stats": {**STATS, "models": models}}
    reading.stdout(json.dumps(result))
    assert reading.spent.parts == (("gemini-a", r.Spent(1, 20, 0, 0, 10)),)
