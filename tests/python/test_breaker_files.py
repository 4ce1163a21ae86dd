"""The breakers of all accounts in one file: read without a lock, written under one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from world import NOW_MS

from orchestrator import clock
from orchestrator.decide import breakers as rules
from orchestrator.errors import StorageError
from orchestrator.records import Breaker
from orchestrator.state import breakers

SETTINGS = {"failures": 3, "probe_s": 300, "wall_probe_s": 3600}
OPEN = Breaker(3, "outage", NOW_MS, NOW_MS + 1, NOW_MS, "it is down", "codex")


def written(state, account="openai", row=OPEN):
    return breakers.change(str(state), account, lambda _: row, fsync=False)


def claimed(state, account="openai", *, force=False):
    return breakers.claim(str(state), account, SETTINGS, force=force, fsync=False)


def file_of(state):
    return state / ".state" / "breakers.json"


def test_what_is_written_is_read_and_a_closed_row_is_forgotten(tmp_path):
    assert breakers.load(str(tmp_path)) == {}
    assert written(tmp_path) == (rules.CLOSED, OPEN)
    written(tmp_path, "google", OPEN._replace(kind="unknown"))
    assert breakers.load(str(tmp_path))["openai"] == OPEN
    assert breakers.clear(str(tmp_path), "openai", fsync=True) == OPEN
    assert list(breakers.load(str(tmp_path))) == ["google"]
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_what_changes_nothing_writes_nothing_and_takes_no_lock(tmp_path):
    assert claimed(tmp_path) is None
    assert written(tmp_path, row=rules.CLOSED) == (rules.CLOSED, rules.CLOSED)
    assert list(tmp_path.iterdir()) == []


def test_of_64_processes_exactly_one_has_the_probe_of_each_account(tmp_path):
    rows = [f"account {number}" for number in range(8)]
    for account in rows:
        written(tmp_path, account)
    words = [sys.executable, Path(__file__).with_name("knocking.py"), str(tmp_path), "64", *rows]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    assert sorted(done.stdout.splitlines()) == rows


def test_who_loses_a_probe_hears_of_the_next_one_and_force_is_never_refused(tmp_path):
    written(tmp_path)
    before_ms = clock.now_ms()
    assert claimed(tmp_path) is None
    block = claimed(tmp_path)
    assert block.kind == "outage"
    assert before_ms + 300_000 <= block.retry_at_ms <= clock.now_ms() + 300_000
    assert claimed(tmp_path, force=True) is None
    assert claimed(tmp_path, "another account") is None


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'{"schema": "1", "accounts": {}}',
    b'{"schema": 1, "accounts": []}',
    b'{"schema": 1, "accounts": {"openai": 5}}',
    b'{"schema": 1, "accounts": {"openai": {"failures": 3}}}',
    b"\x00" * 99,
]
FIELDS = {"failures": "3", "kind": "odd", "since_ms": 1.5, "retry_at_ms": None, "error": 5}


def spoiled():
    yield from BROKEN
    for field, value in FIELDS.items():
        row = {**OPEN._asdict(), field: value}
        yield json.dumps({"schema": 1, "accounts": {"openai": row}}).encode()


@pytest.mark.parametrize("data", list(spoiled()))
def test_a_broken_file_counts_as_empty_and_is_set_aside_by_the_next_write(tmp_path, data):
    path = file_of(tmp_path)
    path.parent.mkdir()
    path.write_bytes(data)
    assert breakers.load(str(tmp_path)) == {}
    assert claimed(tmp_path) is None
    written(tmp_path)
    assert breakers.load(str(tmp_path)) == {"openai": OPEN}
    (aside,) = path.parent.glob("breakers.json.corrupt-*")
    assert aside.read_bytes() == data


def test_a_newer_file_is_refused_and_left_alone(tmp_path):
    path = file_of(tmp_path)
    path.parent.mkdir()
    path.write_text('{"schema": 2, "accounts": {}}', encoding="ascii")
    for call in (lambda: breakers.load(str(tmp_path)), lambda: written(tmp_path)):
        with pytest.raises(StorageError, match="newer version"):
            call()
    assert path.read_text(encoding="ascii") == '{"schema": 2, "accounts": {}}'
