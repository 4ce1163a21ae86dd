"""The only code that writes: whole files or the old ones, whole lines or none, nothing followed."""

import json
import os
import stat
import threading

import pytest

from orchestrator.errors import StorageError, TryLaterError
from orchestrator.state import files, locks, logfile, swap


@pytest.fixture
def place(tmp_path):
    made = tmp_path / "my state"
    made.mkdir()
    return made


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        (b"", []),
        (b'{"n":1}\n', [1]),
        (b'{"n":1}\n{"n":2', [1]),  # a process was killed while it wrote
        (b'{"n":1}\n{"n":2,"text":"' + b"x" * 200_000, [1]),
        (b'{"n":1', []),
        (b"\0" * 5000, []),
        (b'{"n":1}\n\0\0\0', [1]),
    ],
)
def test_a_torn_last_line_is_cut_off_before_the_next_is_added(place, there, kept):
    log = place / "log.jsonl"
    log.write_bytes(there)
    logfile.append(str(log), {"n": 9})
    assert [line["n"] for line in lines(log)] == [*kept, 9]


def test_a_record_of_any_text_is_one_line(place):
    log = place / "log.jsonl"
    texts = ["a\nb", "\u2028\u2029", "\x00", "\ud800", "ü" * 5000, '"}\n{"']
    for text in texts:
        logfile.append(str(log), {"text": text})
    assert log.read_bytes().count(b"\n") == len(texts)
    read = [line["text"] for line in lines(log)]
    assert read == [text.encode("utf-8", "replace").decode() for text in texts]


def test_what_is_written_is_private(place):
    old = os.umask(0)
    try:
        logfile.append(str(place / "logs/log.jsonl"), {})
        files.replace(str(place / "file.json"), {})
        logfile.touch(str(place / "touched"))
    finally:
        os.umask(old)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in place.rglob("*")}
    assert modes.pop("logs") == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(("owner", "failing"), [(os, "write"), (os, "fsync"), (swap, "swap")])
def test_a_file_that_can_not_be_replaced_stays_as_it_was(place, monkeypatch, owner, failing):
    path = place / "file.json"
    files.replace(str(path), {"n": 1})

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, failing, fail)
    with pytest.raises(StorageError, match=r"file\.json: No space left on device"):
        files.replace(str(path), {"n": 2})
    monkeypatch.undo()
    assert json.loads(path.read_text()) == {"n": 1}
    assert os.listdir(place) == ["file.json"]


class Library:
    """A C library whose renameat2 fails: no such call, no such flag, a sandbox that refuses it."""

    def renameat2(self, *_):
        return -1


@pytest.mark.parametrize("library", [object(), Library()])
def test_where_names_can_not_be_exchanged_the_file_is_renamed(place, monkeypatch, library):
    monkeypatch.setattr(swap, "_libc", library)
    for n in (1, 2):
        files.replace(str(place / "file.json"), {"n": n})
    assert json.loads((place / "file.json").read_text()) == {"n": 2}
    assert os.listdir(place) == ["file.json"]


def test_a_file_that_can_neither_be_exchanged_nor_renamed_is_told(place, monkeypatch):
    files.replace(str(place / "file.json"), {"n": 1})

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(swap, "_libc", Library())
    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(StorageError, match=r"file\.json: Input/output error"):
        files.replace(str(place / "file.json"), {"n": 2})
    assert json.loads((place / "file.json").read_text()) == {"n": 1}
    assert os.listdir(place) == ["file.json"]


def test_a_line_that_can_not_be_written_whole_is_taken_back(place, monkeypatch):
    log = place / "log.jsonl"
    logfile.append(str(log), {"n": 1})
    write = os.write

    def short(descriptor, data):
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(data)[:50])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(StorageError):
        logfile.append(str(log), {"n": 2, "text": "x" * 100})
    monkeypatch.undo()
    assert lines(log) == [{"n": 1}]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": NaN}', "\x00", "[" * 99_999])
def test_a_state_file_that_is_not_sound_is_refused_with_its_name(place, text):
    (place / "file.json").write_text(text)
    with pytest.raises(StorageError, match=r"file\.json: is not"):
        files.read_json(str(place / "file.json"))


def test_a_state_file_that_is_missing_is_none(place):
    assert files.read_json(str(place / "file.json")) is None


def test_a_file_in_place_of_a_folder_is_refused(place):
    (place / "logs").write_text("")
    with pytest.raises(StorageError, match="logs"):
        logfile.append(str(place / "logs" / "log.jsonl"), {})


@pytest.mark.parametrize("locked", [locks.flocked, locks.usage_locked])
def test_who_waits_too_long_for_a_lock_names_its_holder(place, monkeypatch, locked):
    monkeypatch.setattr(locks, "TIMEOUT_S", 0.05)
    path = str(place / "x.lock") if locked is locks.flocked else str(place)
    refused = []

    def wait():
        try:
            with locked(path):
                pass
        except TryLaterError as error:
            refused.append(str(error))

    with locked(path):
        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join()
    wait()
    assert len(refused) == 1
    assert f"still locked by process {os.getpid()}; try again later" in refused[0]


def test_only_whole_lines_are_read_from_an_offset(place):
    log = place / "log.jsonl"
    log.write_bytes(b"one\ntwo\nthr")
    assert list(logfile.complete_lines(str(log))) == [b"one\n", b"two\n"]
    assert list(logfile.complete_lines(str(log), 4)) == [b"two\n"]
    assert list(logfile.complete_lines(str(place / "missing"))) == []
    assert (logfile.size_of(str(log)), logfile.size_of(str(place / "missing"))) == (11, 0)
