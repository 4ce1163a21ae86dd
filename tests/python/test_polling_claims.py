"""Who asks what and when: once in its time to live, at once near a block, one poll at a time."""

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS

from orchestrator import clock
from orchestrator.state import locks, polling

TTL_MS = 900_000
CODEX, CLAUDE = ("codex", "records"), ("claude", "api")


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "a state")


def claim(state, *sources, at=NOW_MS, urgent=()):
    return polling.claim(state, sources, urgent, TTL_MS, lambda: at)


def test_a_source_is_asked_once_in_its_time_to_live(state):
    assert claim(state, CODEX, CLAUDE) == [CODEX, CLAUDE]
    polling.done(state, CODEX, NOW_MS, read=True)
    assert claim(state, CODEX, at=NOW_MS + TTL_MS - 1) == []
    assert claim(state, CODEX, at=NOW_MS + TTL_MS) == [CODEX]


def test_near_a_block_it_is_asked_at_once(state):
    claim(state, CODEX)
    polling.done(state, CODEX, NOW_MS, read=True)
    assert claim(state, CODEX, at=NOW_MS + 1, urgent=[CODEX]) == [CODEX]


def test_one_that_could_not_be_read_is_due_again(state):
    claim(state, CODEX)
    polling.done(state, CODEX, NOW_MS, read=False)
    assert claim(state, CODEX, at=NOW_MS + 1) == [CODEX]


def test_a_failure_does_not_forget_when_it_was_read_before(state):
    claim(state, CODEX)
    polling.done(state, CODEX, NOW_MS, read=True)
    claim(state, CODEX, at=NOW_MS + 5, urgent=[CODEX])
    polling.done(state, CODEX, NOW_MS + 6, read=False)
    assert claim(state, CODEX, at=NOW_MS + 7) == []


def test_what_another_poll_asks_right_now_is_left_to_it_until_it_must_be_dead(state):
    claim(state, CODEX)
    for urgent in ((), (CODEX,)):
        assert claim(state, CODEX, at=NOW_MS + 1000, urgent=urgent) == []
    assert claim(state, CODEX, at=NOW_MS + polling.CLAIM_MS) == [CODEX]


def test_a_clock_that_was_set_back_keeps_no_source_from_being_asked(state):
    claim(state, CODEX)
    polling.done(state, CODEX, NOW_MS, read=True)
    assert claim(state, CODEX, at=NOW_MS - 86_400_000) == [CODEX]


def test_who_waited_for_the_lock_sees_what_was_asked_in_the_meantime(state, monkeypatch):
    flocked = locks.flocked

    @contextlib.contextmanager
    def waited_for(path):
        monkeypatch.setattr(locks, "flocked", flocked)
        time.sleep(0.005)  # so that the clock has moved on
        assert polling.claim(state, [CODEX], [], TTL_MS) == [CODEX]
        polling.done(state, CODEX, clock.now_ms(), read=True)
        with flocked(path):
            yield

    monkeypatch.setattr(locks, "flocked", waited_for)
    assert polling.claim(state, [CODEX], [], TTL_MS) == []


SPOILT = [b"", b"{", b"[]", b'{"schema": 2}', b'{"schema": 1, "sources": [1]}', b"\xff\x00"]
SPOILT += [b'{"schema": 1, "sources": {"codex/records": 7}}']
SPOILT += [b'{"schema": 1, "sources": {"codex/records": {"done_ms": "x", "begun_ms": -Infinity}}}']
SPOILT += [b'{"schema": 1, "sources": {"codex/records": {"done_ms": 1e999, "begun_ms": true}}}']


@pytest.mark.parametrize("data", SPOILT, ids=str)
def test_what_is_not_sound_is_begun_anew(state, tmp_path, data):
    (tmp_path / "a state" / ".state").mkdir(parents=True)
    (tmp_path / "a state" / ".state" / "polling.json").write_bytes(data)
    (tmp_path / "a state" / ".state" / "records-codex.json").write_bytes(data)
    assert claim(state, CODEX) == [CODEX]
    polling.done(state, CODEX, NOW_MS, read=True)
    assert claim(state, CODEX, at=NOW_MS + 1) == []
    assert polling.read_so_far(state, "codex").get("files") is None


def test_of_many_polls_at_once_one_asks_each_source(state):
    with ThreadPoolExecutor(16) as many:
        found = list(many.map(lambda _: claim(state, CODEX, CLAUDE), range(16)))
    assert sorted(source for each in found for source in each) == [CLAUDE, CODEX]


@given(st.dictionaries(st.text(max_size=5), st.lists(st.integers(0, 2**60), max_size=4)))
def test_what_was_kept_comes_back_as_it_was(tmp_path_factory, files):
    state = str(tmp_path_factory.mktemp("state") / "new")
    claim(state, CODEX)
    polling.keep(state, "codex", {"files": files})
    assert polling.read_so_far(state, "codex")["files"] == json.loads(json.dumps(files))
