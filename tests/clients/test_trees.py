"""What a client may change, and where: a worktree of its own, the repository, or nothing."""

from pathlib import Path

import pytest
from support import PREFERRED, PROVIDERS

MODELS = {"codex": "gpt-5.4", "gemini": "gemini-3.8-flash", "claude": "claude-sonnet-5-5"}
WRITES = {  # the tool of each client that writes a file, and what it is given
    "codex": ("exec_command", {"cmd": "printf %s changed >'FILE'"}),
    "gemini": ("write_file", {"file_path": "FILE", "content": "changed"}),
    "claude": ("Write", {"file_path": "FILE", "content": "changed"}),
}
ALARMING = (
    "You've hit your usage limit. HTTP 429 (rate_limit_error) means: too many requests; "
    "API Error: 429, try again in 5s. Quota exceeded."
)
TOOL_WALL = {"kind": "quota", "after_tool": True}


def edit(path, content="changed\n"):
    return {"edit": {"path": path, "content": content}}


def writes(provider, path):
    tool, arguments = WRITES[provider]
    filled = {name: text.replace("FILE", str(path)) for name, text in arguments.items()}
    return {"tool": tool, "input": filled}


@pytest.fixture
def commit(place):
    return place.make_repository()


def untouched(place, commit):
    return (place.git("status", "--porcelain"), place.git("rev-parse", "HEAD")) == ("", commit)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_with_several_routes_an_edit_lands_on_a_branch_and_the_checkout_is_untouched(
    place, simulator, commit, provider
):
    simulator.play(provider, tools=[edit("made.txt")])
    run = place.run(
        "--yes", "--json", "--edit", "--agent", "coder", place.repo, PREFERRED[provider]
    )
    assert run.code == 0, run
    assert [attempt["provider"] for attempt in run.attempts] == [provider]
    branch = run.metrics["branch"]
    assert branch.startswith("orchestrate/")
    assert branch in run.err
    assert place.git("diff", "--name-status", "main", branch) == "A\tmade.txt\n"
    assert place.git("show", f"{branch}:made.txt") == "changed\n"
    assert untouched(place, commit)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_with_one_route_an_edit_is_made_in_place(place, simulator, commit, provider):
    simulator.play(provider, tools=[edit("made.txt")])
    run = place.run(
        "--yes", "--json", "--edit", "--agent", "coder", "--provider", provider, "--transport",
        "cli", "--model", MODELS[provider], place.repo, "Write made.txt",
    )  # fmt: skip
    assert run.code == 0, run
    assert run.metrics["tree"] is None
    assert (place.repo / "made.txt").read_text(encoding="utf-8") == "changed\n"
    assert place.git("status", "--porcelain") == "?? made.txt\n"
    assert place.git("branch", "--format=%(refname:short)") == "main\n"
    books = simulator.books(provider)
    assert run.metrics["input_tokens"] == books["input_tokens"]
    assert run.metrics["output_tokens"] == books["output_tokens"]
    assert books["requests"] == 2


@pytest.mark.parametrize(
    ("provider", "then", "wall", "told"),
    [
        ("claude", "codex", {"kind": "status", "status": 429, "retry_after": 60}, "RATE_LIMIT"),
        ("claude", "codex", {"kind": "quota"}, "RATE_LIMIT"),
        ("gemini", "claude", {"kind": "quota"}, "QUOTA"),
        ("codex", "claude", {"kind": "quota"}, "QUOTA"),
    ],
)
def test_a_half_done_tree_is_kept_and_the_next_provider_starts_from_head(
    place, simulator, commit, provider, then, wall, told
):
    wall = {**wall, "after_tool": True, "after": 1}
    simulator.play(provider, tools=[edit("half.txt"), edit("more.txt")], faults=[wall])
    simulator.play(then, tools=[edit("made.txt")])
    run = place.run(
        "--yes", "--json", "--edit", "--agent", "coder", place.repo, PREFERRED[provider]
    )
    assert run.code == 0, run
    half, last = run.attempts
    assert (half["provider"], last["provider"]) == (provider, then)
    assert half["error_class"] == told
    assert half["used_tools"]
    assert (Path(half["tree"]) / "half.txt").read_text(encoding="utf-8") == "changed\n"
    assert f"kept: {half['tree']}" in run.err
    assert place.git("log", "--format=%P", "-1", run.metrics["branch"]) == commit
    assert place.git("diff", "--name-status", "main", run.metrics["branch"]) == "A\tmade.txt\n"
    assert untouched(place, commit)
    served = simulator.books(provider)
    assert (half["input_tokens"], half["output_tokens"]) == (
        served["input_tokens"],
        served["output_tokens"],
    )
    assert 0 <= run.metrics["cost_actual"] - simulator.bill_usd() < 5e-6


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_half_done_edit_in_place_ends_the_task(place, simulator, commit, provider):
    simulator.play(provider, tools=[edit("half.txt")], faults=[TOOL_WALL])
    run = place.run(
        "--yes", "--json", "--edit", "--agent", "coder", "--provider", provider, "--transport",
        "cli", place.repo, "Write half.txt",
    )  # fmt: skip
    assert run.code == 3, run
    assert len(run.attempts) == 1
    assert (place.repo / "half.txt").exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_reading_changes_nothing_and_an_answer_about_limits_is_an_answer(
    place, simulator, commit, provider
):
    simulator.play(
        provider,
        tools=[writes(provider, place.repo / "made.txt"), edit("made.txt")],
        answer=ALARMING,
    )
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "cli", "--model",
        MODELS[provider], place.repo, "Explain the rate limit of this API",
    )  # fmt: skip
    assert run.code == 0, run
    assert run.line["result"] == ALARMING
    assert len(run.attempts) == 1
    assert untouched(place, commit)
    assert [request["tool_results"] for request in simulator.requests(provider)][-1] > 0
