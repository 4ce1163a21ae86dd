"""Rows 51 to 54: signals in the middle of a task. Closed and full outputs are in tests/bats."""

import os
import signal
import time

import pytest
from calling import interrupted
from support import wait

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORDS = ("--yes", "--json", "--provider", "codex")


def settled(place, run, code):
    """Check what must hold after every signal."""
    assert run.code == code, run
    assert "Traceback" not in run.err
    (line,) = place.decisions()
    assert line["execution_metrics"]["status"] == "interrupted"
    assert line["execution_metrics"]["outcome"] == "interrupted"
    assert place.usage("codex")["reservations"] == {}
    (spent,) = place.usage_lines()
    assert (spent["outcome"], spent["cost_source"]) == ("INTERRUPTED", "estimate")
    assert spent["cost_usd"] > 0
    assert list((place.state / ".state" / "inflight").iterdir()) == []
    assert os.listdir(place.temporary) == []
    assert place.quiet(1.0) == []


@pytest.mark.parametrize("number", CODES)
def test_rows_51_54_a_signal_during_a_call_settles_it_and_ends_with_its_code(
    simulator, place, number
):
    simulator.play("codex", faults=[{"kind": "hang"}])
    process = place.start(*WORDS, "--transport", "api", str(place.repo), "Fix the bug")
    assert wait(lambda: simulator.requests("codex"))
    began = time.monotonic()
    run = interrupted(process, number)
    assert time.monotonic() - began < 3
    settled(place, run, CODES[number])


@pytest.mark.parametrize("second", CODES)
def test_rows_51_54_a_second_signal_changes_nothing(simulator, place, second):
    simulator.play("codex", faults=[{"kind": "hang"}])
    process = place.start(*WORDS, "--transport", "api", str(place.repo), "Fix the bug")
    assert wait(lambda: simulator.requests("codex"))
    run = interrupted(process, signal.SIGINT, second, gap_s=0.02)
    settled(place, run, 130)


@pytest.mark.parametrize("number", CODES)
def test_rows_51_54_a_signal_ends_the_client_with_its_children(place, number):
    folder = place.folder / "clients"
    folder.mkdir()
    script = "#!/usr/bin/env bash\ntrap '' TERM INT HUP\nsleep 300 &\ntouch running\nsleep 300\n"
    (folder / "codex").write_text(script, encoding="ascii")
    (folder / "codex").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    process = place.start(*WORDS, "--transport", "cli", str(place.repo), "Fix the bug")
    assert wait((place.repo / "running").exists)
    run = interrupted(process, number)
    settled(place, run, CODES[number])


def test_rows_51_54_a_signal_while_waiting_for_a_retry_ends_the_wait(simulator, place):
    simulator.play("codex", faults=[{"kind": "status", "status": 429, "retry_after": "60"}])
    process = place.start(*WORDS, "--transport", "api", str(place.repo), "Fix the bug")
    assert wait(lambda: simulator.requests("codex"))
    time.sleep(0.5)
    run = interrupted(process, signal.SIGTERM)
    assert run.code == 143, run
    (line,) = place.decisions()
    assert line["execution_metrics"]["status"] == "interrupted"
    assert place.usage("codex")["reservations"] == {}


def test_rows_51_54_a_killed_task_is_settled_at_its_estimate_by_the_next_start(simulator, place):
    simulator.play("codex", faults=[{"kind": "hang", "times": 1}])
    process = place.start(*WORDS, "--transport", "api", str(place.repo), "Fix the bug")
    assert wait(lambda: simulator.requests("codex"))
    interrupted(process, signal.SIGKILL)
    held = place.usage("codex")["reservations"]
    assert len(held) == 1
    run = place.run(*WORDS, "--transport", "api", str(place.repo), "Fix the next bug")
    assert run.code == 0, run
    first, second = place.decisions()
    assert first["execution_metrics"]["status"] == "interrupted"
    assert second["execution_metrics"]["status"] == "success"
    assert [line["outcome"] for line in place.usage_lines()] == ["INTERRUPTED", "ok"]
    usage = place.usage("codex")
    assert usage["reservations"] == {}
    spent = sum(line["cost_usd"] for line in place.usage_lines())
    assert usage["cost_today"] == pytest.approx(spent)
