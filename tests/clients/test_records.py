"""The records the real clients leave: of a plan's windows, and of sessions that are not ours."""

import json
import subprocess

import pytest
from support import CLIENTS, ROOT, finished
from test_logins import log_in

from orchestrator import clock

FIVE_HOURS = {"window_s": 18_000, "limit": 1_000_000, "block_at_percent": 80, "scope": "account"}


def rows(place):
    """Poll every source anew and return all rows by provider and name."""
    process = subprocess.Popen(
        [ROOT / "scripts/poll_usage.sh", "--force", "--json"],
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    run = finished(process)
    assert run.code == 0, run
    told = run.line["providers"]
    return {name: {row["row"]: row for row in listed} for name, listed in told.items()}


@pytest.fixture
def claude(place, simulator):
    """A login of claude, with rows of five hours; returns a session of the person's own."""
    log_in(place, "claude", simulator.url)
    limits = [{"metric": metric, **FIVE_HOURS} for metric in ("tokens", "requests")]
    place.provider("claude", limits=limits)

    def session(task):
        subprocess.run(
            [CLIENTS / "claude", "-p", "--model", "claude-haiku-5-5", "--tools", "Read"],
            input=task.encode(), cwd=place.repo, env=place.environment, check=True,
            capture_output=True, timeout=60,
        )  # fmt: skip

    key = place.environment.pop("ANTHROPIC_API_KEY")
    yield session
    place.environment["ANTHROPIC_API_KEY"] = key


def served(simulator):
    """Return requests and tokens; the client does not write down what it asks for a title."""
    told = [each for each in simulator.requests("claude") if each["main"]]
    return len(told), sum(each["input_tokens"] + each["output_tokens"] for each in told)


def test_our_own_runs_are_not_counted_twice_for_the_records_they_leave(place, simulator, claude):
    for task in ("Explain it", "Explain it again"):
        run = place.run("--yes", "--json", "--provider", "claude", str(place.repo), task)
        assert run.code == 0, run
    assert len(list((place.home / ".claude/projects").rglob("*.jsonl"))) == 2
    row = rows(place)["claude"]["tokens/18000s@claude-plan"]
    told = {source["source"]: source["used"] for source in row["sources"]}
    _, tokens = served(simulator)
    assert told == {"client records": tokens, "own calls": tokens}
    assert (row["used"], row["differ"]) == (tokens, False)


def test_a_persons_own_sessions_count_beside_ours_each_answer_once(place, simulator, claude):
    claude("Explain it")
    alone = rows(place)["claude"]
    assert alone["tokens/18000s@claude-plan"]["used"] == served(simulator)[1] > 0
    run = place.run("--yes", "--json", "--provider", "claude", str(place.repo), "Explain it")
    assert run.code == 0, run
    claude("Explain it once more")
    both = rows(place)["claude"]
    told = [both[f"{metric}/18000s@claude-plan"]["used"] for metric in ("requests", "tokens")]
    assert (3, tuple(told)) == (served(simulator)[0], served(simulator))


def test_after_a_run_of_codex_its_plans_windows_are_known(place, simulator):
    log_in(place, "codex", simulator.url)
    reset_s = clock.now_ms() // 1000 + 3600
    simulator.play(
        "codex",
        headers={
            "x-codex-primary-used-percent": "61.2",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": str(reset_s),
            "x-codex-secondary-used-percent": "7",
            "x-codex-secondary-window-minutes": "10080",
            "x-codex-secondary-reset-at": str(reset_s),
        },
    )
    run = place.run("--yes", "--json", "--provider", "codex", str(place.repo), "Explain it")
    assert run.code == 0, run
    seen = place.usage("codex")["observations"]
    told = seen["percent/18000s@chatgpt"]["client records"]
    assert (told["used"], told["resets_at_ms"]) == (62, reset_s * 1000)
    assert seen["percent/604800s@chatgpt"]["client records"]["used"] == 7
    polled = json.loads((place.state / ".state/polling.json").read_text(encoding="utf-8"))
    assert polled["sources"]["codex/records"]["done_ms"] is not None
