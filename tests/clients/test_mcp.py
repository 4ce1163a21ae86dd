"""Servers of tools: each real client offers theirs, calls them, and shows nobody their secrets."""

import json
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from briefly import ONE_PROVIDER, first_of
from mcp_server import result_of
from support import KEYS, PREFERRED, PROVIDERS, Watch, finished, wait
from test_logins import log_in

SERVER = Path(__file__).with_name("mcp_server.py")
CALLED = {  # how each client names the tool `look_up` of a server `words`
    "codex": "mcp__words.look_up",
    "gemini": "mcp_words_look_up",
    "claude": "mcp__words__look_up",
}
SECRET = "wörds-'s3cret'\"\n$HOME ${HOME} `id` \\end"
MODELS = {"codex": "gpt-5.4", "gemini": "gemini-3.8-flash", "claude": "claude-sonnet-5-5"}


@pytest.fixture
def log(place):
    return place.folder / "mcp log.jsonl"


@pytest.fixture
def config(place, log):
    """A file of servers, as a person keeps it: one, told a secret."""
    path = place.folder / "my servers.json"
    row = {"command": sys.executable, "args": [str(SERVER), str(log)], "env": {"WORDS": SECRET}}
    path.write_text(json.dumps({"mcpServers": {"words": row}}), encoding="utf-8")
    return path


def heard(log, method):
    """Return what the server was asked so."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["method"] == method]


def run(place, simulator, provider, config, *words):
    simulator.play(provider, tools=[{"tool": CALLED[provider], "input": {"word": "cat"}}])
    return place.run(
        "--yes", "--json", "--provider", provider, "--model", MODELS[provider],
        "--mcp-config", config, *words, place.repo, PREFERRED[provider],
    )  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "words", first_of(("--edit", "--agent", "coder"), ()), ids=["edit", "read"]
)
def test_the_tool_of_a_server_is_offered_upstream_called_and_its_answer_told(
    place, simulator, log, config, provider, words
):
    ran = run(place, simulator, provider, config, *words)
    assert ran.code == 0, ran
    assert [attempt["transport"] for attempt in ran.attempts] == ["cli"]
    first, *later = [each for each in simulator.requests(provider) if each["main"]]
    assert CALLED[provider] in first["tools"]
    (call,) = heard(log, "tools/call")
    assert (call["params"]["name"], call["params"]["arguments"]) == ("look_up", {"word": "cat"})
    assert [request["tool_results"] for request in later] == [1]
    assert ran.line["attachments"]["mcp_servers"] == ["words"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_gets_its_own_environment_to_the_byte_and_not_the_providers_key(
    place, simulator, log, config, provider
):
    ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    (start,) = heard(log, "start")
    assert start["environment"]["WORDS"] == SECRET.replace("${HOME}", str(place.home))
    assert not {name for name, _ in KEYS.values()} & start["environment"].keys()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_server_is_told_is_in_no_command_line_log_or_state_and_gone_afterwards(
    place, simulator, log, config, provider
):
    secret = "words-secret-0123456789"
    document = json.loads(config.read_text("utf-8"))
    document["mcpServers"]["words"]["env"]["WORDS"] = secret
    config.write_text(json.dumps(document), encoding="utf-8")
    simulator.play(provider, answer=f"It was told {secret}, and answered.")
    with Watch(place) as seen:
        ran = place.run(
            "--yes", "--json", "--provider", provider, "--mcp-config", config, place.repo, "Look"
        )
    assert ran.code == 0, ran
    assert secret in ran.line["result"]
    assert not [line for line in seen.lines if secret.encode() in line]
    kept = [path for path in (*place.logs.rglob("*"), *place.state.rglob("*")) if path.is_file()]
    assert len(kept) > 3
    assert not [path for path in kept if secret.encode() in path.read_bytes()]
    assert list(place.temporary.iterdir()) == []


@pytest.mark.parametrize("provider", ONE_PROVIDER)
def test_the_copies_are_private_while_the_client_runs(place, simulator, config, provider):
    simulator.play(provider, faults=[{"kind": "hang"}])
    process = place.start(
        "--yes", "--json", "--provider", provider, "--transport", "cli", "--mcp-config", config,
        place.repo, "Look",
    )  # fmt: skip
    assert wait(lambda: simulator.requests(provider)), process.kill()
    copies = [path for path in place.temporary.rglob("mcp-words*") if path.is_file()]
    assert sorted(path.name for path in copies) == ["mcp-words.json", "mcp-words.sh"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in copies} == {0o700}
    process.terminate()
    assert finished(process).code == 143
    assert list(place.temporary.iterdir()) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_does_not_start_fails_the_attempt_and_is_named(
    place, simulator, config, provider
):
    row = {"command": "/nowhere/words"}
    config.write_text(json.dumps({"mcpServers": {"words": row}}), encoding="utf-8")
    ran = run(place, simulator, provider, config)
    assert ran.code == 1, ran
    told = {(attempt["error_class"], attempt["provider"]) for attempt in ran.attempts}
    assert told == {("INVALID_INPUT", provider)}
    assert "MCP servers that did not start: " in ran.metrics["error"]
    assert "words" in ran.metrics["error"]


@pytest.mark.slow
@pytest.mark.parametrize("provider", ONE_PROVIDER)
def test_a_server_that_takes_its_time_to_start_is_waited_for(
    place, simulator, log, config, provider
):
    document = json.loads(config.read_text("utf-8"))
    document["mcpServers"]["words"]["args"].append("--slow")
    config.write_text(json.dumps(document), encoding="utf-8")
    ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    assert len(heard(log, "tools/call")) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_server_leaves_running_ends_with_the_task(place, simulator, log, config, provider):
    document = json.loads(config.read_text("utf-8"))
    document["mcpServers"]["words"]["args"].append("--stay")
    config.write_text(json.dumps(document), encoding="utf-8")
    ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    assert len(heard(log, "start")) == 1
    assert place.quiet(2.0) == []


@pytest.mark.parametrize("provider", ["codex", "claude"])
def test_a_login_is_given_the_servers_too(place, simulator, log, config, provider):
    log_in(place, provider, simulator.url)
    ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    assert [attempt["billing"] for attempt in ran.attempts] == ["subscription"]
    assert len(heard(log, "tools/call")) == 1


def test_a_login_of_claude_starts_these_servers_and_none_of_the_persons_own(
    place, simulator, log, config
):
    log_in(place, "claude", simulator.url)
    (row,) = json.loads(config.read_text("utf-8"))["mcpServers"].values()
    own = {"mcpServers": {"own": row}}
    (place.home / ".claude.json").write_text(json.dumps(own), encoding="utf-8")
    ran = run(place, simulator, "claude", config)
    assert ran.code == 0, ran
    tools = [tool for tool in simulator.requests("claude")[-1]["tools"] if "look_up" in tool]
    assert tools == [CALLED["claude"]]


def test_a_login_of_gemini_takes_none_so_its_key_is_used(place, simulator, log, config):
    log_in(place, "gemini", simulator.url)
    ran = run(place, simulator, "gemini", config)
    assert ran.code == 0, ran
    assert [attempt["billing"] for attempt in ran.attempts] == ["metered"]
    assert len(heard(log, "tools/call")) == 1


@pytest.mark.parametrize("provider", ONE_PROVIDER)
def test_several_servers_are_all_offered_and_those_of_the_repository_are_not(
    place, simulator, log, config, provider
):
    document = json.loads(config.read_text("utf-8"))
    row = document["mcpServers"]["words"]
    document["mcpServers"] = {"words": row, "more-words": row}
    config.write_text(json.dumps(document), encoding="utf-8")
    theirs = {"mcpServers": {"theirs": row}}
    for name in (".mcp.json", ".gemini/settings.json"):
        (place.repo / name).parent.mkdir(exist_ok=True)
        (place.repo / name).write_text(json.dumps(theirs), encoding="utf-8")
    ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    tools = [tool for tool in simulator.requests(provider)[-1]["tools"] if "look_up" in tool]
    assert len(tools) == 2, tools
    assert not [tool for tool in tools if "theirs" in tool]
    assert len(heard(log, "start")) == 2


@pytest.fixture
def remote():
    """A server over HTTP; returns its address and the headers it was sent."""
    headers = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            headers.append(dict(self.headers.items()))
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            result = result_of(request["method"], request.get("params"))
            reply = {"jsonrpc": "2.0", "id": request.get("id"), "result": result}
            body = json.dumps(reply).encode() if "id" in request else b""
            self.send_response(200 if body else 202)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.send_error(405)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/mcp", headers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("provider", ONE_PROVIDER)
def test_a_server_over_http_is_called_with_its_headers_and_they_are_in_no_command_line(
    place, simulator, config, remote, provider
):
    url, headers = remote
    secret = "Bearer words-0123456789"
    row = {"type": "http", "url": url, "headers": {"Authorization": "Bearer ${WORDS_TOKEN}"}}
    config.write_text(json.dumps({"mcpServers": {"words": row}}), encoding="utf-8")
    place.environment["WORDS_TOKEN"] = "words-0123456789"
    with Watch(place) as seen:
        ran = run(place, simulator, provider, config)
    assert ran.code == 0, ran
    assert simulator.requests(provider)[-1]["tool_results"] == 1
    assert {each.get("authorization") or each.get("Authorization") for each in headers} == {secret}
    assert not [line for line in seen.lines if b"words-0123456789" in line]
