"""Rows 61 to 65: few descriptors, no process to be had, odd locales, umasks, paths and models."""

import json
import os
import shutil
import stat
import subprocess
import sys

import pytest
from support import PREFERRED, PROVIDERS, ROOT, Place, finished

TASK = PREFERRED["codex"]
DOCUMENTED = {0, 1, 3, 4, 5, 7}
CODEX = "\n".join(
    json.dumps(event)
    for event in (
        {"type": "thread.started", "thread_id": "1"},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}},
        {"type": "turn.completed", "usage": {"input_tokens": 900, "output_tokens": 12}},
    )
)


def sound(place, run):
    """Check what has to hold however a start ended: one clear line, no bug, books that agree."""
    assert "Traceback" not in run.err, run
    assert "this is a bug" not in run.err, run
    assert run.code in DOCUMENTED, run
    if run.code:
        assert run.err.strip().splitlines()[-1].startswith("orchestrate"), run
    for name in PROVIDERS:
        path = place.state / f"{name}_usage.json"
        assert not path.exists() or json.loads(path.read_text("utf-8"))["reservations"] == {}, run


@pytest.fixture
def codex(place):
    """Put a client in place that answers, and say how to run a task with it."""
    folder = place.folder / "clients"
    folder.mkdir()
    (folder / "codex").write_text(f"#!/bin/bash\ncat <<'JSON'\n{CODEX}\nJSON\n", encoding="utf-8")
    (folder / "codex").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    return ("--transport", "cli")


def limited(place, command, *words):
    """Start orchestrate.sh under a limit of Bash's `ulimit`."""
    script = f'{command}; exec "$0" "$@"'
    chosen = ("--yes", "--json", "--provider", "codex", *words)
    process = subprocess.Popen(
        ["bash", "-c", script, ROOT / "orchestrate.sh", *chosen, place.repo, TASK],
        env=place.environment, cwd=place.folder, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    return finished(process)


@pytest.mark.parametrize("transport", ["api", "cli"])
def test_row_62_with_few_descriptors_it_works_or_says_so(place, codex, transport):
    ended = {}
    for most in (12, 13, 16, 32):  # with fewer Bash itself can't start
        run = limited(place, f"ulimit -n {most}", "--transport", transport)
        ended[most] = run.code
        sound(place, run)
        assert not list(place.temporary.iterdir()), run
    assert ended == {12: 0 if transport == "api" else 5, 13: 0, 16: 0, 32: 0}


def failing(place, error, whole, *words):
    """Start a task in one process that gets so many threads and children, and then none."""
    strace = ["strace", "-qq", "-o", place.folder / "trace", "-e", "trace=/v?fork|clone3?"]
    for calls, when in (("clone3,vfork", whole + 1), ("clone,fork", 1)):  # a fork comes last
        strace += ["-e", f"inject={calls}:error={error}:when={when}+"]
    start = (sys.executable, "-I", "-X", "utf8", ROOT / "lib", "start", "--yes", "--json")
    process = subprocess.Popen(
        [*strace, *start, "--provider", "codex", *words, place.repo, TASK],
        env=place.environment, cwd=place.folder, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    run = finished(process)
    return run, "INJECTED" in (place.folder / "trace").read_text("utf-8")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes starting fail")
@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM"])
@pytest.mark.parametrize("transport", ["api", "cli"])
def test_row_62_without_a_process_or_memory_for_one_the_task_waits_for_a_better_hour(
    place, codex, transport, error
):
    for whole in range(3):
        run, injected = failing(place, error, whole, "--transport", transport)
        sound(place, run)
        assert place.quiet() == []
        if not injected:
            assert run.code == 0, run
            break
        assert run.code == 5, run
        assert {a["error_class"] for a in run.attempts} == {"OVERLOADED"}
        assert run.metrics["cost_actual"] == 0
    assert not list(place.temporary.iterdir())


def test_row_62_a_client_that_gets_no_memory_is_a_failure_like_another(place, codex):
    hungry = f"ulimit -v 60000\nexec '{sys.executable}' -c 'x = bytearray(10**9)'\n"
    (place.folder / "clients" / "codex").write_text(f"#!/bin/bash\n{hungry}", encoding="utf-8")
    run = limited(place, ":", *codex)
    sound(place, run)
    assert {a["error_class"] for a in run.attempts} == {"EMPTY"}, run


def test_row_61_eight_starts_at_once_are_eight_tasks(place, simulator):
    words = ("--yes", "--json", "--transport", "api", "--provider", "codex", place.repo)
    started = [place.start(*words, f"{TASK} {number}") for number in range(8)]
    runs = [finished(process) for process in started]
    assert [run.code for run in runs] == [0] * 8, runs
    assert len({run.line["task_id"] for run in runs}) == 8
    assert len(place.decisions()) == len(place.usage_lines()) == 8
    assert simulator.books("codex")["requests"] == place.usage("codex")["requests_used"] == 8


WORDS = "\u0130I\u0131i ß 1,5 木 — naïve"  # both i of Turkish, with a dot and without
LOCALES = ("C", "POSIX", "C.UTF-8", "tr_TR.UTF-8", "de_DE.UTF-8", "ja_JP.eucJP", "nonsense")


@pytest.fixture(scope="module")
def locales(tmp_path_factory):
    """Make the locales there are data for, so that Bash and jq really have them."""
    folder = tmp_path_factory.mktemp("locales")
    for name in ("tr_TR.UTF-8", "de_DE.UTF-8", "ja_JP.eucJP"):
        language, _, charset = name.partition(".")
        if shutil.which("localedef") and os.path.exists(f"/usr/share/i18n/locales/{language}"):
            words = ["localedef", "-i", language, "-f", charset.replace("eucJP", "EUC-JP")]
            subprocess.run([*words, str(folder / name)], check=False, capture_output=True)
    return folder


def test_row_64_a_task_runs_the_same_in_every_locale(place, simulator, locales):
    simulator.play("codex", answer=WORDS)
    task = f"IMPLEMENT the TITLE: FIX {WORDS}"
    words = ("--yes", "--transport", "api", place.repo, task)
    told = []
    for locale in LOCALES:
        named = {"LOCPATH": str(locales), "LANG": locale, "LC_ALL": locale}
        run = place.run(*words, environment=named)
        assert run.code == 0, run
        screen = run.err.partition("delivered")[0]
        line = place.decisions()[-1]
        kept = {name: line[name] for name in ("task_description", "task_classification")}
        told.append((run.out, screen, kept, line["recommendation"]["agent_assigned"]))
        assert line["task_description"] == task
        assert run.out == f"{WORDS}\n"
    assert [each[:1] + each[2:] for each in told] == [told[0][:1] + told[0][2:]] * len(told)
    assert told[0][2]["task_classification"]["primary_provider"] == "codex"


@pytest.mark.parametrize("gone", [("HOME",), ("HOME", "TMPDIR"), ("HOME", "TMPDIR", "PATH")])
def test_row_63_in_crons_empty_environment_a_task_runs(place, gone):
    for name in gone:
        del place.environment[name]
    run = place.run("--yes", "--json", "--transport", "api", place.repo, TASK)
    assert run.code == 0, run
    assert run.line["result"] == "Simulated answer from codex."


def open_to_others(folder):
    return [
        str(path)
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


def test_row_64_under_a_umask_of_000_what_is_written_stays_private(place, codex, simulator):
    copied = place.folder / "product"
    shutil.copytree(ROOT / "lib", copied / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "orchestrate.sh", copied)
    peek = f"find \"$TMPDIR\" ! -type l -perm /077 >'{place.folder}/seen'\n"
    client = place.folder / "clients" / "codex"
    client.write_text(client.read_text("utf-8").replace("cat <<", f"{peek}cat <<"), "utf-8")
    for words in (("--transport", "api"), codex):
        process = subprocess.Popen(
            ["bash", "-c", 'umask 000; exec "$0" "$@"', copied / "orchestrate.sh", "--yes",
             "--json", "--provider", "codex", "--verify", "true", *words, place.repo, TASK],
            env=place.environment, cwd=place.folder, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        run = finished(process)
        assert run.code == 0, run
    assert open_to_others(place.state) == open_to_others(place.logs) == []
    assert (place.folder / "seen").read_text("utf-8") == ""
    caches = list(copied.rglob("__pycache__/*"))
    assert caches
    for path in (*caches, *copied.rglob("__pycache__")):
        assert not stat.S_IMODE(path.stat().st_mode) & stat.S_IWOTH, path


def test_row_65_folders_may_have_spaces_newlines_and_quotes_in_their_names(tmp_path, simulator):
    place = Place(tmp_path / "two\nlines 'and' \"quotes\" $(id)", simulator.url)
    run = place.run("--yes", "--json", "--transport", "api", place.repo, TASK)
    assert run.code == 0, run
    assert run.line["repository"] == str(place.repo)
    place.make_repository()
    run = place.run("--yes", "--json", "--transport", "api", "--verify", "test -f README.md",
                    place.repo, TASK)  # fmt: skip
    assert run.metrics["verified"] == "passed", run
    assert place.quiet() == []


def test_row_65_a_model_without_a_price_is_refused_where_money_is_limited(place, simulator):
    place.models("codex", name="brand-new-model", tier="medium")
    words = ("--yes", "--json", "--transport", "api", "--provider", "codex", place.repo, TASK)
    run = place.run(*words)
    assert run.code == 2, run
    assert "codex: its model has no price; see make prices" in run.err
    assert simulator.requests() == []
    run = place.run("--model", "nobody-knows-it", *words)
    assert run.code == 2, run
    assert len(run.err.strip().splitlines()) == 1
    assert simulator.requests() == []


def decided(place, *words):
    """Take the first step of orchestrate.sh alone: decide, and leave a handoff file."""
    path = place.folder / "handoff"
    reading, writing = os.pipe()
    given = ("--yes", "--json", "--transport", "api", *words, str(place.repo), TASK)
    os.write(writing, b"".join(word.encode() + b"\0" for word in given))
    os.close(writing)
    helper = [sys.executable, "-I", "-X", "utf8", str(ROOT / "lib")]
    done = subprocess.run(
        [*helper, "decide", path, str(reading)], env=place.environment, pass_fds=[reading],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    os.close(reading)
    assert done.returncode == 100, done
    return [*helper, "run", str(path)]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda place: place.models("codex", name="another"), 5),
        (lambda place: place.provider("codex", enabled=False), 5),
        (lambda place: place.settings(timeout_s=-1), 8),
        (lambda place: (place.config / "providers.json").write_text("{", "utf-8"), 8),
        (lambda place: place.provider("codex", limits=[
            {"metric": "cost_usd", "period": "day", "limit": 0.000001, "block_at_percent": 100,
             "scope": "provider"}]), 3),
        (lambda place: place.settings(timeout_s=100), 0),
    ],
    ids=["another model", "switched off", "wrong", "broken", "a limit", "no matter"],
)  # fmt: skip
def test_row_65_a_configuration_edited_between_decision_and_run_is_minded(
    place, simulator, edit, code
):
    run_it = decided(place, "--provider", "codex")
    edit(place)
    process = subprocess.Popen(
        run_it, env=place.environment, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    run = finished(process)
    assert run.code == code, run
    assert len(simulator.requests()) == (code == 0)
    assert "Traceback" not in run.err
    assert not (place.folder / "handoff").exists()
