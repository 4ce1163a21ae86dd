"""What is in flight: one locked file per task, which tells who is busy and whose owner is dead."""

import os
import subprocess
import sys

import pytest
from world import NOW_MS

from orchestrator.errors import StorageError
from orchestrator.state import inflight, logfile
from orchestrator.state.journal import BEGINNING, DECISIONS, USAGE, Journal


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "my state")


def orphans(state):
    found = []
    for running, steps in inflight.orphans(state):
        found.append([step["step"] for step in steps])
        running.close()
    return found


def test_a_task_in_flight_keeps_its_agent_busy_until_it_is_over(state):
    assert inflight.busy_agents(state) == {}
    running = [inflight.begin(state, f"task-{n}", "code-reviewer") for n in range(2)]
    running.append(inflight.begin(state, "task--9", "coder"))
    assert inflight.busy_agents(state) == {"code-reviewer": 2, "coder": 1}
    assert inflight.any_listed(state)
    for each in running:
        each.close()
    assert inflight.busy_agents(state) == {}
    assert not inflight.any_listed(state)


def test_a_task_whose_owner_lives_is_no_orphan(state):
    running = inflight.begin(state, "task", "coder", line={})
    running.note("attempt", number=1)
    assert orphans(state) == []
    assert inflight.any_listed(state)
    running.close()


def test_a_task_whose_owner_was_killed_is_found_with_its_steps(root, state):
    words = (
        "import os, sys; from orchestrator.state import inflight\n"
        "r = inflight.begin(sys.argv[1], 'task', 'coder', line={})\n"
        "r.note('attempt', number=1); os.kill(os.getpid(), 9)"
    )
    environment = {"PYTHONPATH": str(root / "lib")}
    done = subprocess.run([sys.executable, "-c", words, state], env=environment, check=False)
    assert done.returncode == -9
    assert orphans(state) == [["begin", "attempt"]]
    assert orphans(state) == []


@pytest.mark.parametrize(
    ("torn", "steps"),
    [
        ("", ["begin"]),
        ('{"step": "att', ["begin"]),
        ('{"step": "attempt"}\n{"ste', ["begin", "attempt"]),
        ('garbage\n{"step": "attempt"}\n', ["begin"]),  # what follows is not trusted
        ("\0" * 100, ["begin"]),
    ],
)
def test_a_torn_step_never_happened_and_more_can_be_noted(state, torn, steps):
    running = inflight.begin(state, "task", "coder")
    os.write(running.descriptor, torn.encode())
    os.close(running.descriptor)
    ((again, found),) = inflight.orphans(state)
    assert [step["step"] for step in found] == steps
    again.note("outcome")
    os.close(again.descriptor)
    assert orphans(state) == [[*steps, "outcome"]]


def test_a_step_of_any_text_is_noted(state):
    running = inflight.begin(state, "task", "coder", text="\ud800 \n ü \0")
    os.close(running.descriptor)
    assert orphans(state) == [["begin"]]


def test_a_step_that_can_not_be_written_stops_the_task(state, monkeypatch):
    running = inflight.begin(state, "task", "coder")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left on device; nothing more was started"):
        running.note("attempt")
    monkeypatch.undo()
    running.close()


def test_a_short_write_is_continued(state, monkeypatch):
    running = inflight.begin(state, "task", "coder")
    write = os.write
    monkeypatch.setattr(os, "write", lambda to, data: write(to, bytes(data)[:7]))
    running.note("attempt", text="x" * 100)
    monkeypatch.undo()
    os.close(running.descriptor)
    assert orphans(state) == [["begin", "attempt"]]


@pytest.mark.parametrize(
    ("offset", "key", "value", "there"),
    [
        (0, "task_id", "a", True),
        (0, "task_id", "b", True),
        (0, "task_id", "c", False),
        (0, "run_id", "a", False),
        (20, "task_id", "a", False),  # before the offset
        (20, "task_id", "b", True),
        (9999, "task_id", "a", True),  # the log was cut since
    ],
)
def test_a_record_is_looked_for_beyond_an_offset(tmp_path, offset, key, value, there):
    log = Journal(str(tmp_path / "logs"), fsync=False)
    for name in "ab":
        log.append(DECISIONS, {"task_id": name, "at": NOW_MS})
    path = log.path(DECISIONS)
    with open(path, "a", encoding="utf-8") as file:
        file.write('not json "c"\n[1]\n{"task_id": "c"')
    assert logfile.size_of(path) > 20
    assert log.holds(DECISIONS, (os.stat(path).st_ino, offset), key, value) is there
    assert log.holds(DECISIONS, BEGINNING, key, value) is (
        there or (value == "a" and key != "run_id")
    )


def test_a_record_is_found_in_a_log_that_was_begun_and_rotated_since(tmp_path):
    log = Journal(str(tmp_path / "logs"), fsync=False)
    since = log.offsets()[USAGE]
    assert not log.holds(USAGE, since, "attempt_id", "a")
    log.append(USAGE, {"attempt_id": "a"})
    os.rename(log.path(USAGE), f"{log.path(USAGE)}.1")
    assert log.holds(USAGE, since, "attempt_id", "a")


@pytest.mark.parametrize("added", [0, 1, 50])
def test_a_record_is_found_where_the_log_was_rotated_since_however_long_the_new_one_is(
    tmp_path, added
):
    log = Journal(str(tmp_path / "logs"), fsync=False)
    log.append(DECISIONS, {"task_id": "before"})
    log.append(USAGE, {"task_id": "another log"})
    since = log.offsets()[DECISIONS]
    log.append(DECISIONS, {"task_id": "old part"})
    os.rename(log.path(DECISIONS), f"{log.path(DECISIONS)}.1")
    for _ in range(added):
        log.append(DECISIONS, {"task_id": "new part"})
    found = {
        name: log.holds(DECISIONS, since, "task_id", name)
        for name in ("before", "old part", "new part", "another log")
    }
    assert found == {
        "before": False, "old part": True, "new part": added > 0, "another log": False,
    }  # fmt: skip


def test_the_offsets_are_where_the_logs_end(tmp_path):
    log = Journal(str(tmp_path / "logs"), fsync=False)
    assert set(log.offsets().values()) == {BEGINNING}
    log.append(DECISIONS, {"n": 1})
    inode, size = log.offsets()[DECISIONS]
    assert size == logfile.size_of(log.path(DECISIONS)) > 0
    assert inode == os.stat(log.path(DECISIONS)).st_ino
