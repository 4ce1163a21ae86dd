"""Row 68: a thousand planted keys, and none of them in a log, the state, a process or an error.

The answer on stdout is the person's own and stays as it is.
"""

import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import planting
import pytest
from support import KEYS, PREFERRED, ROOT, Watch, finished

from orchestrator import commands, errors
from orchestrator.commands import classify, screen

A_THOUSAND = planting.planted(1000)
TASK = PREFERRED["codex"]


def kept(place):
    """Read all that a start left behind."""
    return planting.files(place.logs, place.state, place.temporary)


def clean(place, keys, seen=None, run=None):
    """Check that no key is in what was kept, told or started."""
    texts = kept(place)
    assert len(texts) > 3
    if run is not None:
        texts["stderr"] = run.err
        assert "[redacted]" in run.err or "[redacted]" in "".join(texts.values())
    if seen is not None:
        assert seen.lines
        texts["a command line"] = b"\n".join(seen.lines).decode("utf-8", "replace")
    assert planting.found(keys, texts) == []


def spoken(keys):
    return "\n".join(f"Here is {key.text} and more." for key in keys)


def test_row_68_a_thousand_keys_in_tasks_and_answers_over_http(place, simulator):
    place.settings(log_full_task=True)
    for at in range(0, 1000, 250):
        keys = A_THOUSAND[at : at + 250]
        simulator.play("codex", answer=spoken(keys))
        words = ("--yes", "--json", "--transport", "api", "--provider", "codex", place.repo, "-")
        task = f"{TASK}\n{spoken(keys)}"
        with Watch(place) as seen:
            run = place.run(*words, task=task.encode())
        assert run.code == 0, run
        assert run.line["result"] == spoken(keys)
        assert simulator.requests("codex")[-1]["prompt"].endswith(task)
        clean(place, keys, seen, run)
    assert "[redacted]" in place.decisions()[0]["task_description"]


def test_row_68_the_line_printed_with_an_answer_holds_no_key_of_the_task(place, simulator):
    keys = A_THOUSAND[:50]
    run = place.run("--yes", "--json", "--transport", "api", place.repo, spoken(keys))
    assert run.code == 0, run
    assert planting.found(keys, {"stdout": run.out, "stderr": run.err}) == []


@pytest.fixture
def telling(place):
    """An upstream whose refusals tell keys; what it says is `said`, with `status`."""

    class Handler(BaseHTTPRequestHandler):
        said, status = "", 400

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"error": {"message": self.said, "type": self.said}}).encode()
            self.send_response(self.status)
            self.send_header("content-length", str(len(body)))
            self.send_header(
                "x-note", self.said.replace("\n", " ").encode("ascii", "ignore").decode()
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.environment["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
    place.settings(attempts={"per_route": 1, "total": 1}, breaker={"failures": 99})
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_row_68_keys_in_refusals_of_an_upstream(place, telling, status):
    keys = [key for key in planting.planted(25, seed=status) if len(key.text) < 200]
    own = KEYS["codex"][1]
    for at in range(0, len(keys), 5):
        telling.status = status
        few = keys[at : at + 5]
        telling.said = f"{own} {spoken(few)} {own}"
        words = ("--yes", "--json", "--transport", "api", "--provider", "codex")
        run = place.run(*words, "--force", place.repo, TASK)
        assert run.code != 0, run
        own_key = planting.Key(own, (own[:24],))
        clean(place, [*few, own_key], run=run)
        assert planting.found([*few, own_key], {"stdout": run.out}) == []


CLIENT = """#!/bin/bash
cat "$STAGE/errors" >&2
cat "$STAGE/events"
env -0 >"$STAGE/environment"
"""


@pytest.fixture
def client(place):
    """A client that says what is laid before it; returns how to lay it and run a task."""
    stage, folder = place.folder / "stage", place.folder / "clients"
    stage.mkdir()
    folder.mkdir()
    (folder / "codex").write_text(CLIENT.replace("$STAGE", str(stage)), encoding="utf-8")
    (folder / "codex").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"

    def run(events, errors="", *, root=ROOT, words=("--json",), task=TASK):
        lines = [{"type": "thread.started"}, *events]
        (stage / "events").write_text("".join(f"{json.dumps(e)}\n" for e in lines), "utf-8")
        (stage / "errors").write_text(errors, "utf-8")
        chosen = ("--yes", "--provider", "codex", "--transport", "cli", *words)
        process = subprocess.Popen(
            [root / "orchestrate.sh", *chosen, place.repo, "-"], env=place.environment,
            cwd=place.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        process.stdin.write(task)
        return finished(process)

    run.stage = stage
    return run


def answering(text):
    usage = {"input_tokens": 900, "output_tokens": 12}
    message = {"type": "agent_message", "text": text}
    return [{"type": "item.completed", "item": message}, {"type": "turn.completed", "usage": usage}]


def tool(text):
    item = {"type": "command_execution", "command": f"curl -H '{text}'", "output": text}
    return [{"type": kind, "item": item} for kind in ("item.started", "item.completed")]


def on_one_line(keys):
    """Leave out those that are broken over lines: what a client breaks up is not put together."""
    return [key for key in keys if "\n" not in key.text or "PRIVATE KEY" in key.text]


def test_row_68_a_thousand_keys_in_what_a_client_says_does_and_is_checked_with(place, client):
    events = [event for key in A_THOUSAND[:500] for event in tool(key.text)]
    warned = ({"type": "error", "message": key.text} for key in A_THOUSAND[500:700])
    events += [{"type": "item.completed", "item": item} for item in warned]
    chatted, checked = on_one_line(A_THOUSAND[700:850]), on_one_line(A_THOUSAND[850:])
    (client.stage / "check").write_text(spoken(checked), "utf-8")
    check = (
        f": '{A_THOUSAND[0].text}'; cat '{client.stage}/check' && cat '{client.stage}/check' >&2"
    )
    verify = ("--json", "--verify", check)
    answer = spoken(A_THOUSAND)
    run = client([*events, *answering(answer)], spoken(chatted), words=verify)
    assert run.code == 0, run
    assert (run.line["result"], run.metrics["verified"]) == (answer, "passed")
    clean(place, A_THOUSAND, run=run)
    assert len(place.transcripts()[0].splitlines()) > 1400


def test_row_68_keys_in_the_error_that_ends_a_client(place, client):
    for key in A_THOUSAND[:25]:
        run = client([{"type": "error", "message": f"It failed: {key.text} is no good"}])
        assert run.code in {1, 3, 4, 5}, run
        clean(place, [key], run=run)
        assert planting.found([key], {"stdout": run.out}) == []


ODD = ("correct horse battery {}", '{} with "quotes" and \\ in it', "ключ-{}", "two\nlines {}")


def test_row_68_a_thousand_values_of_key_variables_and_of_our_env_file(place, client):
    copied = place.folder / "product"
    shutil.copytree(ROOT / "lib", copied / "lib")
    shutil.copy(ROOT / "orchestrate.sh", copied)
    plain = [ODD[n % 4].format(f"{n:04}{'abcdefghij'[n % 10] * 8}") for n in range(500)]
    values = [*plain, *(key.text for key in A_THOUSAND[500:])]
    in_file = [value for value in values[::2] if "\n" not in value]
    in_own = [value for value in values if value not in in_file]
    place.environment |= {f"MY_SECRET_{n}": value for n, value in enumerate(in_own)}
    lines = "".join(f"MY_{n}_API_KEY='{value}'\n" for n, value in enumerate(in_file))
    evil = "EVIL=$(touch pwned)\n`touch pwned`\n"
    (copied / ".env").write_text(f"{evil}{lines}", encoding="utf-8")
    (place.repo / ".env").write_text("OPENAI_API_KEY=of-the-repository\n", encoding="utf-8")
    said = "\n".join(values)
    events = [event for value in values for event in tool(value)]
    verify = ("--json", "--verify", f"env -0 >'{client.stage}/checked'; echo still there")
    with Watch(place) as seen:
        run = client([*events, *answering(said)], root=copied, words=verify, task=f"{TASK}: {said}")
    assert run.code == 0, run
    assert run.line["result"] == said
    keys = [planting.Key(value, (value, json.dumps(value)[1:-1])) for value in values]
    clean(place, keys, seen, run)
    assert list(place.folder.rglob("pwned")) == []
    name, own = KEYS["codex"]
    for given in ("environment", "checked"):
        child = (client.stage / given).read_bytes().decode().split("\0")
        others = [entry for entry in child if entry.partition("=")[2] in values]
        assert others == []
        assert (f"{name}={own}" in child) == (given == "environment")
        assert "of-the-repository" not in "".join(child)


def test_row_68_keys_in_the_errors_and_tracebacks_of_our_own_bugs(monkeypatch, capsys, tmp_path):
    secret = "the value of a key that looks like none"
    monkeypatch.setenv("ORCHESTRATE_DEBUG", "1")
    monkeypatch.setenv("MY_TOKEN", secret)
    text = f"{spoken(A_THOUSAND)}\n{secret}"
    several = errors.ConfigError([text, text])
    for error in (RuntimeError(text), OSError(5, text), errors.UsageError(text), several):

        def fail(_, error=error):
            raise error from ValueError(text)

        monkeypatch.setattr(classify, "main", fail)
        assert commands.main(["classify", "x"]) == getattr(error, "exit_code", None) or 1
        told = capsys.readouterr().err
        keys = [*A_THOUSAND, planting.Key(secret, (secret,))]
        assert "[redacted]" in told
        assert planting.found(keys, {"stderr": told}) == []


def test_row_68_what_is_kept_of_a_task_that_waits_holds_no_key(place, simulator):
    place.provider("codex", limits=[{"metric": "requests", "window_s": 60, "limit": 0,
                                     "block_at_percent": 100, "scope": "provider"}])  # fmt: skip
    keys = A_THOUSAND[:100]
    run = place.run("--yes", "--transport", "api", "--provider", "codex", place.repo, spoken(keys))
    assert run.code == 3, run
    assert "deferred.jsonl" in "".join(os.listdir(place.logs))
    assert planting.found(keys, {**kept(place), "stderr": run.err, "stdout": run.out}) == []


HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202eevil\x1b]8;;http://evil\x1b\\\x1b[31m\x7f\r\x08"


def test_row_66_hostile_text_from_everywhere_moves_no_terminal(place, client):
    events = [
        *tool(HOSTILE),
        {"type": "item.completed", "item": {"type": "error", "message": HOSTILE}},
        *answering(f"The answer. {HOSTILE}"),
    ]
    fails = [{"type": "error", "message": f"It failed: {HOSTILE}"}]
    kept, place.repo = place.repo, place.folder / "a \x1b[31m \u202e repository"
    place.repo.mkdir()
    told = ((), ("--json",), ("--explain",), ("--verify", f"echo '{HOSTILE}'"))
    said = [(events, words) for words in told] + [(fails, ()), (fails, ("--json",))]
    runs = [client(said, HOSTILE, words=words, task=f"Fix {HOSTILE} it") for said, words in said]
    assert runs[1].line["result"] == f"The answer. {HOSTILE}"
    assert runs[0].out == f"The answer. {screen.harmless(HOSTILE)}\n"
    runs += [place.run("-n", place.repo, f"Fix it {HOSTILE}"), place.run(f"--{HOSTILE}")]
    runs += [place.run("-n", f"{place.repo}{HOSTILE}", "Fix it")]
    place.repo = kept
    helper = [ROOT / "lib", "summary"]
    process = subprocess.Popen(
        ["python3", "-I", "-X", "utf8", *helper], env=place.environment, text=True,
        encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    runs.append(finished(process))
    assert [run.code for run in runs] == [0, 0, 0, 0, 5, 5, 0, 2, 2, 0]
    for run in runs:
        assert screen.harmless(run.out) == run.out, run
        assert screen.harmless(run.err) == run.err, run
