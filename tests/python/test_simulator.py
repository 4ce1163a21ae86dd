"""The simulated upstream: what it serves, refuses, spoils and enters in its books."""

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.simulator.bill import Price, read_prices
from orchestrator.simulator.server import Server
from orchestrator.simulator.upstream import Upstream
from orchestrator.simulator.window import Window

LIB = Path(__file__).resolve().parents[2] / "lib"
PRICES = {"priced": Price(Decimal("1.5"), Decimal(6), Decimal("0.25"))}
GEMINI = "/v1beta/models/priced"
PROMPTS = {
    "codex": ("/v1/responses", {"model": "priced", "input": "hello"}),
    "claude": (
        "/v1/messages?beta=true",
        {"model": "priced", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]},
    ),
    "gemini": (f"{GEMINI}:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
    "compatible": (
        "/v1/chat/completions",
        {"model": "priced", "messages": [{"role": "user", "content": "hello"}]},
    ),
}
ALL = sorted(PROMPTS)
FINISHED = {
    "codex": "response.completed",
    "claude": "message_stop",
    "gemini": '"finishReason":"STOP"',
    "compatible": "data: [DONE]",
}


class Client:
    """Ask a server in this process."""

    def __init__(self, server):
        self.port = server.server_port

    def ask(self, method, path, document=None, headers=None, timeout_s=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        body = None if document is None else json.dumps(document)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def prompt(self, provider, *, stream=False, **more):
        path, document = PROMPTS[provider]
        headers = more.pop("headers", {})
        if stream and provider == "gemini":
            path = f"{GEMINI}:streamGenerateContent?alt=sse"
        elif stream:
            document = {**document, "stream": True, "stream_options": {"include_usage": True}}
        status, given, body = self.ask("POST", path, {**document, **more}, headers)
        return status, given, body if stream else json.loads(body)

    def play(self, provider, **fields):
        status, _, body = self.ask("POST", "/_sim/scenario", {"providers": {provider: fields}})
        assert status == 200, body

    def books(self, provider=None):
        books = json.loads(self.ask("GET", "/_sim/books")[2])
        return books["providers"][provider] if provider else books

    def requests(self, provider=""):
        return json.loads(self.ask("GET", f"/_sim/requests?provider={provider}")[2])


@pytest.fixture
def sim():
    server = Server("127.0.0.1", 0, Upstream(PRICES))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Client(server)
    server.shutdown()
    server.server_close()
    thread.join()


def text_of(provider, reply):
    match provider:
        case "codex":
            return "".join(part["text"] for item in reply["output"] for part in item["content"])
        case "claude":
            return "".join(block["text"] for block in reply["content"])
        case "gemini":
            parts = reply["candidates"][0]["content"].get("parts", [])
            return "".join(part["text"] for part in parts)
        case _:
            return reply["choices"][0]["message"]["content"]


def usage_of(provider, reply):
    usage = reply.get("usage") or reply.get("usageMetadata")
    if usage is None:
        return None
    names = {
        "gemini": ("promptTokenCount", "candidatesTokenCount"),
        "compatible": ("prompt_tokens", "completion_tokens"),
    }
    return tuple(usage[name] for name in names.get(provider, ("input_tokens", "output_tokens")))


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


TOOLS = {
    "codex": {"tools": [{"type": "function", "name": "exec_command"}]},
    "claude": {"tools": [{"name": "Read"}, {"name": "Edit"}], "system": "CWD: /repo\n"},
    "gemini": {
        "tools": [{"functionDeclarations": [{"name": "write_file"}, {"name": "replace"}]}],
    },
    "compatible": {"tools": [{"type": "function", "function": {"name": "write_file"}}]},
}


@pytest.mark.parametrize(
    ("provider", "found"),
    [
        ("codex", "printf %s 'it'"),
        ("claude", '"file_path": "/repo/new.txt", "old_string": "", "new_string": "it\'s"'),
        ("gemini", '"name": "write_file", "args": {"file_path": "new.txt", "content": "it\'s"}'),
        ("compatible", '\\"path\\":\\"new.txt\\"'),
    ],
)
def test_a_scripted_edit_is_the_dialects_own_tool_call_and_the_answer_follows(sim, provider, found):
    sim.play(provider, tools=[{"edit": {"path": "new.txt", "content": "it's"}}])
    replies = [json.dumps(sim.prompt(provider, **TOOLS[provider])[2]) for _ in range(2)]
    assert found in replies[0]
    assert f"Simulated answer from {provider}." in replies[1]


def test_a_replacing_edit_reads_first_where_the_client_insists_on_it(sim):
    sim.play("claude", tools=[{"edit": {"path": "/a", "old": "x", "content": "y"}}])
    reply = sim.prompt("claude", **TOOLS["claude"])[2]
    assert [block["name"] for block in reply["content"]] == ["Read", "Edit"]
    assert reply["stop_reason"] == "tool_use"


def test_a_request_without_tools_is_answered_and_leaves_the_script_alone(sim):
    sim.play("codex", tools=[{"tool": "exec_command", "input": {"cmd": "true"}}])
    assert sim.prompt("codex")[2]["output"][0]["type"] == "message"
    assert sim.prompt("codex", **TOOLS["codex"])[2]["output"][0]["type"] == "function_call"


def test_repeated_tools_start_anew_with_every_task(sim):
    sim.play("codex", tools=[{"edit": {"path": "a", "content": "b"}}], tools_repeat=True)
    result = [{"type": "function_call_output", "call_id": "c", "output": "ok"}]
    for _ in range(2):
        first = sim.prompt("codex", **TOOLS["codex"])[2]
        second = sim.prompt("codex", input=result, **TOOLS["codex"])[2]
        assert [first["output"][0]["type"], second["output"][0]["type"]] == [
            "function_call",
            "message",
        ]


def test_a_wall_in_mid_run_waits_for_a_tool_result(sim):
    sim.play("codex", faults=[{"kind": "quota", "after_tool": True}])
    result = [{"type": "function_call_output", "call_id": "c", "output": "ok"}]
    assert [sim.prompt("codex")[0], sim.prompt("codex", input=result)[0]] == [200, 429]


@pytest.mark.parametrize(
    "scenario",
    [
        {"provider": {}},
        {"providers": {"other": {}}},
        {"providers": {"codex": {"request_per_minute": 1}}},
        {"providers": {"codex": {"requests_per_minute": "1"}}},
        {"providers": {"codex": {"faults": {}}}},
        {"providers": {"codex": {"faults": [{"kind": "hung"}]}}},
        {"providers": {"codex": {"faults": [{"kind": "reset", "seconds": 1}]}}},
        {"providers": {"codex": {"tools": [{"edit": {}}]}}},
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(sim, scenario):
    assert sim.ask("POST", "/_sim/scenario", scenario)[0] == 400


def test_a_reset_of_the_simulator_clears_faults_and_books_and_keeps_limits(sim):
    sim.play("codex", requests_per_minute=1, faults=[{"kind": "reset", "times": "always"}])
    sim.ask("POST", "/_sim/reset")
    assert [sim.prompt("codex")[0], sim.prompt("codex")[0]] == [200, 429]
    sim.ask("POST", "/_sim/reset")
    assert sim.books("codex")["refused"] == 0
    assert sim.prompt("codex")[0] == 200


def test_unknown_paths_and_broken_json_are_answered(sim):
    assert sim.ask("GET", "/nothing")[0] == sim.ask("POST", "/nothing")[0] == 404
    assert sim.ask("HEAD", "/")[0] == 200
    assert sim.ask("POST", "/v1/messages", "no object")[0] == 400
    assert sim.ask("GET", "/v1/responses", headers={"Upgrade": "websocket"})[0] == 426
    assert b"priced" in sim.ask("GET", "/v1/models")[2]
    counted = sim.ask("POST", "/v1/messages/count_tokens", {"a": "b"})[2]
    assert json.loads(counted) == {"input_tokens": 3}


def test_two_hundred_clients_at_once_lose_no_request(sim):
    sim.play("codex", latency_ms=20)
    threads = [threading.Thread(target=sim.prompt, args=("codex",)) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sim.books("codex")["requests"] == 200


def test_an_address_that_is_not_loopback_is_refused():
    with pytest.raises(ValueError, match="not a loopback address"):
        Server("0.0.0.0", 0, Upstream({}))  # noqa: S104 - it must not be bound


def test_prices_are_exact_and_incomplete_models_are_left_out(tmp_path):
    models = {"a": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 3}, "b": {"other": 1}}
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"models": models, "source": "x"}))
    assert read_prices(path) == {"a": Price(Decimal("0.1"), Decimal(3), Decimal("0.1"))}


@pytest.fixture
def start(tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv[1]); "
    code += "from orchestrator.commands.simulate import main; sys.exit(main(sys.argv[2:]))"
    processes = []

    def run(*args):
        command = [sys.executable, "-I", "-X", "utf8", "-c", code, str(LIB), *args]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly_on_a_signal(start, tmp_path, number):
    process = start("--ready-file", "ready file.json")
    said = json.loads(process.stdout.readline())
    assert said == json.loads((tmp_path / "ready file.json").read_text())
    assert said["pid"] == process.pid
    with socket.create_connection(("127.0.0.1", said["port"]), timeout=5):
        os.kill(process.pid, number)
        assert process.wait(timeout=5) == 0
    assert process.stderr.read() == ""


def test_the_command_ends_by_itself_and_refuses_what_it_cannot_do(start, tmp_path):
    (tmp_path / "bad.json").write_text('{"providers": {"x": {}}}')
    assert start("--exit-after-s", "0.1").wait(timeout=5) == 0
    assert start("--parent-pid", "999999999").wait(timeout=5) == 0
    assert start("--host", "192.0.2.1").wait(timeout=5) == 2
    assert start("--scenario", "bad.json").wait(timeout=5) == 2
    assert start("--nonsense").wait(timeout=5) == 2
