"""Rows 47 to 50: clients that misbehave, played by small Bash programs in the clients' places."""

import json
import os
import time

import pytest
from calling import LIMIT_MB
from support import wait

CODEX_ANSWER = (
    {"type": "thread.started", "thread_id": "1"},
    {"type": "item.completed", "item": {"type": "agent_message", "text": "Done by the client."}},
    {"type": "turn.completed", "usage": {"input_tokens": 900, "output_tokens": 12}},
)
ANSWER = "\n".join(json.dumps(event) for event in CODEX_ANSWER)
SAYS = f"cat <<'JSON'\n{ANSWER}\nJSON\n"
STARTED = 'echo \'{"type":"thread.started"}\'\n'
LIMIT = "You've hit your usage limit. Try again at 3:00 PM."


@pytest.fixture
def client(place):
    """Run a task with codex played by a script; JSON on stdout."""
    folder = place.folder / "clients of ours"
    folder.mkdir()
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    place.settings(backoff={"base_s": 0.1, "cap_s": 0.2, "retry_after_cap_s": 1})
    place.settings(attempts={"per_route": 2, "total": 4})

    def write(script, *, name="codex", mode=0o755, head="#!/usr/bin/env bash\n"):
        path = folder / name
        path.write_text(head + script, encoding="utf-8")
        path.chmod(mode)
        return path

    def run(script, *words, **options):
        if script is not None:
            write(script)
        chosen = ("--yes", "--json", "--provider", "codex", "--transport", "cli")
        return place.run(*chosen, *words, str(place.repo), "Fix the bug", **options)

    run.write, run.folder = write, folder
    return run


def test_rows_47_50_a_client_that_behaves_is_a_success(client):
    run = client(SAYS)
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run
    assert run.metrics["tokens_used"] == 912


def test_rows_47_50_a_client_that_is_missing_or_not_executable_is_told_before_anything_runs(client):
    run = client(None)
    assert run.code == 4, run
    assert "the codex client is not installed" in run.err
    client.write(SAYS, mode=0o644)
    run = client(None)
    assert run.code == 4, run
    assert "the codex client is not installed" in run.err


@pytest.mark.parametrize(
    ("head", "script"),
    [
        ("#!/nowhere/bash\n", SAYS),
        ("#!/usr/bin/env bash\n", "exec codex-that-is-not-there\n"),
        ("#!/usr/bin/env bash\n", "exec /etc/passwd\n"),
    ],
    ids=["its interpreter is gone", "exit 127", "exit 126"],
)
def test_rows_47_50_a_client_that_can_not_start_is_not_installed(client, head, script):
    client.write(script, head=head)
    run = client(None)
    assert run.code == 4, run
    assert [a["error_class"] for a in run.attempts] == ["NOT_INSTALLED"]
    assert run.metrics["cost_actual"] == 0.0


CASES = {
    "exit 0 with nothing": ("exit 0\n", "EMPTY", 1),
    "exit 0 with noise": ("echo hello; echo more >&2\n", "EMPTY", 1),
    "exit 0 with a limit text": (f'echo "{LIMIT}"\n', "EMPTY", 1),
    "exit 0 with a limit event": (
        f"cat <<'JSON'\n{json.dumps({'type': 'error', 'message': LIMIT})}\nJSON\n",
        "QUOTA",
        3,
    ),
    "exit 0 in the middle": (STARTED, "EMPTY", 1),
    "exit 0 with an empty answer": (SAYS.replace("Done by the client.", " "), "EMPTY", 1),
    "exit 255": ("exit 255\n", "EMPTY", 1),
    "exit 1 after an answer": (SAYS + "exit 1\n", "EMPTY", 1),
    "killed": ("kill -KILL $$\n", "EMPTY", 1),
    "killed after the start": (STARTED + "kill -SEGV $$\n", "EMPTY", 1),
    "JSON of another kind": ('echo "[]"; echo "{}"; echo "{\\"type\\":[]}"\n', "EMPTY", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_47_50_a_client_that_fails_has_one_class_and_our_own_exit_code(client, place, case):
    script, expected, code = CASES[case]
    run = client(script)
    assert run.code == code, run
    assert {a["error_class"] for a in run.attempts} == {expected}
    assert run.metrics["status"] == ("deferred" if code == 3 else "failed")
    assert place.usage("codex")["reservations"] == {}
    last = run.err.strip().splitlines()[-1]
    assert last.startswith("orchestrate: the task was not done")
    assert "Traceback" not in run.err


def test_rows_47_50_a_client_that_fails_hands_over_to_the_next_transport(client, place, simulator):
    client.write("exit 255\n")
    run = place.run("--yes", "--json", "--provider", "codex", str(place.repo), "Fix the bug")
    assert run.code == 0 or run.attempts[0]["error_class"] == "EMPTY", run
    run = place.run("--yes", "--json", "--allow-blind", str(place.repo), "Fix the bug")
    assert run.code == 0, run
    assert run.attempts[0]["error_class"] == "EMPTY"
    assert run.attempts[-1]["transport"] == "api"


def test_rows_47_50_noise_around_the_json_is_ignored(client):
    noise = "printf 'Warning: \\x1b[31mred\\n\\xff\\xfe\\x00\\n{not json}\\n{\"a\":\\n\\n'\n"
    run = client(noise + noise.replace("printf", ">&2 printf") + SAYS + noise)
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run


def test_rows_47_50_a_flood_of_noise_takes_no_memory(client, place, measured):
    flood = (
        "head -c 150000000 /dev/zero | tr '\\0' x\nhead -c 50000000 /dev/zero | tr '\\0' y >&2\n"
    )
    client.write(flood + "echo\n" + SAYS)
    words = ("--yes", "--json", "--provider", "codex", "--transport", "cli")
    run, most = measured(*words, str(place.repo), "Fix it")
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run
    assert most[0] < LIMIT_MB


def test_rows_47_50_lines_of_json_may_come_in_pieces_and_without_a_last_newline(client):
    parts = [ANSWER[at : at + 37] for at in range(0, len(ANSWER), 37)]
    script = "".join(f"printf %s '{part}'\nsleep 0.01\n" for part in parts)
    run = client(script)
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run


HANGS = {
    "silent": "sleep 300\n",
    "after its start": STARTED + "sleep 300\n",
    "deaf to SIGTERM": "trap '' TERM INT HUP\nwhile :; do sleep 300; done\n",
    "with children": "sleep 300 &\n(sleep 300 & sleep 300) &\nwait\n",
    "with outputs closed": "exec >&- 2>&-\nsleep 300\n",
    "chatting on stderr": "while :; do echo waiting >&2; sleep 0.1; done\n",
    "stopped": "kill -STOP $$\n",
}


@pytest.mark.parametrize("case", HANGS)
def test_rows_47_50_a_client_that_hangs_is_ended_with_its_group_at_the_deadline(
    client, place, case
):
    began = time.monotonic()
    run = client(HANGS[case], "--timeout", "1.5")
    assert time.monotonic() - began < 1.5 + 2.5
    assert run.code == 5, run
    assert run.attempts[-1]["error_class"] in {"TIMEOUT", "STALLED"}
    assert run.metrics["execution_time_seconds"] < 3.2
    assert place.quiet(1.0) == []
    assert place.usage("codex")["reservations"] == {}


def test_rows_47_50_a_client_whose_upstream_says_nothing_is_ended_at_the_first_byte_limit(
    client, place
):
    place.transports("codex", first_byte_s=1)
    place.settings(attempts={"per_route": 1, "total": 1})
    run = client(STARTED + "while :; do echo waiting >&2; sleep 0.1; done\n")
    assert [a["error_class"] for a in run.attempts] == ["STALLED"], run
    assert run.metrics["execution_time_seconds"] < 3


def test_rows_47_50_a_daemon_that_keeps_stdout_open_holds_nobody_up(client, place):
    run = client("sleep 300 &\n(while :; do sleep 1; done) 2>/dev/null &\n" + SAYS)
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run
    assert run.metrics["execution_time_seconds"] < 4
    assert place.quiet(1.0) == []


def test_rows_47_50_a_daemon_with_a_session_of_its_own_ends_with_its_client(client, place):
    daemon = (
        "setsid bash -c 'trap : TERM HUP; while :; do sleep 1; done' </dev/null &>/dev/null &\n"
    )
    run = client(daemon + "sleep 0.2\n" + SAYS)
    assert (run.code, run.line["result"]) == (0, "Done by the client."), run
    assert place.quiet(1.0) == []
    run = client(SAYS, "--verify", daemon + "sleep 0.2")
    assert run.metrics["verified"] == "passed", run
    assert place.quiet(1.0) == []


def test_rows_47_50_a_daemon_of_a_start_that_was_killed_is_ended_by_the_next(client, place):
    client.write("setsid sleep 300 </dev/null &>/dev/null &\n" + STARTED + "sleep 300\n")
    words = ("--yes", "--json", "--provider", "codex", "--transport", "cli", place.repo, "Fix it")
    process = place.start(*words)
    assert wait(lambda: len([1 for line, _ in place.processes().values() if b"sleep" in line]) > 1)
    process.kill()
    process.communicate()
    client(SAYS)
    assert place.quiet(1.0) == []


def test_rows_47_50_a_client_that_waits_for_stdin_gets_the_task_and_then_its_end(client, place):
    wait = "cat >'seen it'\nread -r more && exit 9\nread -r more </dev/tty && exit 9\n" + SAYS
    run = client(wait)
    assert run.code == 0, run
    assert (place.repo / "seen it").read_text("utf-8").endswith("Fix the bug")


def test_rows_47_50_nothing_of_a_client_stays_in_the_temporary_folder(client, place):
    client('mkdir -p "$TMPDIR/a/b"; touch "$TMPDIR/a/b/c"; chmod 000 "$TMPDIR/a"\n' + SAYS)
    client("sleep 300\n", "--timeout", "1")
    assert os.listdir(place.temporary) == []
