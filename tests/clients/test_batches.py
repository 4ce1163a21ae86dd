"""Many tasks that really edit at one time: each in a tree of its own, none in the checkout."""

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from support import PREFERRED, PROVIDERS, ROOT, finished, wait
from test_trees import MODELS, edit

RAISED = {"edit": {"path": "loader.py", "old": "LIMIT = 10", "content": "LIMIT = 20"}}
LOWERED = {"edit": {"path": "loader.py", "old": "LIMIT = 10", "content": "LIMIT = 5"}}
# Codex writes what there is into a file that is called like the folder it is in.
WITNESS = {"tool": "exec_command", "input": {"cmd": 'ls >"$(basename "$PWD").txt"'}}
PARTS = (  # of a swarm; each goes to the provider that suits it
    {"id": "look", "task": "Analyze the trends in the data", "agent": "documentation-writer"},
    {"id": "write", "task": "Fix the bug in the loader", "agent": "coder"},
    {"id": "test", "task": "Fix the tests", "agent": "tester", "depends_on": ["write"]},
)
POWER_CUTS = 0.5  # that the workers are killed, too
EDITING = ("--yes", "--edit", "--agent", "coder")


@pytest.fixture
def commit(place):
    place.unlimited()
    return place.make_repository()


@pytest.fixture
def started(place, commit):
    """Start one of scripts/ on a document, in the repository."""

    def started(script, document, *words):
        path = place.folder / "given.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return place.command(ROOT / "scripts" / script, "--repo", place.repo, *words, path)

    return started


@pytest.fixture
def batch(started):
    """Run a queue of tasks that may edit, to its end."""

    def batch(rows, *words, timeout_s=100):
        return finished(started("batch_runner.sh", rows, *EDITING, *words), timeout_s)

    return batch


def results(run):
    """Read the results of a batch, by the ids of its tasks; there is one of each."""
    lines = Path(run.out.strip()).read_text(encoding="utf-8").splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    assert len(rows) == len(lines)
    return rows


def name_of(run):
    return Path(run.out.strip()).parent.name


def names_trees(run, left):
    """The summary names the trees that hold half-done work, and stderr the first of them."""
    path = Path(run.out.strip()).with_name("summary.json")
    told = json.loads(path.read_text(encoding="utf-8"))["trees_left"]
    return told == sorted(map(str, left)) and f"half-done worktrees are kept: {told[0]}" in run.err


def untouched(place, commit):
    asked = (("status", "--porcelain"), ("rev-parse", "HEAD"), ("symbolic-ref", "HEAD"))
    return [place.git(*words) for words in asked] == ["", commit, "refs/heads/main\n"]


def changed(place, branch):
    """List what a branch has beside what was there when its batch began, with the status of it."""
    return place.git("diff", "--name-status", "main", branch).splitlines()


def branches(place):
    return place.git("branch", "--format=%(refname:short)").split()


def trees(place):
    """List the worktrees beside the checkout itself."""
    listed = place.git("worktree", "list", "--porcelain").splitlines()
    found = [line.removeprefix("worktree ") for line in listed if line.startswith("worktree ")]
    return [Path(path) for path in found if Path(path) != place.repo]


def is_sound(place):
    return place.git("fsck", "--strict", "--no-dangling") == ""


def row(key, provider, **fields):
    """A task that one client does, with one model."""
    task = f"Change the loader, part {key}"
    return {"id": key, "task": task, "provider": provider, "model": MODELS[provider], **fields}


@pytest.mark.parametrize(
    "provider", ["codex", "claude", pytest.param("gemini", marks=pytest.mark.soak)]
)
def test_eight_tasks_edit_the_same_file_each_in_a_tree_of_its_own(
    place, simulator, commit, batch, provider
):
    simulator.play(provider, tools=[RAISED], tools_repeat=True)
    keys = [f"task-{number}" for number in range(8)]
    run = batch([row(key, provider) for key in keys])
    assert run.code == 0, run
    done, name = results(run), name_of(run)
    assert set(done) == set(keys)
    assert len(set(trees(place))) == 8
    for key in keys:
        branch = f"orchestrate/{name}/{key}"
        assert (done[key]["status"], done[key]["branch"]) == ("success", branch)
        assert place.git("show", f"{branch}:loader.py") == "LIMIT = 20\n"
        assert place.git("log", "--format=%P", branch, "-1") == commit
        assert "loader.py | 2 +-" in done[key]["diffstat"]
        tree = Path(done[key]["tree"])
        assert tree in trees(place)
        assert place.git("symbolic-ref", "--short", "HEAD", folder=tree) == f"{branch}\n"
        assert place.git("status", "--porcelain", folder=tree) == ""
        assert branch in run.err
    assert untouched(place, commit)
    assert is_sound(place)


def test_uncommitted_work_is_told_before_and_is_not_in_the_trees(place, simulator, commit, batch):
    (place.repo / "README.md").write_text("Not ready.\n", encoding="utf-8")
    (place.repo / "draft.md").write_text("Nor this.\n", encoding="utf-8")
    simulator.play("codex", tools=[WITNESS], tools_repeat=True)
    run = batch([row("one", "codex")])
    assert run.code == 0, run
    page, _, _ = run.err.partition("[1/1]")
    assert "uncommitted work is not in the worktrees, which are of HEAD" in " ".join(page.split())
    branch = results(run)["one"]["branch"]
    assert branch, place.transcripts()
    assert place.git("show", f"{branch}:README.md") == "A loader of data.\n"
    assert "draft.md" not in place.git("show", f"{branch}:{name_of(run)}-one.txt").split()
    assert place.git("status", "--porcelain") == " M README.md\n?? draft.md\n"
    assert (place.repo / "README.md").read_text(encoding="utf-8") == "Not ready.\n"
    assert place.git("rev-parse", "HEAD") == commit


def test_a_task_that_changes_nothing_leaves_no_tree_and_no_branch(place, commit, batch):
    run = batch([row(provider, provider) for provider in PROVIDERS])
    assert run.code == 0, run
    for done in results(run).values():
        assert (done["status"], done["branch"], done["tree"]) == ("success", None, None)
    assert branches(place) == ["main"]
    assert trees(place) == []
    assert untouched(place, commit)


def test_a_merge_stops_at_a_conflict_and_goes_on_when_a_person_has_merged_it(
    place, simulator, commit, batch
):
    simulator.play("codex", tools=[RAISED])
    simulator.play("claude", tools=[LOWERED])
    simulator.play("gemini", tools=[edit("made.txt")])
    rows = [row("first", "codex"), row("second", "claude"), row("third", "gemini")]
    run = batch(rows, "--merge", "--verify", "test -e loader.py")
    assert run.code == 6, run
    assert {done["verified"] for done in results(run).values()} == {"passed"}
    batch_name = name_of(run)
    merged, second = f"orchestrate/{batch_name}/merged", f"orchestrate/{batch_name}/second"
    (told,) = [line for line in run.err.splitlines() if "is in conflict" in line]
    assert second in told
    assert "(loader.py)" in told
    assert place.git("show", f"{merged}:loader.py") == "LIMIT = 20\n"
    (tree,) = [path for path in trees(place) if path.name.endswith("-merged")]
    assert str(tree) in told
    assert place.git("status", "--porcelain", folder=tree) == ""
    assert untouched(place, commit)
    place.git("merge", "--quiet", "-X", "theirs", second, folder=tree)
    run = place.script("batch_runner.sh", "--resume", batch_name, "--merge")
    assert run.code == 0, run
    assert place.git("show", f"{merged}:loader.py") == "LIMIT = 5\n"
    assert changed(place, merged) == ["M\tloader.py", "A\tmade.txt"]
    assert untouched(place, commit)
    assert is_sound(place)


def test_what_passed_its_check_is_merged_and_what_failed_it_is_not(place, simulator, commit, batch):
    simulator.play("codex", tools=[edit("bad.txt")])
    simulator.play("claude", tools=[edit("claude.txt")])
    simulator.play("gemini", tools=[edit("gemini.txt")])
    rows = [row("bad", "codex"), row("first", "claude"), row("second", "gemini")]
    run = batch(rows, "--merge", "--verify", "test ! -e bad.txt")
    assert run.code == 6, run
    done, merged = results(run), f"orchestrate/{name_of(run)}/merged"
    told = {key: (row["status"], row["verified"]) for key, row in done.items()}
    passed = ("success", "passed")
    assert told == {"bad": ("failed", "failed"), "first": passed, "second": passed}
    assert f"2 of 2 branches are in {merged}" in run.err
    assert changed(place, done["bad"]["branch"]) == ["A\tbad.txt"]
    assert untouched(place, commit)
    place.git("merge", "--quiet", merged)
    assert place.git("ls-files").split() == ["README.md", "claude.txt", "gemini.txt", "loader.py"]
    assert place.git("status", "--porcelain") == ""
    assert is_sound(place)


def test_a_task_begins_from_what_those_it_depends_on_changed(place, simulator, commit, batch):
    simulator.play("claude", tools=[edit("first.txt")])
    simulator.play("gemini", tools=[edit("other.txt")])
    simulator.play("codex", tools=[WITNESS], tools_repeat=True)
    rows = [
        row("last", "codex", depends_on=["first", "other"]),
        row("reader", "codex", depends_on=["first"], agent="reviewer", edit=False),
        row("first", "claude"),
        row("other", "gemini"),
        row("alone", "codex"),
    ]
    run = batch(rows)
    assert run.code == 0, run
    done, name = results(run), name_of(run)
    last = done["last"]["branch"]
    for key in ("first", "other"):
        place.git("merge-base", "--is-ancestor", done[key]["branch"], last)
    seen = place.git("show", f"{last}:{name}-last.txt").split()
    assert {"first.txt", "other.txt"} < set(seen)
    assert "first.txt" not in done["last"]["diffstat"]
    alone = place.git("show", f"{done['alone']['branch']}:{name}-alone.txt").split()
    assert not {"first.txt", "other.txt"} & set(alone)
    assert done["reader"]["branch"] is None
    assert any(f"{name}-reader" in request["prompt"] for request in simulator.requests("codex"))
    assert not [path for path in trees(place) if path.name == f"{name}-reader"]
    assert untouched(place, commit)
    assert is_sound(place)


def test_what_can_not_be_merged_to_begin_from_is_not_begun(place, simulator, commit, batch):
    simulator.play("codex", tools=[RAISED])
    simulator.play("claude", tools=[LOWERED])
    rows = [row("up", "codex"), row("down", "claude")]
    run = batch([*rows, row("both", "gemini", depends_on=["up", "down"])])
    assert run.code == 6, run
    both = results(run)["both"]
    assert (both["status"], both["branch"], both["tree"]) == ("failed", None, None)
    assert "conflict in loader.py" in both["error"]
    assert simulator.requests("gemini") == []
    assert len(trees(place)) == 2
    assert untouched(place, commit)


@pytest.mark.parametrize(
    ("provider", "met"),  # at most by so many tasks: one that tells of no end is met by all
    [
        ("codex", 2),
        pytest.param("gemini", 2, marks=pytest.mark.soak),
        pytest.param("claude", 5, marks=pytest.mark.soak),
    ],
)
def test_after_a_wall_the_tasks_go_on_elsewhere_and_half_done_trees_are_kept(
    place, simulator, commit, batch, provider, met
):
    wall = {"kind": "quota", "after_tool": True, "after": 1}
    others = [name for name in PROVIDERS if name != provider]
    simulator.play(provider, tools=[edit("half.txt")], tools_repeat=True, faults=[wall])
    for other in others:
        simulator.play(other, tools=[edit("made.txt")], tools_repeat=True)
    keys = [f"task-{number}" for number in range(6)]
    run = batch([{"id": key, "task": PREFERRED[provider]} for key in keys], "--parallel", "2")
    assert run.code == 0, run
    done = results(run)
    assert set(done) == set(keys)
    half = []
    for line in place.decisions():
        *walls, last = line["execution_metrics"]["attempts"]
        half += [Path(attempt["tree"]) for attempt in walls if attempt.get("tree")]
        made = "half.txt" if last["provider"] == provider else "made.txt"
        assert changed(place, last["branch"]) == [f"A\t{made}"]
    assert 1 <= len(half) <= met
    for tree in half:
        assert (tree / "half.txt").read_text(encoding="utf-8") == "changed\n"
        assert tree in trees(place)
    assert names_trees(run, half)
    assert {row["provider"] for row in done.values()} > {provider}
    assert untouched(place, commit)
    assert is_sound(place)


def edited(place, simulator, *providers):
    """List the trees that were edited where each of these clients waits for its next answer."""
    waiting = [request for name in providers for request in simulator.requests(name)]
    waiting = [request["provider"] for request in waiting if request["tool_results"]]
    found = list((place.state / ".state" / "worktrees").glob("*/half.txt"))
    return found if set(waiting) == set(providers) and len(found) == len(providers) else []


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGINT,), 130),
        ((signal.SIGKILL,), -9),
        pytest.param((signal.SIGINT, signal.SIGINT), 130, marks=pytest.mark.soak),
        pytest.param((signal.SIGTERM,), 143, marks=pytest.mark.soak),
        pytest.param((signal.SIGHUP,), 129, marks=pytest.mark.soak),
    ],
)
def test_stopped_in_the_middle_of_edits_it_goes_on_and_does_each_task_once(
    place, simulator, commit, started, signals, code
):
    for provider in PROVIDERS:
        hang = {"kind": "hang", "after_tool": True}
        simulator.play(provider, tools=[edit("half.txt")], tools_repeat=True, faults=[hang])
    rows = [row(f"{name}-{number}", name) for number in (1, 2) for name in PROVIDERS]
    process = started("batch_runner.sh", rows, *EDITING, "--parallel", "3")
    half = wait(lambda: edited(place, simulator, *PROVIDERS), 30)
    assert half, process.kill()
    for number in signals:
        os.killpg(process.pid, number)
    run = finished(process, 10)  # less than workers are given before they are killed
    assert run.code == code, run
    assert code < 0 or names_trees(run, [path.parent for path in half])
    assert place.quiet(5) == []
    for provider in PROVIDERS:
        simulator.play(provider, tools=[edit("made.txt")], tools_repeat=True, faults=[])
    run = place.script("batch_runner.sh", "--resume", "latest")
    assert run.code == 0, run
    done = results(run)
    assert set(done) == {row["id"] for row in rows}
    for result in done.values():
        assert result["status"] == "success"
        assert changed(place, result["branch"]) == ["A\tmade.txt"]
    statuses = [line["execution_metrics"]["status"] for line in place.decisions()]
    assert sorted(statuses) == ["interrupted"] * 3 + ["success"] * 6
    assert names_trees(run, [path.parent for path in half])
    for path in half:
        assert path.read_text(encoding="utf-8") == "changed\n"
        assert path.parent in trees(place)
    assert untouched(place, commit)
    assert is_sound(place)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_killed_again_and_again_it_does_each_task_once(
    place, simulator, commit, started, provider, seed
):
    simulator.play(provider, tools=[RAISED], tools_repeat=True)
    chance, keys = random.Random(seed), [f"task-{number}" for number in range(12)]
    rows = [row(key, provider) for key in keys]
    process = started("batch_runner.sh", rows, *EDITING, "--parallel", "4")
    begun = place.state / ".state" / "batches"
    assert wait(lambda: list(begun.glob("*/batch.json"))), process.kill()
    for _ in range(6):
        time.sleep(chance.uniform(0.2, 3.0))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, chance.choice((signal.SIGKILL, signal.SIGINT)))
        if chance.random() < POWER_CUTS:
            place.clear()
        finished(process)
        assert place.quiet(5) == []
        process = place.command(ROOT / "scripts" / "batch_runner.sh", "--resume", "latest")
    run = finished(process, 100)
    assert run.code == 0, run
    done = results(run)
    assert set(done) == set(keys)
    for result in done.values():
        assert changed(place, result["branch"]) == ["M\tloader.py"]
    statuses = [line["execution_metrics"]["status"] for line in place.decisions()]
    assert statuses.count("success") == len(keys)
    assert untouched(place, commit)
    assert is_sound(place)


@pytest.mark.soak
def test_ended_at_once_while_trees_are_made_it_leaves_a_sound_repository(
    place, simulator, commit, started
):
    chance, made = random.Random(1), place.repo / ".git" / "worktrees"
    for _ in range(30):
        rows = [row(f"task-{number}", "codex") for number in range(8)]
        process = started("batch_runner.sh", rows, *EDITING, "--parallel", "8")
        assert wait(lambda: made.is_dir() and any(made.iterdir())), process.kill()
        for _ in range(2):
            time.sleep(chance.uniform(0.005, 0.1))
            os.killpg(process.pid, signal.SIGINT)
        assert finished(process).code == 130
        assert place.quiet(5) == []
        assert is_sound(place)
        for tree in trees(place):
            place.git("worktree", "remove", tree)
    assert untouched(place, commit)


@pytest.mark.parametrize("words", [(), ("--edit",)], ids=["reading", "editing"])
def test_a_swarm_shows_its_plan_and_prints_the_joined_answer(place, simulator, commit, words):
    for provider in PROVIDERS:
        simulator.play(provider, answer="The plan:\n" + json.dumps({"subtasks": PARTS}))
    task = "Design the architecture of a faster loader"
    process = place.command(ROOT / "scripts" / "swarm.sh", "--yes", *words, place.repo, task)
    assert wait(lambda: [r for r in simulator.requests() if r["main"] and r["complete"]])
    for provider in PROVIDERS:
        simulator.play(provider, answer=f"What {provider} found.")
    simulator.play("codex", tools=[WITNESS], tools_repeat=True)
    run = finished(process)
    assert run.code == 0, run
    (path,) = (place.logs / "batches").glob("*/results.jsonl")
    lines, name = path.read_text(encoding="utf-8").splitlines(), path.parent.name
    done = {row["id"]: row for row in map(json.loads, lines)}
    page = " ".join(run.err.partition("/4]")[0].split())
    for part in PARTS:
        row = done[part["id"]]
        to = f"{row['provider'].title()} {row['model']}, {part['agent']}"
        assert f"{part['id']}: {part['task']}: {to}" in page
    assert "tester (after write)" in page
    assert run.out == f"What {done['join']['provider']} found.\n"
    prompts = [request["prompt"] for request in simulator.requests()]
    assert any(all(f"## {part['task']}" in prompt for part in PARTS) for prompt in prompts)
    if words:
        seen = [f"A\t{name}-{key}.txt" for key in ("test", "write")]
        assert changed(place, f"orchestrate/{name}/test") == seen
        assert done["join"]["branch"] is None
    else:
        assert branches(place) == ["main"]
    assert untouched(place, commit)


def test_a_story_begins_from_what_the_stories_before_it_changed(place, simulator, commit, started):
    simulator.play("claude", tools=[edit("schema.txt")])
    simulator.play("gemini", tools=[edit("reader.txt")])
    simulator.play("codex", tools=[WITNESS], tools_repeat=True)
    codex, claude, gemini = (
        {"provider": name, "model": MODELS[name]} for name in ("codex", "claude", "gemini")
    )
    subtasks = [
        {"title": "Write the schema", **claude},
        {"title": "Write the reader", "depends_on": ["Write the schema"], **gemini},
    ]
    stories = [
        {"id": "US-002", "title": "Use the model", "dependencies": ["US-001"], **codex},
        {
            "id": "US-001",
            "title": "Make the model",
            "acceptanceCriteria": ["There is a schema", "There is a reader"],
            "delegation": {"subtasks": subtasks},
            **codex,
        },
    ]
    run = finished(started("run_prd.sh", {"project": "Loader", "userStories": stories}, *EDITING))
    assert run.code == 0, run
    done, name = results(run), name_of(run)
    assert set(done) == {"US-001.1", "US-001.2", "US-001", "US-002"}
    assert {key: row["branch"] for key, row in done.items()} == {
        key: f"orchestrate/{name}/{key}" for key in done
    }
    assert changed(place, done["US-001.2"]["branch"]) == ["A\treader.txt", "A\tschema.txt"]
    first, second = done["US-001"]["branch"], done["US-002"]["branch"]
    seen = place.git("show", f"{first}:{name}-US-001.txt").split()
    assert {"schema.txt", "reader.txt"} < set(seen)
    seen = place.git("show", f"{second}:{name}-US-002.txt").split()
    assert {"schema.txt", "reader.txt", f"{name}-US-001.txt"} < set(seen)
    place.git("merge-base", "--is-ancestor", first, second)
    told = [request["prompt"] for request in simulator.requests("codex")]
    assert any("Simulated answer from gemini." in prompt for prompt in told)
    assert untouched(place, commit)
    assert is_sound(place)
