"""Stopping in the middle of a client's run: nothing is left running, and the books are closed."""

import os
import signal

import pytest
from support import PROVIDERS, finished, wait

LONG_COMMAND = {"tool": "exec_command", "input": {"cmd": "sleep 321", "yield_time_ms": 300000}}


def started(place, simulator, provider):
    """Start a task that hangs, and wait until its client is waiting for the upstream."""
    simulator.play(provider, faults=[{"kind": "hang"}])
    process = place.start(
        "--yes", "--json", "--provider", provider, "--transport", "cli", place.repo, "Explain it"
    )
    assert wait(lambda: simulator.requests(provider)), process.kill()
    assert place.usage(provider)["reservations"]
    return process


def is_settled(place, provider):
    """The reservation is gone, and what may have been billed is not."""
    spent = place.usage(provider)
    return not spent["reservations"] and spent["cost_today"] > 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_client_settles_and_records(place, simulator, provider, number, code):
    process = started(place, simulator, provider)
    os.kill(process.pid, number)
    run = finished(process)
    assert run.code == code, run
    assert run.metrics["status"] == "interrupted"
    assert [attempt["error_class"] for attempt in run.attempts] == ["INTERRUPTED"]
    assert place.decisions()[-1]["execution_metrics"]["status"] == "interrupted"
    assert [line["outcome"] for line in place.usage_lines()] == ["INTERRUPTED"]
    assert is_settled(place, provider)
    assert place.quiet(1.0) == []
    assert list(place.temporary.iterdir()) == []
    assert "Traceback" not in run.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_what_a_client_has_started_ends_with_it(place, simulator, number, code):
    simulator.play("codex", tools=[LONG_COMMAND])
    process = place.start(
        "--yes", "--json", "--provider", "codex", "--transport", "cli", "--model", "gpt-5.4",
        place.repo, "Wait a while",
    )  # fmt: skip
    assert wait(lambda: [line for line, _ in place.processes().values() if b"sleep\0" in line])
    os.kill(process.pid, number)
    assert finished(process).code == code
    assert place.quiet(2.0) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_kill_9_ends_the_client_too_and_the_next_start_closes_the_books(place, simulator, provider):
    process = started(place, simulator, provider)
    os.kill(process.pid, signal.SIGKILL)
    assert finished(process).code == -signal.SIGKILL
    assert place.quiet(2.0) == []
    assert place.usage(provider)["reservations"]
    simulator.play(provider, faults=[])
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "api", place.repo, "Hi"
    )
    assert run.code == 0, run
    statuses = [line["execution_metrics"]["status"] for line in place.decisions()]
    assert statuses == ["interrupted", "success"]
    assert is_settled(place, provider)
    assert list(place.temporary.iterdir()) == []
