"""The simulated upstream: scripted tools, its control, and its command."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from upstreams import LIB

from orchestrator.simulator.bill import Price, read_prices
from orchestrator.simulator.server import Server
from orchestrator.simulator.upstream import Upstream

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
