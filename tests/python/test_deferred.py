"""Tasks that wait for room: queued once, done however they were started, never held in memory."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS

from orchestrator import clock
from orchestrator.records import Wishes
from orchestrator.state import deferred
from orchestrator.state.journal import DEFERRED, Journal

KEY = "sk-proj-0123456789abcdefghij"


@pytest.fixture
def log(tmp_path):
    return Journal(str(tmp_path / "my logs"), fsync=False)


def line(task="Fix it", repository="/repo", task_id="1"):
    return {
        "task_id": task_id,
        "repository": repository,
        "task_sha256": f"sha {len(task)} {task[:1]}",
    }


def queue(log, task="Fix it", repository="/repo", retry_at=None, secrets=(), **wishes):
    given_line = line(task, repository)
    deferred.queue(log, given_line, task, Wishes(**wishes), secrets, retry_at, "no room")


def file_of(log):
    return Path(log.path(DEFERRED))


def waiting(log):
    return [(entry.repository, entry.title) for entry in deferred.pending(log)]


def test_a_task_is_queued_once_for_its_repository_text_and_options(log):
    for _ in range(2):
        queue(log)
        queue(log, repository="/other")
        queue(log, "Explain it")
        queue(log, provider="codex", max_cost_usd=1.5)
        queue(log, max_cost_usd=1.5, provider="codex", no_defer=False)
    assert waiting(log) == [
        ("/repo", "Fix it"),
        ("/other", "Fix it"),
        ("/repo", "Explain it"),
        ("/repo", "Fix it"),
    ]
    assert len(file_of(log).read_text("utf-8").splitlines()) == 4


def test_a_success_takes_it_out_with_all_its_options_and_it_may_be_queued_again(log):
    queue(log)
    queue(log, provider="codex")
    queue(log, repository="/other")
    deferred.leave(log, deferred.done(line()))
    deferred.leave(log, deferred.done(line("Explain it")))  # it did not wait
    assert waiting(log) == [("/other", "Fix it")]
    queue(log)
    assert waiting(log) == [("/other", "Fix it"), ("/repo", "Fix it")]
    events = [json.loads(row)["event"] for row in file_of(log).read_text("utf-8").splitlines()]
    assert events == ["queued", "queued", "queued", "done", "queued"]


def test_where_nothing_waits_a_success_writes_nothing(log, tmp_path):
    deferred.leave(log, deferred.done(line()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task", "secrets", "wishes", "redacted"),
    [
        ("Fix it", (), {}, False),
        (f"Use {KEY}", (), {}, True),
        ("Use open-sesame-1", ("open-sesame-1",), {}, True),
        ("Fix it", ("open-sesame-1",), {"verify": "curl -H open-sesame-1"}, True),
    ],
)
def test_keys_are_not_queued_and_what_held_one_is_marked(log, task, secrets, wishes, redacted):
    queue(log, task, secrets=secrets, **wishes)
    (entry,) = deferred.pending(log)
    record = deferred.record_at(log, entry.offset)
    assert entry.redacted == record["redacted"] == redacted
    text = file_of(log).read_text("utf-8")
    assert KEY not in text
    assert "open-sesame-1" not in text


@pytest.mark.parametrize(
    ("retry_at_ms", "is_due"),
    [(None, True), (NOW_MS, True), (NOW_MS - 1, True), (NOW_MS + 1, False)],
)
def test_it_is_due_when_there_may_be_room(log, retry_at_ms, is_due):
    queue(log, retry_at=retry_at_ms and clock.iso(retry_at_ms))
    (entry,) = deferred.pending(log)
    assert entry.is_due(NOW_MS) == is_due


def test_the_whole_task_and_its_options_come_back(log):
    task = "Löse es:\n" + "x" * 300_000 + "\n$(id) 'quotes'\n"
    queue(log, "first")
    queue(log, task, edit=True, complexity=4.0, verify="make 'all'")
    entry = deferred.pending(log)[1]
    record = deferred.record_at(log, entry.offset)
    assert record["task"] == task
    assert record["options"] == {"edit": True, "complexity": 4.0, "verify": "make 'all'"}
    assert len(entry.title) <= deferred.TITLE


WHOLE = {
    "schema": 1,
    "event": "queued",
    "repository": "/r",
    "task_sha256": "x",
    "task": "t",
    "options": {},
    "retry_at": None,
    "redacted": False,
    "timestamp": "",
    "reason": "",
}
ODD = {
    "schema": 2,
    "event": "else",
    "repository": 5,
    "task_sha256": [],
    "task": None,
    "options": {"yolo": True},
    "retry_at": 9,
}
BAD = [b"{", b"[]", b"5", b'"task_sha256"', b"[" * 9999]
BAD += [json.dumps({**WHOLE, name: value}).encode() for name, value in ODD.items()]
BAD += [json.dumps({k: v for k, v in WHOLE.items() if k != name}).encode() for name in WHOLE]


def test_the_line_that_the_bad_ones_are_made_from_is_good(log):
    queue(log)
    file_of(log).write_text(json.dumps(WHOLE) + "\n", encoding="utf-8")
    assert waiting(log) == [("/r", "t")]


@pytest.mark.parametrize("data", BAD)
def test_a_line_that_is_none_is_skipped(log, data):
    queue(log)
    with file_of(log).open("ab") as file:
        file.write(data + b"\n")
    queue(log, "Explain it")
    assert waiting(log) == [("/repo", "Fix it"), ("/repo", "Explain it")]


def test_memory_grows_with_neither_the_log_nor_the_texts_that_wait(log):
    queue(log, "x" * 100_000)
    row = file_of(log).read_bytes()
    out = json.dumps({"schema": 1, **line("x" * 100_000), "event": "done"}).encode() + b"\n"
    with file_of(log).open("wb") as file:
        file.writelines(row + out for _ in range(100))
        file.writelines(row.replace(b"/repo", b"/repo/%d" % n) for n in range(100))
    tracemalloc.start()
    assert len(deferred.pending(log)) == 100
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3_000_000  # of 20 MB, half of it waiting


EVENTS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("ab"), st.sampled_from("xy")), max_size=9
)


@given(EVENTS)
def test_what_waits_is_what_was_queued_and_not_done_since(tmp_path_factory, events):
    log = Journal(str(tmp_path_factory.mktemp("logs")), fsync=False)
    expected = []
    for is_done, repository, task in events:
        if is_done:
            deferred.leave(log, deferred.done(line(task, repository)))
            expected = [each for each in expected if each != (repository, task)]
        else:
            queue(log, task, repository)
            expected += [] if (repository, task) in expected else [(repository, task)]
    assert waiting(log) == expected


def test_one_that_finds_no_room_again_keeps_its_place_and_waits_until_the_later_time(log):
    queue(log, retry_at="2020-01-01T00:00:00.000Z")
    queue(log, "Explain it")
    for _ in range(2):
        queue(log, retry_at="2999-01-01T00:00:00.000Z")
    first, second = deferred.pending(log)
    assert (first.offset, first.retry_at) == (0, "2999-01-01T00:00:00.000Z")
    assert deferred.record_at(log, first.offset)["task"] == "Fix it"
    assert (second.title, second.is_due(NOW_MS)) == ("Explain it", True)
    assert len(file_of(log).read_text("utf-8").splitlines()) == 3


def test_one_that_failed_leaves_the_queue_but_not_with_other_options(log):
    queue(log, provider="codex")
    queue(log, provider="claude")
    for wishes in (Wishes(provider="codex", no_defer=True), Wishes(provider="gemini")):
        deferred.leave(log, deferred.failed(line("Fix it"), wishes, ()))
    (left,) = deferred.pending(log)
    assert deferred.record_at(log, left.offset)["options"] == {"provider": "claude"}
    deferred.leave(log, deferred.done(line("Fix it")))
    assert deferred.pending(log) == []
