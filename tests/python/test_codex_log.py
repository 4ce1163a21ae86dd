"""What the codex client logs of its requests on stderr, recorded, and what is read from it."""

import pytest

from orchestrator import records as r
from orchestrator.providers.codex import CodexReading

FACTS = 'auth.header_attached=true endpoint="/responses" app.version=0.169.0 model=gpt-5.4'


def logged(name, facts=""):
    head = "2026-11-20T23:00:46.939509Z  INFO codex_otel.trace_safe: event.name="
    return f'{head}"codex.{name}" {facts} {FACTS}'


def request(status, attempt=0):
    failed = f' error.message="http {status}"' if status >= 400 else ""
    return logged(
        "api_request",
        f"duration_ms=7 http.response.status_code={status}{failed} attempt={attempt}",
    )


def completed(given, output):
    return logged(
        "sse_event",
        f"event.kind=response.completed input_token_count={given} output_token_count={output} "
        "cached_token_count=3 cache_write_token_count=0 reasoning_token_count=0 ttft_ms=0",
    )


UNSENT = logged("api_request", 'duration_ms=15 error.message="error sending request" attempt=0')
SOCKET = logged("websocket_connect", 'duration_ms=30 success="true"')
NO_SOCKET = logged(
    "websocket_connect",
    'duration_ms=4 success="false" error.message="Connection refused (os error 111)"',
)
RECONNECTING = (
    '{"type":"error","message":"Reconnecting... 2/5 (stream disconnected before completion: '
    'Connection refused (os error 111))"}'
)


def status_of_socket(status):
    return logged(
        "websocket_connect",
        f'duration_ms=8 http.response.status_code={status} success="false" error.message="http"',
    )


@pytest.mark.parametrize(
    ("lines", "kinds", "failure"),
    [
        ([request(200)], ["pulse"], None),
        ([request(200), completed(10, 5)], ["pulse", "pulse"], None),
        ([request(500)], ["retry"], r.SERVER),
        ([UNSENT], ["retry"], r.NETWORK),
        ([request(429)], ["pulse"], None),  # never repeated: its reason comes on stdout
        ([SOCKET, completed(10, 5)], ["pulse"], None),
        ([status_of_socket(426), request(200)], ["pulse"], None),
        ([status_of_socket(403)], [], None),
        ([status_of_socket(503)], ["retry"], r.SERVER),
        ([NO_SOCKET, RECONNECTING], [], None),  # HTTPS comes next
        ([NO_SOCKET, UNSENT, RECONNECTING], ["retry", "retry"], r.NETWORK),
        ([RECONNECTING], ["retry"], r.NETWORK),
        ([logged("tool_result", "success=true"), "codex.api_request status_code=500"], [], None),
    ],
)
def test_a_refusal_is_seen_at_once_and_a_missing_websocket_is_none(lines, kinds, failure):
    reading, events = CodexReading(), []
    for line in lines:
        events += reading.stdout(line) if line.startswith("{") else reading.stderr(line)
    assert [event.kind for event in events] == kinds
    assert {event.failure.kind for event in events if event.failure} == {failure} - {None}


def test_the_figures_of_all_requests_are_summed_and_told_before_the_next():
    reading = CodexReading()
    for line in (request(200), completed(100, 7)):
        assert [event.kind for event in reading.stderr(line)] == ["pulse"]
    told = reading.stderr(logged("tool_call_received", 'tool_name="exec_command"'))
    assert [event.kind for event in told] == ["usage"]
    assert told[0].spent._replace(parts=()) == r.Spent(1, 100, 3, 0, 7)
    reading.stderr(request(200))
    reading.stderr(completed(120, 9))
    assert reading.spent._replace(parts=()) == r.Spent(2, 220, 6, 0, 16)
    assert [part.input_tokens for _, part in reading.spent.parts] == [100, 120]


def test_a_stream_that_broke_off_is_no_answered_request():
    reading = CodexReading()
    broken = "event.kind=response.completed error.message=stream disconnected before completion"
    assert reading.stderr(logged("sse_event", broken)) == []
    assert reading.spent.requests == 0
