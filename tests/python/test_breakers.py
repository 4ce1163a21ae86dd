"""When an account is left alone and who may knock: rules over its row, an outcome and the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS

from orchestrator import records as r
from orchestrator.decide import breakers
from orchestrator.records import Breaker, Failure, Outcome, Spent

SETTINGS = {"failures": 3, "probe_s": 300, "wall_probe_s": 3600}
KINDS = sorted({v for k, v in vars(r).items() if k == v and k.isupper()})
OUTAGE = Breaker(3, "outage", NOW_MS, NOW_MS + 300_000, NOW_MS, "it is down", "codex")
WALL = Breaker(0, r.CLOCK, NOW_MS, NOW_MS + 3_600_000, NOW_MS, "weekly limit", "claude")
PERSON = Breaker(0, r.PERSON, NOW_MS, None, NOW_MS, "no balance", "codex")
UNKNOWN = Breaker(0, "unknown", NOW_MS, NOW_MS + 3_600_000, NOW_MS, "some limit", "codex")
RATE = Breaker(0, "rate", NOW_MS, NOW_MS + 2000, NOW_MS, "HTTP 429", "codex")


def outcome(kind=None, *, wait_s=None, retry_at_ms=None, wall=None, tokens=0, tools=False):
    failure = Failure(kind, "it failed", wait_s, retry_at_ms, wall=wall) if kind else None
    return Outcome("", Spent(output_tokens=tokens), False, failure, tools)  # noqa: FBT003


def after(row, kind=None, *, at_ms=NOW_MS, started_ms=None, **told):
    started_ms = at_ms if started_ms is None else started_ms
    return breakers.after(row, outcome(kind, **told), "codex", SETTINGS, started_ms, at_ms)


def test_three_failures_in_a_row_are_an_outage_with_a_probe_in_five_minutes():
    row = breakers.CLOSED
    for number, kind in enumerate((r.SERVER, r.NETWORK, r.STALLED), 1):
        assert breakers.block(row, NOW_MS) is None
        row = after(row, kind)
        assert row.failures == number
    block = breakers.block(row, NOW_MS)
    assert (block.kind, block.retry_at_ms) == ("outage", NOW_MS + 300_000)
    assert "3 failures in a row, the last STALLED: it failed" in block.reason
    assert "since 2026-11-20T22:00:00.000Z" in block.reason


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_only_a_down_upstream_counts_and_only_an_answer_resets(kind):
    counts = {r.SERVER, r.NETWORK, r.STALLED}
    resets = {None, r.RATE_LIMIT, r.QUOTA}  # the upstream is there
    left = after(Breaker(2), kind).failures
    assert left == (3 if kind in counts else 0 if kind in resets else 2)


@pytest.mark.parametrize("kind", [r.BUDGET, r.INTERRUPTED, r.TIMEOUT, r.CONTEXT_LENGTH, r.EMPTY])
def test_words_of_an_answer_show_that_the_account_works_whatever_ended_it(kind):
    assert after(OUTAGE, kind, tokens=5) == breakers.CLOSED
    assert after(OUTAGE, kind, tools=True) == breakers.CLOSED
    assert after(OUTAGE, kind) == OUTAGE


def test_an_outage_is_probed_once_in_five_minutes_until_a_success_closes_it():
    due = NOW_MS + 300_000
    assert not breakers.probe_is_due(OUTAGE, due - 1)
    assert breakers.probe_is_due(OUTAGE, due)
    assert breakers.block(OUTAGE, due) is None
    claimed = breakers.probed(OUTAGE, SETTINGS, due)
    assert breakers.block(claimed, due).retry_at_ms == due + 300_000
    failed = after(claimed, r.SERVER, at_ms=due + 5000)
    assert (failed.failures, failed.since_ms) == (4, NOW_MS)
    assert failed.retry_at_ms == due + 300_000
    assert not breakers.opened(claimed, failed)
    assert after(failed, at_ms=due + 9000, started_ms=0) == breakers.CLOSED
    assert breakers.recovered(failed, breakers.CLOSED)


@pytest.mark.parametrize(
    ("told", "kind", "until_s"),
    [
        ({"retry_at_ms": NOW_MS + 60_000, "wall": r.CLOCK}, r.CLOCK, 60),
        ({"wait_s": 90, "wall": r.CLOCK}, r.CLOCK, 90),
        ({"wait_s": 86_400, "wall": r.WINDOW}, r.WINDOW, 86_400),
        ({"wall": r.PERSON}, r.PERSON, None),
        ({"wait_s": 90, "wall": r.PERSON}, r.PERSON, None),
        ({}, "unknown", 3600),
        ({"retry_at_ms": NOW_MS - 1}, "unknown", 3600),
        ({"wait_s": 1e300}, "unknown", 3600),
    ],
)
def test_a_quota_is_a_wall_until_its_moment_its_windows_end_a_person_or_an_hourly_look(
    told, kind, until_s
):
    row = after(breakers.CLOSED, r.QUOTA, **told)
    until_ms = None if until_s is None else NOW_MS + until_s * 1000
    assert (row.kind, row.retry_at_ms, row.failures) == (kind, until_ms, 0)
    block = breakers.block(row, NOW_MS)
    assert (block.kind, block.retry_at_ms) == ("limit", until_ms)
    assert "since" in block.reason
    assert breakers.opened(breakers.CLOSED, row)
    if until_ms is not None:
        assert breakers.block(row, until_ms - 1) is not None
        assert breakers.block(row, until_ms) is None
        assert breakers.probe_is_due(row, until_ms) == (kind == "unknown")


def test_a_wall_that_asks_for_a_person_stays_until_a_later_call_succeeds():
    assert breakers.block(PERSON, NOW_MS + 10**12) is not None
    assert after(PERSON, r.SERVER) == PERSON
    assert after(PERSON, r.QUOTA, wait_s=5) == PERSON
    assert after(PERSON, started_ms=NOW_MS - 1, at_ms=NOW_MS + 5) == PERSON
    closed = after(PERSON, started_ms=NOW_MS + 1, at_ms=NOW_MS + 5)
    assert closed == breakers.CLOSED
    assert breakers.recovered(PERSON, closed)


def test_a_rate_limit_with_a_told_wait_is_a_short_wall_that_nobody_is_alerted_of():
    row = after(breakers.CLOSED, r.RATE_LIMIT, wait_s=2)
    assert (row.kind, row.retry_at_ms) == ("rate", NOW_MS + 2000)
    assert not breakers.opened(breakers.CLOSED, row)
    for told in ({}, {"wait_s": 0}, {"wait_s": r.LONGEST_WAIT_S}):
        assert after(Breaker(2), r.RATE_LIMIT, **told) == breakers.CLOSED
        assert after(OUTAGE, r.RATE_LIMIT, **told) == breakers.CLOSED
    assert after(row, r.RATE_LIMIT, wait_s=1) == row


@pytest.mark.parametrize(
    ("row", "told", "kept"),
    [
        (WALL, {"retry_at_ms": NOW_MS + 60_000}, True),  # the longer one that was told
        (WALL, {"retry_at_ms": NOW_MS + 9_999_000}, False),
        (WALL, {"wall": r.PERSON}, False),
        (UNKNOWN, {"retry_at_ms": NOW_MS + 60_000}, False),  # what is told beats what is guessed
        (RATE, {"retry_at_ms": NOW_MS + 1000}, False),
        (PERSON, {"retry_at_ms": NOW_MS + 60_000}, True),
    ],
)
def test_of_two_walls_the_one_that_lasts_longer_stays(row, told, kept):
    assert (after(row, r.QUOTA, **told) == row) == kept
    assert after(row, r.RATE_LIMIT, wait_s=1) == row


def test_a_wall_met_again_by_calls_under_way_is_told_of_once():
    again = after(WALL, r.QUOTA, retry_at_ms=NOW_MS + 9_999_000, at_ms=NOW_MS + 5)
    assert not breakers.opened(WALL, again)
    later = after(WALL, r.QUOTA, retry_at_ms=NOW_MS + 9_999_000, at_ms=NOW_MS + 3_600_001)
    assert breakers.opened(WALL, later)


@pytest.mark.parametrize("row", [OUTAGE, WALL, UNKNOWN, RATE])
def test_what_a_clock_wrote_that_was_ahead_blocks_nobody(row):
    assert breakers.block(row, NOW_MS - 60_001) is None
    assert breakers.block(row, NOW_MS - 60_000) is not None


STEPS = st.lists(
    st.tuples(
        st.sampled_from([None, *KINDS]),
        st.one_of(st.none(), st.floats(0, 1e9)),
        st.sampled_from([None, r.CLOCK, r.WINDOW, r.PERSON]),
        st.integers(0, 400_000),
    ),
    max_size=20,
)


@given(STEPS)
def test_whatever_comes_only_a_person_is_waited_for_without_end(steps):
    row, now_ms = breakers.CLOSED, NOW_MS
    for kind, wait_s, wall, passed_ms in steps:
        now_ms += passed_ms
        row = after(row, kind, at_ms=now_ms, wait_s=wait_s, wall=wall)
        assert row.kind in breakers.KINDS
        if row.kind != r.PERSON:
            assert breakers.block(row, now_ms + 1_000_000_000_001) is None
        if breakers.probe_is_due(row, now_ms):
            claimed = breakers.probed(row, SETTINGS, now_ms)
            assert not breakers.probe_is_due(claimed, now_ms)
            assert breakers.block(claimed, now_ms) is not None
        if kind is None and row.kind is not None:
            assert row.kind != "outage"  # a success always ends one
