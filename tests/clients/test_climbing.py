"""A check fails on what the cheap model changed: the next tier goes on in the same tree."""

import json
import shlex
import sys

import pytest
from support import PROVIDERS
from test_trees import edit, untouched

TASKS = {
    "codex": "Fix the limit in loader.py",
    "gemini": "Explain the limit in loader.py",
    "claude": "Quickly plan the limit in loader.py",
}
# Fails until the second file is there; the first time it lets the upstream script that one, and
# leaves things behind, as a check does.
CHECK = """
import json, pathlib, sys, urllib.request
url, provider, fields = sys.argv[1:]
pathlib.Path("check.log").write_text("left behind")
pathlib.Path("README.md").write_text("spoilt by the check")
if pathlib.Path("first.txt").exists() and pathlib.Path("second.txt").exists():
    sys.exit(0)
body = json.dumps({"providers": {provider: json.loads(fields)}}).encode()
urllib.request.urlopen(urllib.request.Request(url + "/_sim/scenario", body, method="POST"))
print("second.txt is missing")
sys.exit(1)
"""


@pytest.fixture
def climb(place, simulator):
    """Change a file on the cheap tier of a provider; the check has `second` play `fields` next."""

    def climb(provider, second, *words, **fields):
        fields = fields or {"tools": [edit("second.txt")]}
        script = place.folder / "check.py"
        script.write_text(CHECK, encoding="utf-8")
        told = (str(script), simulator.url, second, json.dumps(fields))
        check = shlex.join((sys.executable, *told))
        return place.run(
            *("--yes", "--json", "--edit", "--agent", "coder", "--preferred-provider", provider),
            *("--tier", "cheap", "--verify", check, *words, place.repo, TASKS[provider]),
            timeout_s=120,
        )

    return climb


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_next_tier_goes_on_in_the_tree_of_the_first(place, simulator, climb, provider):
    commit = place.make_repository()
    simulator.play(provider, tools=[edit("first.txt")])
    run = climb(provider, provider)
    assert run.code == 0, run
    told = [(a["provider"], a["tier"], a["verified"]) for a in run.attempts]
    assert told == [(provider, "cheap", "failed"), (provider, "medium", "passed")]
    branches = {attempt["branch"] for attempt in run.attempts}
    assert branches == {run.metrics["branch"]}
    (branch,) = branches
    changed = place.git("diff", "--name-status", "main", branch)
    assert changed == "A\tfirst.txt\nA\tsecond.txt\n"
    assert untouched(place, commit)
    assert any("second.txt is missing" in r["prompt"] for r in simulator.requests(provider))


def test_what_the_first_tier_did_is_there_for_a_fallback_of_the_next(place, simulator, climb):
    commit = place.make_repository()
    medium = place.model_names("claude")[1]
    wall = {"kind": "status", "status": 429, "retry_after": 3600, "model": medium}
    simulator.play("claude", tools=[edit("first.txt")], faults=[wall])
    del place.environment["GEMINI_API_KEY"]
    run = climb("claude", "codex")
    assert run.code == 0, run
    told = [(a["provider"], a["tier"], a["error_class"]) for a in run.attempts]
    assert told[0] == ("claude", "cheap", None)
    assert ("claude", "medium", "RATE_LIMIT") in told
    assert told[-1] == ("codex", "medium", None)
    changed = place.git("diff", "--name-status", "main", run.metrics["branch"])
    assert changed == "A\tfirst.txt\nA\tsecond.txt\n"
    assert untouched(place, commit)


def test_over_the_ceiling_only_the_work_of_the_tier_that_passed_it_is_discarded(
    place, simulator, climb
):
    commit = place.make_repository()
    place.unlimited()
    simulator.play("codex", tools=[edit("first.txt")])
    many = [edit(f"made-{number}.txt") for number in range(60)]
    run = climb("codex", "codex", "--max-cost", "0.05", tools=many, output_tokens=1500)
    told = [(a["tier"], a["error_class"]) for a in run.attempts]
    assert (run.code, told) == (1, [("cheap", None), ("medium", "MAX_COST")]), run
    branch = run.attempts[0]["branch"]
    assert place.git("diff", "--name-status", "main", branch) == "A\tfirst.txt\n"
    assert run.metrics["branch"] == branch
    assert untouched(place, commit)
