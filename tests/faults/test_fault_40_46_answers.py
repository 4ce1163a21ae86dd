"""Rows 40 to 46: answers that are slow, broken, huge or of another shape."""

import http.server
import json
import socket
import threading
import time

import pytest
from calling import LIMIT_MB, NAMES

from orchestrator.providers import http as ours
from orchestrator.providers.process import Deadlines

SLACK_S = (
    2.0  # starting, judging and recording on a busy machine; the deadline itself is held closer
)
PROVIDERS = ("codex", "gemini", "claude")


@pytest.fixture
def elsewhere():
    """Another host: counts what reaches it."""
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            self.do_POST()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "reset"}, "NETWORK"),
        ({"kind": "reset_in_body"}, "NETWORK"),
        ({"kind": "truncated"}, "NETWORK"),
        ({"kind": "html"}, "NETWORK"),
        ({"kind": "html", "status": 502}, "SERVER"),
        ({"kind": "empty_object"}, "NETWORK"),
        ({"kind": "empty"}, "EMPTY"),
        ({"kind": "gzip_bomb"}, "NETWORK"),
        ({"kind": "big_body"}, "NETWORK"),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, "NETWORK"),
        ({"kind": "raw", "body": ""}, "NETWORK"),
        ({"kind": "raw", "body": "data: {\n\ndata: [1]\n\ndata: [DONE]\n\n"}, "NETWORK"),
        ({"kind": "raw", "body": "data: " + "[" * 100_000 + "\n\n"}, "NETWORK"),
        ({"kind": "raw", "body": "data: " + '{"a":' * 100_000 + "\n\n"}, "NETWORK"),
    ],
)  # fmt: skip
def test_rows_40_46_an_answer_that_is_not_whole_is_no_success(
    simulator, caller, name, fault, expected
):
    simulator.play(name, faults=[fault])
    outcome, seconds = caller.call(name)
    assert outcome.failure is not None
    assert outcome.failure.kind == expected, outcome
    assert seconds < 5


SHAPES = [
    [{"type": "message_start", "message": "text"}],
    [{"type": "message_start", "message": {"usage": {"input_tokens": "9"}}}],
    [{"type": "content_block_delta", "delta": {"text": 7}}, {"type": "message_delta", "usage": 3}],
    [{"type": "error", "error": "text"}],
    [{"type": "response.completed", "response": "text"}],
    [{"type": "response.failed", "response": [1]}],
    [{"type": "response.failed", "error": {"code": {}, "message": []}}],
    [{"type": {}}, {"type": None}],
    [{"candidates": "text"}],
    [{"candidates": [7]}],
    [{"candidates": [{"content": {"parts": [None]}}]}],
    [{"candidates": [{"content": []}]}],
    [{"candidates": {"0": 1}}],
    [{"choices": [None]}],
    [{"choices": 7}],
    [{"choices": {"a": 1}}],
    [{"error": {"message": 5, "code": "x"}}],
    [{"usageMetadata": [], "usage": "much"}],
]


@pytest.mark.parametrize("name", NAMES)
def test_rows_40_46_events_of_another_shape_never_crash_and_are_no_success(simulator, caller, name):
    for documents in SHAPES:
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in documents)
        simulator.play(name, faults=[{"kind": "raw", "body": body}])
        outcome, _ = caller.call(name)
        assert outcome.failure is not None, documents


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "slow_headers", "seconds_per_byte": 0.3},
        {"kind": "slow_body", "seconds_per_chunk": 1.2},
        {"kind": "hang"},
        {"kind": "hang_after_headers"},
    ],
)
def test_rows_40_46_the_deadline_holds_within_a_second(simulator, caller, name, fault):
    simulator.play(name, faults=[fault])
    outcome, seconds = caller.call(name, timeout_s=1.0)
    assert outcome.failure.kind == "TIMEOUT"
    assert 0.9 < seconds < 2.0


@pytest.mark.parametrize("fault", ["hang", "hang_after_headers"])
def test_rows_40_46_silence_ends_before_the_deadline(simulator, caller, fault):
    simulator.play("codex", faults=[{"kind": fault}])
    outcome, seconds = caller.call("codex", first_byte_s=0.5, idle_s=0.7)
    assert outcome.failure.kind == "STALLED"
    assert seconds < 2.0


@pytest.mark.parametrize("kind", ["slow_headers", "slow_body", "hang", "hang_after_headers"])
def test_rows_40_46_a_task_ends_at_its_timeout_and_books_what_may_have_been_billed(
    simulator, alone, place, kind
):
    more = {"slow_headers": {"seconds_per_byte": 0.3}, "slow_body": {"seconds_per_chunk": 0.5}}
    simulator.play("codex", faults=[{"kind": kind, **more.get(kind, {})}])
    began = time.monotonic()
    run = alone("codex", "--timeout", "1.5")
    assert time.monotonic() - began < 1.5 + SLACK_S
    assert run.code == 5, run
    assert [a["error_class"] for a in run.attempts] == ["TIMEOUT"]
    assert run.attempts[0]["latency_ms"] < 2500
    assert run.line["result"] == "" or kind == "slow_body"
    assert (run.metrics["cost_source"], run.metrics["status"]) == ("estimate", "failed")
    assert run.metrics["cost_actual"] > simulator.bill_usd()
    assert place.usage("codex")["reservations"] == {}
    last = run.err.strip().splitlines()[-1]
    assert last.startswith("orchestrate: ")


@pytest.mark.parametrize("kind", ["hang", "hang_after_headers"])
def test_rows_40_46_a_silent_provider_is_left_for_the_next(simulator, chain, place, kind):
    place.transports(first_byte_s=1, idle_s=1)
    simulator.play("codex", faults=[{"kind": kind}])
    run = chain()
    assert run.code == 0, run
    assert [a["error_class"] for a in run.attempts] == ["STALLED", None]
    assert run.metrics["execution_time_seconds"] < 5


@pytest.mark.parametrize("kind", ["reset_in_body", "truncated"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_rows_40_46_half_an_answer_is_booked_but_not_delivered(simulator, alone, provider, kind):
    answer = "The beginning of a long answer. " * 40
    simulator.play(provider, answer=answer, faults=[{"kind": kind}])
    run = alone(provider)
    assert run.code == 5, run
    assert (run.metrics["status"], run.metrics["outcome"]) == ("deferred", "failed")
    assert {a["error_class"] for a in run.attempts} == {"NETWORK"}
    assert all(a["cost_source"] == "estimate" for a in run.attempts)
    assert run.metrics["cost_actual"] >= simulator.bill_usd() > 0


def test_rows_40_46_after_half_an_answer_the_whole_one_comes_from_the_next_provider(
    simulator, chain
):
    simulator.play("codex", answer="half an answer " * 30, faults=[{"kind": "reset_in_body"}])
    run = chain()
    assert run.code == 0, run
    assert run.line["result"] == f"Simulated answer from {run.metrics['provider']}."
    assert run.attempts[0]["error_class"] == "NETWORK"


@pytest.mark.parametrize("kind", ["no_usage", "negative_usage"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_rows_40_46_an_answer_without_figures_is_a_success_booked_at_the_estimate(
    simulator, alone, place, provider, kind
):
    simulator.play(provider, faults=[{"kind": kind}])
    run = alone(provider)
    assert run.code == 0, run
    assert run.line["result"] == f"Simulated answer from {provider}."
    assert run.metrics["cost_source"] == "estimate"
    assert run.metrics["cost_actual"] >= simulator.bill_usd() > 0
    assert place.usage(provider)["cost_today"] == pytest.approx(run.metrics["cost_actual"])
    assert run.metrics["tokens_used"] >= 0


def test_rows_40_46_figures_without_output_are_no_figures(simulator, alone):
    events = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": -7}}},
        {"type": "content_block_delta", "delta": {"text": "An answer."}},
        {"type": "message_delta", "usage": {"output_tokens": 0}},
        {"type": "message_stop"},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    simulator.play("claude", faults=[{"kind": "raw", "body": body}])
    run = alone("claude")
    assert (run.code, run.metrics["cost_source"]) == (0, "estimate"), run


def test_rows_40_46_what_breaks_after_a_whole_answer_takes_nothing_away(alone):
    usage, ended = {"input_tokens": 9, "output_tokens": 1}, {"stop_reason": "end_turn"}
    events = [
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "content_block_delta", "delta": {"text": "An answer."}},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    head = "HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n"  # more than comes

    def serve(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall((head + body).encode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        run = alone("claude", "--timeout", "9", environment={"ANTHROPIC_BASE_URL": url})
        thread.join(5)
    assert (run.code, run.line["result"]) == (0, "An answer."), run
    assert (run.metrics["cost_source"], run.metrics["tokens_used"]) == ("tokens", 13)


def test_rows_40_46_nothing_compressed_is_asked_for(simulator, caller):
    caller.call("codex")
    assert simulator.requests("codex")[0]["headers"]["accept-encoding"] == "identity"


DELTA = 'data: {"type":"response.output_text.delta","delta":"'


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "big_body"},
        {"kind": "gzip_bomb"},
        {"kind": "raw", "status": 500, "body": "x" * 30_000_000},
        {"kind": "raw", "body": f"data: [{'{},' * 5_000_000}{{}}]\n\n"},
        {"kind": "raw", "body": f'data: {{"a":[{"{}," * 650_000}{{}}]}}\n\n'},
        {"kind": "raw", "body": f'data: {{"a":[{"{}," * 5_000_000}{{}}]}}\n\n'},
        {"kind": "raw", "body": f'{DELTA}{"x" * 3_000_000}"}}\n\n'},
    ],
    ids=["1 GB", "gzip bomb", "refusal", "a list", "an event", "a huge event", "3 MB of text"],
)
def test_rows_40_46_memory_stays_small_whatever_comes(simulator, place, measured, fault):
    place.settings(attempts={"per_route": 1, "total": 1})
    simulator.play("codex", faults=[fault])
    words = ("--yes", "--json", "--transport", "api", "--provider", "codex")
    run, most = measured(*words, str(place.repo), "Fix it")
    assert run.code == 5, run
    assert 10 < most[0] < LIMIT_MB
    assert len(run.err) < 5000


def test_rows_40_46_an_endless_flood_of_small_events_is_cut_off(simulator, place, measured):
    event = f'{DELTA}{"spam " * 2000}"}}\n\n'
    place.settings(attempts={"per_route": 1, "total": 1})
    simulator.play("codex", faults=[{"kind": "raw", "body": event * 1500}])
    words = ("--yes", "--json", "--transport", "api", "--provider", "codex")
    run, most = measured(*words, str(place.repo), "Fix it")
    assert run.code == 5, run
    assert "the answer is over" in run.attempts[0]["error"]
    assert most[0] < LIMIT_MB


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_rows_40_46_a_redirect_is_not_followed_and_no_key_goes_elsewhere(
    simulator, alone, elsewhere, status
):
    url, heard = elsewhere
    simulator.play(
        "codex", faults=[{"kind": "redirect", "location": f"{url}/v1", "status": status}]
    )
    run = alone("codex")
    assert run.code == 5, run
    assert {a["error_class"] for a in run.attempts} == {"NETWORK"}
    assert "redirect" in run.err
    assert heard == []


def test_rows_40_46_an_address_nobody_listens_on_costs_nothing(alone, place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        run = alone("codex", environment={"OPENAI_BASE_URL": url})
    assert run.code == 5, run
    assert {a["error_class"] for a in run.attempts} == {"NETWORK"}
    assert run.metrics["cost_actual"] == 0.0
    assert place.usage("codex")["cost_today"] == 0.0


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://[::1", "http:// a"]
)
def test_rows_40_46_an_address_that_is_none_is_told(alone, url):
    run = alone("codex", environment={"OPENAI_BASE_URL": url})
    assert run.code == 5, run
    assert {a["error_class"] for a in run.attempts} == {"NETWORK"}
    assert "Traceback" not in run.err
    assert run.metrics["cost_actual"] == 0.0


def asked(url, **deadlines):
    chunks = ours.exchange(ours.Request(url, {}, b"{}"), Deadlines(**deadlines))
    began = time.monotonic()
    last = [chunk for chunk in chunks if chunk.kind != "tick"][-1]
    return last.failure, time.monotonic() - began


def test_rows_40_46_a_name_that_no_server_knows_is_a_network_failure_nothing_was_sent(monkeypatch):
    def unknown(*_args, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    end = time.monotonic() + 5
    failure, _ = asked("http://api.openai.com/v1", end=end, first_byte_s=5, idle_s=5)
    assert (failure.kind, failure.sent) == ("NETWORK", False)
    assert "Name or service not known" in failure.message


def test_rows_40_46_a_name_server_that_never_answers_does_not_outlast_the_deadline(monkeypatch):
    release = threading.Event()

    def slow(*_args, **_more):
        release.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    end = time.monotonic() + 1
    failure, seconds = asked("http://api.openai.com/v1", end=end, first_byte_s=9, idle_s=9)
    release.set()
    assert failure.kind == "TIMEOUT"
    assert seconds < 2.0
