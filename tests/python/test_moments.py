"""When a limit ends, in the words of the providers' clients and APIs."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.providers import moments

NOW_MS = int(datetime(2026, 11, 20, 22, 0, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def berlin(monkeypatch):
    """The machine's own zone; there it is 23:00:30 on a Friday."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(message):
    at_ms = moments.told_ms(message, NOW_MS)
    return at_ms and f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("message", "moment"),
    [
        ("You've hit your weekly limit · resets 12am (UTC)", "2026-11-21 00:00:00"),
        ("You've hit your session limit · resets 8:30pm (Asia/Tokyo)", "2026-11-21 11:30:00"),
        ("You've hit your session limit · resets 3:45pm", "2026-11-21 14:45:00"),
        ("You've hit your weekly limit · resets Mon 12:00am", "2026-11-22 23:00:00"),
        ("You've hit your weekly limit · resets Monday", "2026-11-22 23:00:00"),
        ("You've hit your weekly limit · resets Fri 1:00am", "2026-11-27 00:00:00"),
        ("x · resets Nov 26, 1pm (Europe/Berlin)", "2026-11-26 12:00:00"),
        ("x · resets Nov 26 at 1pm (Europe/Berlin)", "2026-11-26 12:00:00"),
        ("x · resets Jan 2, 9am", "2027-01-02 08:00:00"),
        ("x · resets Nov 29", "2026-11-28 23:00:00"),
        ("Claude AI usage limit reached|1795255806", "2026-11-21 10:10:06"),
        ("Switch to another model now, or try again at 3:50 AM.", "2026-11-21 02:50:00"),
        ("Try again at 11:30 PM.", "2026-11-20 22:30:00"),
        ("or try again at Nov 24th, 2026 3:50 AM.", "2026-11-24 02:50:00"),
        ("or try again at Dec 1st, 2026 12:05 AM.", "2026-11-30 23:05:00"),
        ("or try again in 3 days 2 hours 5 minutes.", "2026-11-24 00:05:30"),
        ("try again in 2 hours", "2026-11-21 00:00:30"),
        ("Your quota will reset after 18h7m24s.", "2026-11-21 16:07:54"),
        ("Your quota will reset after 39s.", "2026-11-20 22:01:09"),
        ("Please retry in 38.4s.", "2026-11-20 22:01:08"),
        ("Please retry in 2500ms.", "2026-11-20 22:00:32"),
    ],
)
def test_a_moment_is_read_in_its_zone_or_the_machines_own(message, moment):
    assert read(message) == moment


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    "message",
    [
        "",
        "Try again later.",
        "try again at",
        "resets soon",
        "it resets the counter",
        "resets 25pm",
        "resets 0am",
        "resets 3pm (Mars/Moon)",
        "resets 3pm (../../etc/passwd)",
        "resets Feb 30, 1pm",
        "resets Foo 3, 1pm",
        "x · resets Nov 19, 1pm",
        "try again at Nov 19th, 2026 3:50 AM",
        "try again at Nov 24th, 2099 3:50 AM",
        "try again at Nov 24th, 0000 3:50 AM",
        "try again in 99999999999999999999 days",
        "try again in 0 seconds",
        "reset after",
        "limit reached|1111111111",
    ],
)
def test_what_is_none_or_past_or_too_far_away_is_no_moment(message):
    assert read(message) is None


@pytest.mark.parametrize(
    ("message", "moment"),
    [
        ("resets 10pm (UTC)", "2026-11-20 22:02:00"),
        ("resets Nov 20, 10pm (UTC)", "2026-11-20 22:02:00"),
        ("resets 9:57pm (UTC)", "2026-11-21 21:57:00"),
    ],
)
def test_the_minute_that_has_begun_was_rounded_down_and_is_not_tomorrow(message, moment):
    assert read(message) == moment


@given(st.text(max_size=200))
def test_no_text_fails_and_every_moment_is_ahead(text):
    for lead in ("resets ", "try again at ", "try again in ", "reset after "):
        at_ms = moments.told_ms(lead + text, NOW_MS)
        assert at_ms is None or NOW_MS < at_ms <= NOW_MS + 367 * 86_400_000


@given(st.integers(0, 9), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_a_wait_is_the_sum_of_its_parts(days, hours, minutes, seconds):
    total_s = ((days * 24 + hours) * 60 + minutes) * 60
    assert moments.wait_s(f"again in {days} days {hours} hours {minutes} minutes.") == total_s
    assert moments.wait_s(f"reset after {hours}h{minutes}m{seconds}s") == (
        (hours * 60 + minutes) * 60 + seconds
    )
