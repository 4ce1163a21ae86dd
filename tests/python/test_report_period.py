"""Which days a report is about."""

import pytest
from world import NOW_MS

from orchestrator.errors import UsageError
from orchestrator.insight import report_period as p


def days(period):
    return period.since, period.until


@pytest.mark.parametrize(
    ("count", "since"), [(1, "2026-11-20"), (7, "2026-11-14"), (30, "2026-10-22")]
)
def test_the_last_days_end_with_today(count, since):
    period = p.last_days(count, NOW_MS, "UTC")
    assert (*days(period), period.days) == (since, "2026-11-20", count)


def test_this_month_begins_with_the_first():
    assert days(p.this_month(NOW_MS, "UTC")) == ("2026-11-01", "2026-11-20")


NAMED = [
    ("2026-11-01", "2026-11-10", ("2026-11-01", "2026-11-10")),
    ("7 days ago", None, ("2026-11-13", "2026-11-20")),
    ("1 day ago", "today", ("2026-11-19", "2026-11-20")),
    ("Yesterday", "yesterday", ("2026-11-19", "2026-11-19")),
    (None, "2026-11-10", ("2026-11-04", "2026-11-10")),
]


@pytest.mark.parametrize(("since", "until", "expected"), NAMED)
def test_days_are_named_by_date_or_by_how_long_ago(since, until, expected):
    assert days(p.between(since, until, 7, NOW_MS, "UTC")) == expected


@pytest.mark.parametrize(
    "wrong",
    ["", "7 days", "-3 days ago", "99999 days ago", "2026-13-01", "20th", "2026-11-20 10:00"],
)
def test_what_is_no_day_is_named(wrong):
    with pytest.raises(UsageError, match="--since is"):
        p.between(wrong, None, 7, NOW_MS, "UTC")


def test_days_in_the_wrong_order_are_refused():
    with pytest.raises(UsageError, match="--since 2026-11-20 is after --until 2026-11-19"):
        p.between("today", "yesterday", 7, NOW_MS, "UTC")


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", 24), ("Europe/Berlin", 25), ("Pacific/Kiritimati", 24), ("Pacific/Pago_Pago", 24)],
)
def test_a_day_is_a_day_of_the_zone_however_long_it_is(zone, hours):
    start, end = p.bounds_ms(p.Period("2026-10-25", "2026-10-25", ""), zone)  # clocks go back
    assert end - start == hours * 3_600_000
