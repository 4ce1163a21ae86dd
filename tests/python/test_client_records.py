"""What the clients write down of their own sessions, and what it comes to in our rows."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS

from orchestrator import clock
from orchestrator.errors import TryLaterError
from orchestrator.providers import claude_records, codex_records
from orchestrator.records import Limit
from orchestrator.work import client_records
from orchestrator.work.client_records import ClaudeRecords, CodexRecords

DATA = Path(__file__).resolve().parents[1] / "data" / "records"
FIVE_HOURS, WEEK = 18_000, 604_800
PLAN = tuple(Limit("percent", window, None, 100, 95, "account") for window in (FIVE_HOURS, WEEK))
MINUTE = Limit("tokens", 60, None, 300_000, 80, "provider")
REQUESTS = Limit("requests", 60, None, 1000, 80, "provider")
DAY = Limit("tokens", None, "day", 10**6, 80, "account")


def lines(name):
    return (DATA / name).read_bytes().splitlines()


def codex(*extra, now_ms=NOW_MS, kept=None):
    records = CodexRecords(PLAN, "plan", now_ms, kept or {})
    for line in extra:
        records.take(line)
    return records


def claude(*extra, limits=(MINUTE, REQUESTS, DAY), now_ms=NOW_MS, zone="UTC", kept=None):
    records = ClaudeRecords(limits, "plan", now_ms, zone, kept or {})
    for line in extra:
        records.take(line)
    return records


def used(records):
    return {(seen.metric, seen.window_s or seen.period): seen.used for seen in records.seen()}


def token_count(used_percent, *, minutes=300, at=NOW_MS, reset=NOW_MS // 1000 + 60, **more):
    slot = {"used_percent": used_percent, "window_minutes": minutes, "resets_at": reset}
    limits = {"primary": slot, "secondary": None, **more}
    payload = {"type": "token_count", "info": None, "rate_limits": limits}
    line = {"timestamp": clock.iso(at), "type": "event_msg", "payload": payload}
    return json.dumps(line).encode()


def answer(name, *, at=NOW_MS - 1000, **usage):
    message = {"id": name, "model": "claude-opus-5-5", "usage": {"input_tokens": 10, **usage}}
    return json.dumps(
        {"type": "assistant", "timestamp": clock.iso(at), "message": message}
    ).encode()


def test_codex_tells_how_full_each_window_is_by_its_length_not_its_slot():
    # The week moved into the first slot in the newest event; other models' limits are not ours.
    assert used(codex(*lines("codex-rollout.jsonl"))) == {
        ("percent", FIVE_HOURS): 62,
        ("percent", WEEK): 14,
    }


def test_the_newest_event_wins_in_whatever_order_the_files_are_read():
    told = lines("codex-rollout.jsonl")
    assert used(codex(*reversed(told))) == used(codex(*told))


def test_a_figure_whose_window_was_reset_is_none():
    assert set(used(codex(*lines("codex-rollout.jsonl"), now_ms=1_795_219_200_000))) == {
        ("percent", WEEK)
    }
    late = NOW_MS + 1000 * WEEK
    assert codex(*lines("codex-rollout.jsonl"), now_ms=late).seen() == []


def test_a_figure_carries_when_it_was_told_its_account_and_its_reset():
    (seen,) = codex(token_count(50.2, minutes=299, at=NOW_MS - 5000)).seen()
    assert seen == (
        "percent", FIVE_HOURS, None, "plan", 51, 100, "client records",
        NOW_MS - 5000, (NOW_MS // 1000 + 60) * 1000, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b'"rate_limits"',
        b"\xff\xfe rate_limits",
        b"[" * 100_000,
        token_count(float("nan")),
        token_count(float("inf")),
        token_count(-1),
        token_count("50"),
        token_count(None),
        token_count(used_percent=True),
        token_count(10**30),
        token_count(50, minutes=0),
        token_count(50, minutes=-300),
        token_count(50, minutes=float("nan")),
        token_count(50, minutes="300"),
        token_count(50, reset=1),
        token_count(50, at=NOW_MS + 3_600_000),
        token_count(50).replace(b'"timestamp"', b'"time"'),
        token_count(50).replace(b"event_msg", b"x").replace(b"token_count", b"message"),
        token_count(50, primary=[1, 2]),
        token_count(50, limit_id="codex_bengalfox"),
        token_count(50, limit_id=["codex"]),
        json.dumps({"payload": {"type": "token_count", "rate_limits": None}}).encode(),
        json.dumps({"payload": [{"type": "token_count"}]}).encode(),
    ],
    ids=lambda line: line[:60],
)
def test_a_hostile_line_of_codex_tells_nothing(line):
    assert codex(line).seen() == []


@given(st.integers(0, 8))
def test_codex_goes_on_from_what_was_kept(cut):
    told = lines("codex-rollout.jsonl")
    first = codex(*told[:cut])
    kept = json.loads(json.dumps(first.kept()))
    assert codex(*told[cut:], kept=kept).seen() == codex(*told).seen()


def test_claude_counts_each_answer_once_at_the_most_it_was_told_with():
    # Two lines of one answer, one repeated, one of a subagent; not what the client says itself.
    tokens = (5 + 1200 + 30_000 + 250) + (7 + 31_000 + 93) + (100 + 10)
    assert used(claude(*lines("claude-project.jsonl"))) == {
        ("tokens", 60): tokens,
        ("requests", 60): 3,
        ("tokens", "day"): tokens,
    }


def test_a_real_answer_is_read_as_the_client_wrote_it():
    told = [claude_records.message_of(line) for line in lines("claude-project.jsonl")]
    assert [message.id for message in told if message] == [
        "msg_01AAA", "msg_01AAA", "msg_01BBB", "msg_01CCC", "msg_01BBB",
    ]  # fmt: skip
    assert all(
        (b'"type":"assistant"' in line and b"synthetic" not in line) == (message is not None)
        for line, message in zip(lines("claude-project.jsonl"), told, strict=True)
    )


def test_an_answer_counts_in_a_row_as_long_as_that_row_lasts():
    told = [answer("a", at=NOW_MS - 61_000), answer("b", at=NOW_MS - 59_000)]
    assert used(claude(*told)) == {
        ("tokens", 60): 10,
        ("requests", 60): 1,
        ("tokens", "day"): 20,
    }
    # At 22:00 UTC it is 23:00 in Berlin: the same day; at 23:30 UTC the next.
    late = NOW_MS + 5_400_000
    assert used(claude(*told, now_ms=late, limits=(DAY,), zone="Europe/Berlin")) == {
        ("tokens", "day"): 0
    }


def test_nothing_older_than_the_longest_row_is_kept():
    old = [answer(f"old {n}", at=NOW_MS - 61_000) for n in range(1000)]
    records = claude(*old, answer("new"), limits=(MINUTE,))
    assert list(records.kept()["messages"]) == ["new"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"type":"assistant"}',
        answer(""),
        answer("a", input_tokens=-5),
        answer("a", input_tokens="10"),
        answer("a", input_tokens=float("nan")),
        answer("a", input_tokens=True),
        answer("a", input_tokens=None),
        answer("a", input_tokens=10**30),
        answer("a").replace(b'"usage": {', b'"usage": ["').replace(b"}}", b'"]}'),
        answer("a", at=NOW_MS + 3_600_000),
        answer("a").replace(b"2026-11-20", b"the 20th"),
        answer("a").replace(b'"assistant"', b'"user"'),
    ],
    ids=lambda line: line[:80],
)
def test_a_hostile_line_of_claude_counts_nothing(line):
    assert claude(line).kept() == {"messages": {}}


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 30))
def test_claude_goes_on_from_what_was_kept(names, cut):
    told = [answer(f"m{n}", output_tokens=at + 1) for at, n in enumerate(names)]
    kept = json.loads(json.dumps(claude(*told[:cut]).kept()))
    assert used(claude(*told[cut:], kept=kept)) == used(claude(*told))


def test_what_could_be_read_counts_though_a_part_could_not(shipped, tmp_path, monkeypatch):
    provider, opened = shipped.providers["codex"], os.open
    login = client_records.transport_of(shipped, provider)
    for name in ("a", "b"):
        path = tmp_path / ".codex/sessions" / f"rollout-{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(token_count(42, at=clock.now_ms(), reset=None) + b"\n")
    unread = {"rollout-a.jsonl"}

    def refused(path, *rest, **options):
        if os.path.basename(path) in unread:
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **options)

    monkeypatch.setattr(os, "open", refused)
    state, home = str(tmp_path / "state"), {"HOME": str(tmp_path)}
    read = client_records.read
    seen, kept, problem = read(shipped, provider, login, home, state, clock.now_ms())
    assert ([each.used for each in seen], len(kept["files"])) == ([42], 1)
    assert problem.endswith("rollout-a.jsonl: Permission denied")
    unread.add("rollout-b.jsonl")
    with pytest.raises(TryLaterError, match="Permission denied"):
        read(shipped, provider, login, home, state, clock.now_ms())


def test_codex_and_claude_lines_without_the_mark_hold_no_figure():
    for mark, name, read in (
        (
            codex_records.MARK,
            "codex-rollout.jsonl",
            lambda line: codex_records.figures_of(line, ""),
        ),
        (claude_records.MARK, "claude-project.jsonl", claude_records.message_of),
    ):
        assert not [line for line in lines(name) if mark not in line and read(line)]
