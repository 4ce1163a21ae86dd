"""What the doctor reads: the end of a log, folders, breakers, and what tasks left behind."""

import json
import os
import time

import pytest
from world import NOW_MS, provider, way

from orchestrator import clock
from orchestrator.errors import StorageError
from orchestrator.insight import accounts, folders, successes
from orchestrator.records import Breaker
from orchestrator.state import inflight, logfile
from orchestrator.state.journal import USAGE, Journal

WAY = ("codex", "api", "openai")
OPEN = Breaker(3, "outage", NOW_MS - 1000, NOW_MS + 1000, NOW_MS - 1000, "it is down", "codex")


def line(model="m", way=WAY, success=True, **changes):  # noqa: FBT002 a field of the log
    name, kind, account = way
    record = {"provider": name, "transport": kind, "account": account, "model": model}
    return json.dumps({**record, "timestamp": "t", "success": success, **changes}) + "\n"


def logged(folder, *lines):
    (folder / USAGE).write_text("".join(lines), encoding="utf-8")
    return Journal(str(folder))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize(
    "text", [b"", b"\n", b"a", b"a\n", b"a\nbc\n", b"a\nbc\ndef", b"\n\nab\n\n", b"abcdefgh\ni\n"]
)
def test_the_last_lines_are_the_whole_lines_from_the_end_whatever_the_block(
    tmp_path, monkeypatch, text, block
):
    monkeypatch.setattr(logfile, "LAST_BLOCK", block)
    path = tmp_path / "log"
    path.write_bytes(text)
    whole = text[: text.rfind(b"\n") + 1].split(b"\n")[:-1]
    read = list(logfile.last_lines(str(path), 1000))
    assert [each for each in read if each] == [each for each in reversed(whole) if each]


@pytest.mark.parametrize("most", range(1, 13))
def test_no_more_than_so_many_bytes_are_read_and_no_line_is_given_in_part(
    tmp_path, monkeypatch, most
):
    monkeypatch.setattr(logfile, "LAST_BLOCK", 2)
    path = tmp_path / "log"
    path.write_bytes(b"aaa\nbbb\nccc\n")
    whole = [line for line in logfile.last_lines(str(path), most) if line]
    assert whole == [b"ccc", b"bbb", b"aaa"][: (most - 1) // 4 if most < 12 else 3]


def test_there_are_no_last_lines_of_no_log_and_a_symlink_is_refused(tmp_path):
    assert list(logfile.last_lines(str(tmp_path / "none"), 10)) == []
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError):
        list(logfile.last_lines(str(tmp_path / "link"), 10))


def test_the_newest_success_of_each_way_is_found_and_lines_that_are_none_are_skipped(tmp_path):
    other = ("codex", "cli", "openai")
    log = logged(
        tmp_path,
        line("older"),
        line("newest"),
        line("failed", success=False),
        line("no text", timestamp=7),
        '{"success": true}\n',
        '{"success": true\n',
        '["success": true]\n',
        line("a client's", other),
        line("torn")[:-9],
    )
    found = successes.last(log, [])
    assert found.whole
    assert {key: row["model"] for key, row in found.found.items()} == {
        WAY: "newest",
        other: "a client's",
    }


def test_of_a_log_of_200_mb_only_the_end_is_read(tmp_path):
    path = tmp_path / USAGE
    path.write_text(line("long ago"), encoding="utf-8")
    with path.open("r+b") as file:
        file.truncate(200 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line("now", ("claude", "cli", "plan")).encode())
    began = time.process_time()
    found = successes.last(Journal(str(tmp_path)), [WAY])
    assert time.process_time() - began < 2
    assert not found.whole
    assert list(found.found) == [("claude", "cli", "plan")]


def test_reading_stops_when_every_way_was_met(tmp_path):
    log = logged(tmp_path, line("first", ("a", "b", "c")), line())
    assert list(successes.last(log, [WAY]).found) == [WAY]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Breaker(), ("closed", False, None, None)),
        (Breaker(2), ("closed", False, None, None)),
        (OPEN, ("outage", True, None, NOW_MS + 1000)),
        (OPEN._replace(retry_at_ms=NOW_MS), ("outage", False, None, NOW_MS)),
        (OPEN._replace(kind="unknown"), ("unknown", True, None, NOW_MS + 1000)),
        (OPEN._replace(kind="window"), ("window", True, NOW_MS + 1000, None)),
        (OPEN._replace(kind="clock"), ("clock", True, NOW_MS + 1000, None)),
        (OPEN._replace(kind="clock", retry_at_ms=NOW_MS), ("closed", False, None, None)),
        (OPEN._replace(kind="person", retry_at_ms=None), ("person", True, None, None)),
    ],
)
def test_an_account_is_closed_out_or_used_up_and_until_when(row, expected):
    told = accounts.described_row(row, NOW_MS)
    moments = [told.get(name) and clock.parse(told[name]) for name in ("until", "probe_at")]
    assert (told["state"], told["blocks"], *moments) == expected


def test_accounts_that_only_the_file_knows_come_last():
    known = [provider("codex", way("openai"))]
    assert list(accounts.described({"gone": OPEN}, known, NOW_MS)) == ["openai", "gone"]
    assert list(accounts.described({"gone": OPEN}, known, NOW_MS, others=False)) == ["openai"]


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path):
    told = folders.described(str(tmp_path / "a" / "b"), ())
    assert (told["exists"], told["problem"]) == (False, None)
    assert told["free_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def _open_to_all(folder):
    folder.chmod(0o777)


def _file_above(folder):
    folder.rmdir()
    folder.write_text("", encoding="utf-8")


def _log_elsewhere(folder):
    (folder / "log").symlink_to("/dev/null")


def _log_is_folder(folder):
    (folder / "log").mkdir()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_open_to_all, "everybody may write to it; chmod"),
        (_file_above, "is not a folder; move"),
        (_log_elsewhere, "log: is not a regular file; move"),
        (_log_is_folder, "log: is not a regular file; move"),
    ],
)
def test_a_folder_a_start_would_refuse_is_named_with_what_to_do(tmp_path, spoil, told):
    folder = tmp_path / "state"
    folder.mkdir()
    assert folders.described(str(folder), ["log"])["problem"] is None
    spoil(folder)
    assert told in folders.described(str(folder), ["log"])["problem"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    assert "can't be written to" in folders.described(str(tmp_path / "x"), ())["problem"]


def test_a_task_is_left_behind_once_its_owner_is_gone_and_looking_changes_nothing(tmp_path):
    state = str(tmp_path)
    running = inflight.begin(state, "t1", "coder")
    inflight.begin(state, "t2", "coder").release()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    assert inflight.left_behind(state) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == before
    running.close()
    assert [steps[0]["task_id"] for _, steps in inflight.orphans(state)] == ["t2"]
