"""Local models run as many calls at one time as their owner allows: free, but not unlimited."""

import itertools
import json

import pytest
from support import finished, wait

ANSWER = "The local model answers."
TASK = "Explain what a mutex is"


@pytest.fixture
def local(place, simulator):
    """An Ollama endpoint with one model that has room for a task; the others have keys."""
    model = {
        "name": "llama3.2",
        "tier": "cheap",
        "context_window": 32_768,
        "max_output_tokens": 512,
    }
    place.provider("ollama", models=[model])
    place.environment["OLLAMA_BASE_URL"] = f"{simulator.url}/v1"
    simulator.play("compatible", answer=ANSWER)
    return place


def begin(place, simulator, *words):
    """Start a task that stays in its call for some seconds."""
    simulator.play("compatible", latency_ms=8000)
    asked = len(simulator.requests("compatible"))
    process = place.start("--yes", "--json", *words, str(place.repo), TASK)
    assert wait(lambda: len(simulator.requests("compatible")) > asked, 20)
    return process


def test_a_task_is_answered_free_of_charge(local):
    run = local.run("--yes", "--json", "--provider", "ollama", str(local.repo), TASK)
    assert run.code == 0, run
    assert run.line["result"] == ANSWER
    (attempt,) = run.attempts
    assert (attempt["billing"], attempt["cost_usd"]) == ("free", 0)
    assert run.line["budgets"]["day"]["spent_usd"] == 0


def test_while_one_call_runs_the_next_task_goes_to_another_provider(local, simulator):
    first = begin(local, simulator, "--preferred-provider", "ollama")
    second = local.run("--yes", "--json", "--preferred-provider", "ollama", str(local.repo), TASK)
    assert second.code == 0, second
    assert second.metrics["provider"] == "gemini"
    state = second.line["provider_state_at_recommendation"]["ollama"]
    assert (state["available"], state["block_reason"]) == (False, "1 of 1 calls run")
    done = finished(first)
    assert (done.code, done.metrics["provider"]) == (0, "ollama")
    assert len(simulator.requests("compatible")) == 1


def test_a_task_for_it_alone_is_told_to_come_back_soon_and_then_runs(local, simulator):
    chosen = ("--provider", "ollama")
    first = begin(local, simulator, *chosen)
    refused = local.run("--yes", "--json", "--no-defer", *chosen, str(local.repo), TASK)
    assert refused.code == 3, refused
    assert "1 of 1 calls run" in refused.err
    assert finished(first).code == 0
    simulator.play("compatible", latency_ms=0)
    again = local.run("--yes", "--json", *chosen, str(local.repo), TASK)
    assert again.code == 0, again


def test_a_call_whose_process_was_killed_gives_its_place_back(local, simulator):
    chosen = ("--provider", "ollama")
    first = begin(local, simulator, *chosen)
    local.clear()  # kill -9, all of it
    finished(first)
    simulator.play("compatible", latency_ms=0)
    again = local.run("--yes", "--json", *chosen, str(local.repo), TASK)
    assert again.code == 0, again
    held = json.loads((local.state / "ollama_usage.json").read_text(encoding="utf-8"))
    assert held["reservations"] == {}


def test_two_that_start_at_the_same_moment_never_call_at_the_same_time(local, simulator):
    simulator.play("compatible", latency_ms=1500)
    chosen = ("--yes", "--json", "--preferred-provider", "ollama", str(local.repo), TASK)
    runs = [finished(process) for process in [local.start(*chosen) for _ in range(3)]]
    assert [run.code for run in runs] == [0, 0, 0], runs
    spans = sorted(
        (attempt["start_time"], attempt["end_time"])
        for run in runs
        for attempt in run.attempts
        if attempt["provider"] == "ollama" and attempt["requests"]
    )
    assert spans
    assert all(ends <= begins for (_, ends), (begins, _) in itertools.pairwise(spans))
