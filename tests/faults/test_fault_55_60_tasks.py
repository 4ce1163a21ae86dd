"""Rows 55 to 60: large tasks, and a repository that goes away. Hostile text is in tests/bats."""

import hashlib
import json
import shutil
import time

from calling import LIMIT_MB

MEGABYTE = 1024 * 1024
WORDS = ("--yes", "--json", "--provider", "codex")


def test_rows_55_58_a_megabyte_arrives_byte_for_byte_and_is_logged_short(simulator, place):
    place.unlimited()
    text = ("“Fix” $(touch pwned) `x` \\ % {} é 🙂\t\n" * 40_000).encode()[:MEGABYTE]
    text = text.decode("utf-8", "ignore").encode()
    run = place.run(*WORDS, "--transport", "api", str(place.repo), "-", task=text)
    assert run.code == 0, run.err
    (request,) = simulator.requests("codex")
    assert request["prompt"].encode() == text[: len(request["prompt"].encode())]
    assert request["body_bytes"] > len(text)
    assert run.line["task_sha256"] == hashlib.sha256(text).hexdigest()
    assert len(run.line["task_description"].encode()) < 2100
    assert list(place.repo.iterdir()) == []


def test_rows_55_58_a_megabyte_that_no_model_takes_is_refused_with_the_reason(place, simulator):
    place.unlimited()
    place.models(context_window=20_000)
    run = place.run(*WORDS, str(place.repo), "-", task=b"word " * (MEGABYTE // 5))
    assert run.code != 0
    assert simulator.requests() == []
    assert "Traceback" not in run.err


def test_rows_55_58_fifty_megabytes_are_refused_without_holding_them_twice(place, measured):
    path = place.folder / "large"
    path.write_bytes(b"x" * 50 * MEGABYTE)
    with path.open("rb") as stdin:
        began = time.monotonic()
        run, most = measured(*WORDS, str(place.repo), "-", stdin=stdin)
    assert time.monotonic() - began < 5
    assert run.code == 2, run
    assert "max_task_bytes" in run.err
    assert len(run.err.splitlines()) == 1
    assert most[0] < LIMIT_MB
    assert not place.logs.exists()


def test_rows_59_60_a_repository_deleted_by_the_first_client_is_told_by_the_next(place):
    folder = place.folder / "clients"
    folder.mkdir()
    gone = '#!/usr/bin/env bash\nrm -rf -- "$PWD"\nexit 1\n'
    for name in ("codex", "gemini", "claude"):
        (folder / name).write_text(gone, encoding="ascii")
        (folder / name).chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    words = ("--yes", "--json", "--transport", "cli")
    run = place.run(*words, str(place.repo), "Fix the bug")
    assert run.code == 1, run
    assert run.attempts[0]["error_class"] == "EMPTY"
    assert {a["error_class"] for a in run.attempts[1:]} == {"INVALID_INPUT"}
    assert "REPO: No such file or directory" in run.attempts[1]["error"]
    assert run.attempts[1]["cost_usd"] == 0.0
    assert "Traceback" not in run.err


def test_rows_59_60_a_repository_deleted_while_a_client_answers_does_not_lose_the_answer(place):
    folder = place.folder / "clients"
    folder.mkdir()
    answer = (
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": {"input_tokens": 900, "output_tokens": 12}},
    )
    said = "\n".join(json.dumps(event) for event in answer)
    script = f"#!/usr/bin/env bash\nrm -rf -- \"$PWD\"\ncat <<'JSON'\n{said}\nJSON\n"
    (folder / "codex").write_text(script, encoding="ascii")
    (folder / "codex").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    run = place.run(*WORDS, "--transport", "cli", str(place.repo), "Fix the bug")
    assert (run.code, run.line["result"]) == (0, "Done."), run


def test_row_60_a_folder_that_is_exchanged_for_a_symlink_is_not_followed(place):
    """A client swaps the repository, or a folder above it, for a link out of the workspace."""
    workspace, outside = place.folder / "workspace", place.folder / "outside"
    folder = place.folder / "clients"
    for made in (outside / "app" / "sub", folder):
        made.mkdir(parents=True)
    place.environment["ORCHESTRATE_WORKSPACE"] = str(workspace)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    swap = f"mv '{workspace}/app' '{workspace}/old' && ln -s '{outside}/app' '{workspace}/app'"
    for name in ("codex", "gemini", "claude"):
        (folder / name).write_text(f"#!/bin/bash\ntouch seen\n{swap}\nexit 1\n", encoding="ascii")
        (folder / name).chmod(0o755)
    for repo in ("app", "app/sub"):
        shutil.rmtree(workspace, ignore_errors=True)
        (workspace / "app" / "sub").mkdir(parents=True)
        run = place.run("--yes", "--json", "--transport", "cli", repo, "Fix the bug")
        assert run.code == 1, run
        kinds = [attempt["error_class"] for attempt in run.attempts]
        assert kinds == ["EMPTY", "INVALID_INPUT", "INVALID_INPUT"], run
        assert "REPO: its path leads elsewhere now" in run.err
        assert list(outside.rglob("seen")) == []


def test_row_60_a_check_is_not_made_where_a_symlink_leads_either(place):
    outside, folder = place.folder / "outside", place.folder / "clients"
    for made in (outside, folder):
        made.mkdir()
    answer = [
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": {"input_tokens": 9, "output_tokens": 9}},
    ]
    lines = "\n".join(json.dumps(event) for event in answer)
    swap = f"mv '{place.repo}' '{place.repo}.old'; ln -s '{outside}' '{place.repo}'"
    (folder / "codex").write_text(f"#!/bin/bash\n{swap}\ncat <<'JSON'\n{lines}\nJSON\n", "ascii")
    (folder / "codex").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    run = place.run(*WORDS, "--transport", "cli", "--verify", "touch seen", place.repo, "Fix it")
    assert (run.code, run.metrics["verified"]) == (1, "failed"), run
    assert list(outside.iterdir()) == []
