"""What others saw used: outside use is added to our count, a person's word replaces it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import MICRO, NOW_MS, daily, empty_usage, limit, provider, way

from orchestrator.decide import limits, windows
from orchestrator.records import Seen, Turn
from orchestrator.state import observations, usage

ROW = limit(amount=100)
PAYER = limits.Payer("account", "model", metered=True)
SECOND_MS, MINUTE_MS, HOUR_MS = 1000, 60_000, 3_600_000


def entry(used, own=0, slot=0, at_ms=NOW_MS, resets_at_ms=None):
    return {
        "used": used,
        "own": own,
        "slot": slot,
        "observed_at_ms": at_ms,
        "resets_at_ms": resets_at_ms,
    }


def usage_with(row, *entries, booked=0):
    made = empty_usage()
    made["observations"][row.name] = {f"source {n}": each for n, each in enumerate(entries)}
    if booked:
        made["windows"][row.name] = {windows.slot_of(row, NOW_MS, "UTC"): booked}
    return made


def spent(made, row=ROW, now_ms=NOW_MS):
    return limits.spent(made, row, PAYER, now_ms, "UTC")


@pytest.mark.parametrize(
    ("row", "seen", "booked", "expected"),
    [
        (ROW, entry(70), 0, 70),
        (ROW, entry(70), 5, 75),  # our calls since
        (ROW, entry(70, own=20), 25, 75),  # 20 of ours are among the 70
        (ROW, entry(70, own=20), 10, 60),  # ten of ours have left the window, the 50 have not
        (ROW, entry(10, own=20, slot=20), 20, 10),  # somebody knows better
        (ROW, entry(10, own=20, slot=20), 23, 13),  # and three calls since
        (ROW, entry(70, at_ms=NOW_MS - MINUTE_MS + 1), 5, 75),
        (ROW, entry(70, at_ms=NOW_MS - MINUTE_MS), 5, 5),  # as old as the window: gone
        (ROW, entry(70, at_ms=NOW_MS + MINUTE_MS), 5, 75),
        (ROW, entry(70, at_ms=NOW_MS + 365 * windows.DAY_MS), 5, 5),  # from a clock a year ahead
        (ROW, entry(70, resets_at_ms=NOW_MS + 1), 5, 75),
        (ROW, entry(70, resets_at_ms=NOW_MS), 5, 5),  # the window began anew
        (daily(1), entry(70, at_ms=NOW_MS - 22 * HOUR_MS), 5, 75),  # the day's first moment
        (daily(1), entry(70, at_ms=NOW_MS - 22 * HOUR_MS - 1), 5, 5),  # the last of yesterday
        (daily(1), entry(70, at_ms=NOW_MS + 365 * windows.DAY_MS), 5, 5),
    ],
)
def test_an_observation_counts_while_its_window_lasts(row, seen, booked, expected):
    assert spent(usage_with(row, seen, booked=booked), row) == expected


def test_of_two_sources_the_higher_decides():
    assert spent(usage_with(ROW, entry(30), entry(70), entry(50), booked=1)) == 71


def test_an_observation_blocks_until_it_is_too_old():
    made = provider("x", limits=[ROW])
    seen = usage_with(ROW, entry(99, at_ms=NOW_MS - 10_000))
    block = limits.room(made, seen, PAYER, NOW_MS, "UTC").blocks[0]
    assert block.retry_at_ms == NOW_MS + 50_000
    assert limits.room(made, seen, PAYER, block.retry_at_ms, "UTC").blocks == ()


def test_a_row_is_free_when_the_sources_that_fill_it_have_ended_whatever_the_others_say():
    made = provider("x", limits=[ROW])
    seen = usage_with(ROW, entry(99, at_ms=NOW_MS - 50_000), entry(10))
    block = limits.room(made, seen, PAYER, NOW_MS, "UTC").blocks[0]
    assert block.retry_at_ms == NOW_MS + 10_000


def test_a_turn_that_outside_use_leaves_no_room_for_waits_until_that_is_over():
    made = provider("x", limits=[ROW._replace(block_at_percent=100.0)])
    seen = usage_with(ROW, entry(95, at_ms=NOW_MS - 10_000))
    turn = Turn(10, 0, 0)
    block = limits.admit(made, seen, turn, PAYER, NOW_MS, "UTC", start=True)
    assert block.retry_at_ms == NOW_MS + 50_000


def test_observed_money_blocks_until_midnight():
    made = provider("x", limits=[daily(1)])
    block = limits.room(made, usage_with(daily(1), entry(MICRO)), PAYER, NOW_MS, "UTC").blocks[0]
    assert limits.told_retry(block) == " until 2026-11-21T00:00:00.000Z"


def noted(document, *seen, rows=(ROW,), now_ms=NOW_MS, ways=()):
    return observations.noted(document, provider("x", *ways, limits=rows), seen, now_ms, "UTC")


def seen(used, of=None, source="headers", metric="requests", at_ms=NOW_MS, **more):
    fields = {"window_s": None, "period": None, "account": None, **more}
    return Seen(metric, used=used, of=of, source=source, observed_at_ms=at_ms, **fields)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (seen(72), 72),
        (seen(72, of=100), 72),
        (seen(36, of=50), 72),  # of a limit of their own
        (seen(1, of=3), 34),  # rather too much than too little
        (seen(500, of=0), 50_000),
        (seen(72, window_s=60), 72),
        (seen(72, window_s=3600), 0),  # no row of ours is that long
        (seen(72, metric="tokens"), 0),
        (seen(-3), 0),
    ],
)
def test_a_figure_is_noted_at_the_rows_it_is_about(told, expected):
    assert spent(noted(empty_usage(), told)) == expected


def test_a_figure_of_no_window_is_about_every_row_of_its_metric():
    rows = (ROW, limit(window_s=3600, amount=1000), limit("tokens"))
    found = noted(empty_usage(), seen(50, of=100), rows=rows)
    assert [spent(found, row) for row in rows] == [50, 500, 0]


def test_the_newest_figure_of_a_source_stands():
    older, newer = seen(80, at_ms=NOW_MS - 2000), seen(40, at_ms=NOW_MS - 1000)
    assert spent(noted(empty_usage(), newer, older)) == 40
    assert spent(noted(noted(empty_usage(), older), newer)) == 40


def test_a_source_never_says_that_we_used_less_than_we_know():
    booked = usage_with(ROW, booked=30)
    assert spent(noted(booked, seen(10))) == 30
    assert spent(noted(booked, seen(10, source=observations.PERSON))) == 10


def test_calls_that_run_are_not_counted_twice():
    """A figure from outside may hold them already; they are booked when they settle."""
    held = {"account": "account", "model": "model", "metered": True, "at_ms": NOW_MS}
    made = usage_with(ROW, booked=10) | {
        "reservations": {"a": {**held, "requests": 1, "tokens": 0, "cost_micro_usd": 0}}
    }
    found = noted(made, seen(11))
    assert spent(found) + limits.reserved(found, ROW, PAYER) == 11


def test_a_figure_of_an_account_is_noted_at_that_account_alone():
    row = limit("percent", 18_000, amount=100, scope="account")
    ways = (way("plan"), way("key", kind="api"))
    found = noted(empty_usage(), seen(97, metric="percent", account="plan"), rows=[row], ways=ways)
    made = provider("x", *ways, limits=[row])
    blocked, free = (
        limits.room(made, found, limits.Payer(name, "m", metered=False), NOW_MS, "UTC").blocks
        for name in ("plan", "key")
    )
    assert blocked[0].reason == "the plan's 5-hour window >= 80%"
    assert free == ()


def test_a_figure_of_a_model_is_noted_at_the_row_of_that_model_alone():
    mine = limit("percent", 18_000, amount=100, scope="model")
    rows = [mine, mine._replace(scope="provider")]
    told = seen(97, metric="percent", model="m")
    assert set(noted(empty_usage(), told, rows=rows)["observations"]) == {f"{mine.name}#m"}
    told = seen(97, metric="percent")
    assert set(noted(empty_usage(), told, rows=rows)["observations"]) == {mine.name}


def test_our_calls_take_nothing_of_a_window_that_only_percent_are_told_of():
    row = limit("percent", 18_000, amount=100)
    made = provider("x", limits=[row])
    booked = usage.booked(
        empty_usage(), made, Turn(1, 9, 9), PAYER, NOW_MS, "2026-11-20", NOW_MS, "UTC"
    )
    assert spent(booked, row) == 0


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 5)), max_size=60),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_what_others_used_is_never_undercounted_while_it_is_in_the_window(calls, when, outside):
    """Replay our calls and one figure that is right; what we say is never below what is true."""
    document, now_ms, ours, at_ms = empty_usage(), NOW_MS, [], None
    made = provider("x", limits=[ROW])
    for number, (wait_ms, amount) in enumerate(calls):
        now_ms += wait_ms
        turn = Turn(amount, 0, 0)
        document = usage.booked(document, made, turn, PAYER, now_ms, "2026-11-20", now_ms, "UTC")
        ours.append((now_ms, amount))
        if number == when:
            true = sum(a for at, a in ours if at > now_ms - MINUTE_MS) + outside
            document, at_ms = noted(document, seen(true, at_ms=now_ms), now_ms=now_ms), now_ms
        true = sum(a for at, a in ours if at > now_ms - MINUTE_MS)
        if at_ms is not None and now_ms < at_ms + MINUTE_MS:
            true += outside
        assert spent(document, now_ms=now_ms) >= true


def test_a_figure_from_a_clock_that_was_ahead_keeps_no_newer_one_out():
    row = daily(1)
    made = provider("x", limits=[row])
    ahead = usage_with(row)
    ahead["observations"][row.name] = {"bill": entry(5, at_ms=NOW_MS + 365 * windows.DAY_MS)}
    seen = Seen("cost_usd", None, "day", None, 900_000, None, "bill", NOW_MS)
    known = observations.noted(ahead, made, [seen], NOW_MS, "UTC")
    assert spent(known, row) == 900_000
