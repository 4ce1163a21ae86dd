"""When a write counts as made: on the disk, with room for what follows, and nothing left behind."""

import errno
import json
import os
import stat
import time

import pytest
from test_state_files import lines, place

from orchestrator.errors import StorageError
from orchestrator.state import files, history, inflight, locks, logfile
from orchestrator.state.journal import BEGINNING, USAGE, Journal
from orchestrator.state.transcript import Transcript

__all__ = ["place"]  # a fixture
FIGURES = {"input_overhead_tokens": 1.0, "output_tokens": 2.0, "seconds": 3.0}


@pytest.fixture
def synced(monkeypatch):
    """List what is brought to the disk: the kind of each file."""
    kinds, fsync = [], os.fsync

    def noted(descriptor):
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        kinds.append("folder" if folder else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return kinds


def failing(monkeypatch, name, number=errno.EIO):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)


def test_a_line_is_on_the_disk_before_it_counts_and_the_name_of_a_new_log_too(place, synced):
    log = str(place / "log.jsonl")
    logfile.append(log, {"n": 1})
    assert synced == ["file", "folder"]
    logfile.append(log, {"n": 2})
    assert synced == ["file", "folder", "file"]
    logfile.append(log, {"n": 3}, fsync=False)
    assert len(synced) == 3


def test_nobody_waits_for_the_disk_of_another(place, monkeypatch):
    log, free = place / "log.jsonl", []

    def slow(_):
        descriptor = os.open(f"{log}.lock", os.O_RDWR)
        free.append(locks.try_flock(descriptor))
        os.close(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    logfile.append(str(log), {"n": 1})
    assert free
    assert all(free)


def test_a_line_that_may_not_be_on_the_disk_is_not_acknowledged_and_can_be_found(
    place, monkeypatch
):
    log = Journal(str(place))
    failing(monkeypatch, "fsync")
    with pytest.raises(StorageError, match="Input/output error"):
        log.append(USAGE, {"attempt_id": "a"})
    monkeypatch.undo()
    assert log.holds(USAGE, BEGINNING, "attempt_id", "a")
    log.append(USAGE, {"attempt_id": "b"})
    assert len(lines(place / USAGE)) == 2


def test_a_log_that_was_rotated_while_its_lock_was_held_is_begun_anew(place, monkeypatch):
    log = place / "log.jsonl"
    logfile.append(str(log), {"n": 1})
    flocked = locks.flocked

    def rotated(path):
        log.rename(place / "log.jsonl.1")
        return flocked(path)

    monkeypatch.setattr(locks, "flocked", rotated)
    logfile.append(str(log), {"n": 2})
    assert (lines(place / "log.jsonl.1"), lines(log)) == ([{"n": 1}], [{"n": 2}])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_logs_without_room_are_told_before_anything_is_paid_for(place, monkeypatch, number):
    log = Journal(str(place))
    log.prove_writable()
    write = os.write

    def full(descriptor, data):
        if len(data) > 4096:
            return write(descriptor, bytes(data)[:4096])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match=os.strerror(number)):
        log.prove_writable()
    monkeypatch.undo()
    assert {path.stat().st_size for path in place.iterdir()} == {0}


def test_a_task_in_flight_has_room_for_all_it_will_hold(place):
    running = inflight.begin(str(place), "task", "coder")
    (path,) = (place / ".state" / "inflight").iterdir()
    assert path.stat().st_size >= files.ROOM
    running.note("outcome", text="x" * 2000)
    assert path.stat().st_size == files.ROOM
    running.release()
    ((again, steps),) = inflight.orphans(str(place))
    assert [step["step"] for step in steps] == ["begin", "outcome"]
    again.close()


def test_a_task_that_finds_no_room_leaves_nothing_behind(place, monkeypatch):
    failing(monkeypatch, "write", errno.ENOSPC)
    with pytest.raises(StorageError, match="No space left"):
        inflight.begin(str(place), "task", "coder")
    monkeypatch.undo()
    assert not inflight.any_listed(str(place))


def test_a_step_takes_the_place_of_one_that_was_not_noted_whole(place, monkeypatch):
    running = inflight.begin(str(place), "task", "coder")
    write, done = os.write, []

    def torn(descriptor, data):
        if done:
            raise OSError(errno.EIO, "Input/output error")
        done.append(write(descriptor, bytes(data)[:9]))
        return done[0]

    monkeypatch.setattr(os, "write", torn)
    with pytest.raises(StorageError):
        running.note("outcome", text="x" * 500)
    monkeypatch.undo()
    running.note("final")
    running.release()
    ((again, steps),) = inflight.orphans(str(place))
    assert [step["step"] for step in steps] == ["begin", "final"]
    again.close()


def test_what_was_never_put_in_place_is_removed_once_nobody_can_be_writing_it(place):
    stale, fresh = "a.json.7.0123abcd.tmp", "b.json.7.0123abcd.tmp"
    others = ["c.json", "draft.tmp"]  # a state folder may hold what is not ours
    for name, age_s in ((stale, 7200), (fresh, 60), *((name, 7200) for name in others)):
        (place / name).write_text("{", encoding="ascii")
        then = time.time() - age_s
        os.utime(place / name, (then, then))
    files.sweep(str(place))
    files.sweep(str(place / "missing"))
    assert sorted(os.listdir(place)) == [fresh, *others]


def test_a_state_file_has_a_line_for_each_field(place):
    document = {"name": "ü\n", "rows": {"a": [1, {"b": None}]}, "n": 1.5}
    files.replace(str(place / "file.json"), document)
    text = (place / "file.json").read_text(encoding="utf-8")
    assert json.loads(text) == document
    assert text.splitlines()[1:-1] == [
        '"name": "ü\\n",',
        '"rows": {"a": [1, {"b": null}]},',
        '"n": 1.5',
    ]


def test_a_history_that_can_not_be_read_now_is_not_begun_anew(place, monkeypatch):
    history.learn(str(place), "a", FIGURES)
    with monkeypatch.context() as patch:
        failing(patch, "fdopen")
        assert history.load(str(place)) == {}
        with pytest.raises(StorageError):
            history.learn(str(place), "b", FIGURES)
    assert set(history.load(str(place))) == {"a"}
    (place / ".state" / "history.json").write_text("{", encoding="ascii")
    history.learn(str(place), "b", FIGURES)
    assert set(history.load(str(place))) == {"b"}


def test_a_transcript_ends_at_the_first_failure_and_says_why(place, monkeypatch):
    transcript = Transcript(str(place), "task", ())
    transcript.note("codex", "one")
    with monkeypatch.context() as patch:
        failing(patch, "write", errno.ENOSPC)
        transcript.note("codex", "two")
    transcript.note("codex", "three")
    assert transcript.broken == (
        f"{transcript.path}: No space left on device; make room or permissions, then try again"
    )
    with open(transcript.path, encoding="utf-8") as file:
        assert file.read().endswith(" codex: one\n")
