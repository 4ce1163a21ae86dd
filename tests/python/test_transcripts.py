"""What the real clients said, recorded, and what is read from it.

Each row names files in tests/data/transcripts/: what a client printed, cut to what matters.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers.claude import ClaudeReading
from orchestrator.providers.codex import CodexReading
from orchestrator.providers.gemini import GeminiReading

FOLDER = Path(__file__).resolve().parents[1] / "data" / "transcripts"
RECORDED_MS = 1_795_000_000_000  # before the resets that are told of
READINGS = {"claude": ClaudeReading, "codex": CodexReading, "gemini": GeminiReading}


def replay(name, exit_code=0):
    """Read a transcript as a task does: until the first wall, or the first repeated request."""
    reading = READINGS[name.partition("-")[0]]()
    for kind, read in (("err", reading.stderr), ("out", reading.stdout)):
        path = FOLDER / f"{name}.{kind}"
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            for event in read(line):
                if event.kind == "retry" and event.failure and not reading.used_tools:
                    reading.failed(event.failure)
            if reading.failure is not None:
                return reading.outcome(exit_code)
    return reading.outcome(exit_code)


class Row(NamedTuple):
    name: str
    requests: int
    input_tokens: int
    output_tokens: int
    used_tools: bool = False
    known: bool = True


DELIVERED = [
    Row("claude-ok", 1, 19146, 8),
    Row("claude-two_requests", 1, 21994, 16),  # a title, then the task: `modelUsage` has both
    Row("claude-edit", 1, 57815, 59, used_tools=True),
    Row("claude-no_usage", 1, 0, 0, known=False),
    Row("codex-ok", 1, 9889, 7),
    Row("codex-edit", 1, 30500, 55, used_tools=True),
    Row("codex-readonly", 1, 30044, 24, used_tools=True),
    Row("codex-no_usage", 1, 0, 0, known=False),
    Row("gemini-ok", 1, 10125, 8),
    Row("gemini-edit", 3, 33078, 53, used_tools=True),
    Row("gemini-no_usage", 1, 0, 0, known=False),
]


@pytest.mark.parametrize("row", DELIVERED, ids=lambda row: row.name)
def test_a_delivered_answer_is_read_with_its_tokens(row):
    found = replay(row.name)
    assert found.failure is None
    assert found.answer == f"Simulated answer from {row.name.partition('-')[0]}."
    spent = found.spent
    assert (spent.requests, spent.input_tokens, spent.output_tokens) == row[1:4]
    assert (found.used_tools, found.usage_known) == (row.used_tools, row.known)


FAILED = [
    ("claude-401", r.AUTH, "Invalid API key"),
    ("claude-404", r.INVALID_INPUT, "issue with the selected model"),
    ("claude-429", r.RATE_LIMIT, "429"),
    ("claude-500", r.SERVER, "Internal server error"),
    ("claude-529", r.SERVER, "Overloaded"),
    ("claude-context", r.CONTEXT_LENGTH, "Prompt is too long"),
    ("claude-empty", r.EMPTY, ""),
    ("claude-html", r.SERVER, "malformed response"),
    ("claude-midrun", r.RATE_LIMIT, "429"),
    ("claude-weekly_limit", r.QUOTA, "the seven day limit is reached"),
    ("claude-reset", r.SERVER, "ECONNRESET"),
    ("claude-retries", r.RATE_LIMIT, "rate_limit"),
    ("claude-retries_then_ok", r.RATE_LIMIT, "rate_limit"),
    ("claude-truncated", r.SERVER, "ECONNRESET"),
    ("codex-401", r.AUTH, "401 Unauthorized"),
    ("codex-404", r.INVALID_INPUT, "does not exist"),
    ("codex-429", r.RATE_LIMIT, "429 Too Many Requests"),
    ("codex-500", r.SERVER, "high demand"),
    ("codex-503", r.SERVER, "503"),
    ("codex-context", r.CONTEXT_LENGTH, "ran out of room"),
    ("codex-empty", r.EMPTY, ""),
    ("codex-html", r.NETWORK, "stream closed"),
    ("codex-midrun", r.QUOTA, "Quota exceeded"),
    ("codex-quota", r.QUOTA, "Quota exceeded"),
    ("codex-reset", r.NETWORK, "error sending request"),
    ("codex-truncated", r.NETWORK, "stream closed"),
    ("codex-usage_limit", r.QUOTA, "hit your usage limit"),
    ("gemini-401", r.AUTH, "invalid authentication"),
    ("gemini-404", r.INVALID_INPUT, "is not found"),
    ("gemini-429", r.RATE_LIMIT, "exceeded your current quota"),
    ("gemini-500", r.SERVER, "internal error"),
    ("gemini-503", r.SERVER, "overloaded"),
    ("gemini-bad_key", r.AUTH, "API key not valid"),
    ("gemini-context", r.CONTEXT_LENGTH, "input token count"),
    ("gemini-empty", r.EMPTY, "empty response"),
    ("gemini-html", r.SERVER, "Incomplete JSON"),
    ("gemini-midrun", r.QUOTA, "exhausted your daily quota"),
    ("gemini-quota", r.QUOTA, "exhausted your daily quota"),
    ("gemini-reset", r.NETWORK, "fetch failed"),
    ("gemini-retries", r.RATE_LIMIT, "exceeded your current quota"),
    ("gemini-truncated", r.EMPTY, "without a finish reason"),
]


@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize(("name", "kind", "told"), FAILED, ids=[row[0] for row in FAILED])
def test_a_failure_is_read_as_its_class_whatever_the_exit_code(name, kind, told, exit_code):
    failure = replay(name, exit_code).failure
    assert failure.kind == kind
    assert told in failure.message


def test_every_recorded_transcript_is_in_a_table():
    tabled = (
        {row.name for row in DELIVERED} | {row[0] for row in FAILED} | {"gemini-no_auth"}
    )  # see test_client_ends
    assert {path.stem for path in FOLDER.iterdir()} == tabled


@pytest.mark.parametrize(
    ("name", "wait_s", "retry_at_ms"),
    [
        ("gemini-429", 2.0, None),
        ("claude-weekly_limit", None, 1795278645000),
        ("claude-retries", pytest.approx(0.603, abs=0.001), None),
    ],
)
def test_how_long_to_wait_is_read(monkeypatch, name, wait_s, retry_at_ms):
    monkeypatch.setattr(clock, "now_ms", lambda: RECORDED_MS)  # a reset in the past is none
    failure = replay(name).failure
    assert (failure.wait_s, failure.retry_at_ms) == (wait_s, retry_at_ms)


def test_what_the_client_itself_says_of_a_failure_is_no_answer():
    reading = ClaudeReading()
    lines = (FOLDER / "claude-401.out").read_text("utf-8").splitlines()
    told = [event for line in lines for event in reading.stdout(line)]
    assert not [event for event in told if event.kind in ("text", "usage")]
    assert reading.outcome(1).answer == ""


def test_a_reported_cost_and_the_models_of_every_request_are_kept():
    spent = replay("claude-ok").spent
    assert spent.cost_usd == pytest.approx(0.09593)
    assert [name for name, _ in spent.parts] == ["claude-opus-4-8"]  # without the client's marks
