"""Wall clocks that jump, days that are short or long: every window resets once, no spend is lost.

The wall clock is libfaketime's; the machine's elapsed time stays real, as it does when somebody
sets a clock.
"""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import faking
import pytest
from support import finished, wait

pytestmark = pytest.mark.skipif(
    not faking.LIBRARIES, reason="faketime is missing; apt-get install faketime"
)

DAY = {"metric": "cost_usd", "period": "day", "limit": 2, "block_at_percent": 100}
MONTH = {"metric": "cost_usd", "period": "month", "limit": 2, "block_at_percent": 100}
WINDOW_S = 2
RATE = {"metric": "requests", "window_s": WINDOW_S, "limit": 3, "block_at_percent": 100}
NOON = "2026-11-20T12:00:00"
JUMPS = {
    "an hour back": [timedelta(hours=-1)],
    "an hour forward": [timedelta(hours=1)],
    "a year forward and back": [timedelta(days=365), timedelta(0)],
    "a year back": [timedelta(days=-365)],
    "back and forth": [timedelta(hours=-1), timedelta(days=365), timedelta(hours=-2), timedelta(0)],
}


@pytest.fixture
def wall(place):
    return faking.WallClock(place.folder)


@pytest.fixture
def books(place, wall):
    """Open books with the given rows in a zone."""
    opened = []

    def made(*rows, zone="UTC"):
        place.provider("codex", limits=list(rows))
        place.lay({"budgets": {"limits_usd": {"day": 10_000, "month": 10_000}}})
        place.settings(zone=zone)
        opened.append(faking.Books(place, wall))
        return opened[-1]

    yield made
    for each in opened:
        each.end()


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
def test_row_15_a_wall_clock_that_jumps_neither_reopens_nor_blocks_a_sliding_window(
    wall, books, jumps
):
    open_books, noon = books(RATE), datetime.fromisoformat(NOON).replace(tzinfo=UTC)
    wall.set(noon)
    granted = []
    for jump in (timedelta(0), *jumps, jumps[-1]):
        wall.set(noon + jump)
        granted += [time.monotonic() for _ in range(5) if open_books.turn() is None]
    assert len(granted) >= 3

    def all_again():
        while open_books.turn() is None:
            granted.append(time.monotonic())
        return len(granted) >= 9

    assert wait(all_again, 6 * WINDOW_S), f"{len(granted)} turns, then blocked"
    # Each turn was granted before its moment was taken, and the fourth after it a window later.
    spans = [later - sooner for sooner, later in zip(granted, granted[3:], strict=False)]
    assert min(spans) >= WINDOW_S - 0.1, spans


@pytest.mark.parametrize("jump", [timedelta(hours=-13), timedelta(days=365), timedelta(days=-365)])
def test_row_15_another_day_has_its_own_budget_and_the_first_one_stays_used(wall, books, jump):
    open_books, noon = books(DAY), datetime.fromisoformat(NOON).replace(tzinfo=UTC)
    for moment in (noon, noon + jump, noon, noon + jump):
        wall.set(moment)
        while open_books.turn() is None:
            assert open_books.count < 20
    days = {noon.date().isoformat(): 2_000_000, (noon + jump).date().isoformat(): 2_000_000}
    assert open_books.booked("cost_usd/day") == days


def test_row_15_what_is_reserved_before_a_jump_is_settled_on_its_own_day(wall, books):
    open_books = books(DAY, RATE)
    wall.set(NOON)
    assert open_books.ask("reserve", "held") is None
    wall.set("2025-11-20T12:00:00")
    open_books.ask("settle", "held")
    open_books.ask("settle", "held")
    assert open_books.booked("cost_usd/day") == {"2026-11-20": 1_000_000}
    assert sum(open_books.booked("requests/2s").values()) == 1


@pytest.mark.parametrize("jump_s", [-3600, 365 * 86_400])
def test_row_15_a_jump_between_two_starts_reopens_no_window(place, wall, simulator, jump_s):
    place.provider("codex", limits=[{**RATE, "window_s": 60, "limit": 1}])
    wall.set(NOON)
    assert _start(place, wall).code == 0
    wall.set(datetime.fromisoformat(NOON).replace(tzinfo=UTC) + timedelta(seconds=jump_s))
    refused = _start(place, wall)
    assert refused.code == 3, refused
    wall.set(NOON)
    assert _start(place, wall).code == 3
    assert len(simulator.requests("codex")) == 1


def test_row_16_a_call_over_midnight_belongs_to_the_day_it_began(place, wall, simulator):
    simulator.play("codex", output_tokens=2000, latency_ms=3000)
    wall.set("2026-11-20T23:59:58")
    over = _start(place, wall)
    assert over.code == 0, over
    assert over.metrics["start_time"] < "2026-11-21" < over.metrics["end_time"]
    simulator.play("codex", latency_ms=0)
    assert _start(place, wall).code == 0
    lines = place.usage_lines()
    assert [line["booked_day"] for line in lines] == ["2026-11-20", "2026-11-21"]
    days = place.usage("codex")["windows"]["cost_usd/day"]
    assert days == {line["booked_day"]: round(line["cost_usd"] * 1e6) for line in lines}
    assert sum(days.values()) == pytest.approx(simulator.bill_usd() * 1e6, abs=2)
    assert place.usage("codex")["cost_today"] * 1e6 == days["2026-11-21"]


SPANS = {
    "row_17 spring": ("Europe/Berlin", "2027-03-27T00:10:00", 72, DAY),
    "row_17 autumn": ("Europe/Berlin", "2026-10-24T00:10:00", 72, DAY),
    "row_18 leap day": ("UTC", "2028-02-28T00:10:00", 72, DAY),
    "row_18 the month of a leap day": ("Europe/Berlin", "2028-01-30T23:10:00", 24 * 33, MONTH),
    "row_19 year end": ("Europe/Berlin", "2026-12-30T20:10:00", 72, DAY),
    "row_19 the month at year end": ("UTC", "2026-12-30T20:10:00", 72, MONTH),
}


@pytest.mark.parametrize(("zone", "first", "hours", "row"), SPANS.values(), ids=SPANS)
def test_rows_17_to_19_each_day_and_month_begins_once(wall, books, zone, first, hours, row):
    open_books, granted, told = books(row, zone=zone), {}, {}
    moment = datetime.fromisoformat(first).replace(tzinfo=UTC)
    local = ZoneInfo(zone)
    for step in range(hours if row is DAY else hours // 6):
        at = moment + timedelta(hours=step if row is DAY else step * 6)
        wall.set(at)
        slot = at.astimezone(local).strftime("%Y-%m-%d" if row is DAY else "%Y-%m")
        for _ in range(3):
            until = open_books.turn()
            if until is None:
                granted[slot] = granted.get(slot, 0) + 1
            else:
                told.setdefault(slot, set()).add(until)
    assert set(granted.values()) == {2}
    assert len(granted) >= 2
    key = f"cost_usd/{row['period']}"
    assert open_books.booked(key) == dict.fromkeys(granted, 2_000_000)
    assert told == {slot: {_end(slot, local)} for slot in granted}


def test_row_20_64_writers_at_the_reset_instant_share_one_new_day(wall, books):
    open_books = books({**DAY, "limit": 40})
    wall.set("2026-11-20T23:00:00")
    while open_books.turn() is None:
        assert open_books.count <= 41
    wall.set("2026-11-20T23:59:58")
    storm = open_books.ask("storm", 64, 5)
    assert storm["failed"] == 0
    assert len(storm["granted"]) == 40
    days = {"2026-11-20": 40_000_000, "2026-11-21": 40_000_000}
    assert open_books.booked("cost_usd/day") == days
    assert open_books.place.usage("codex")["reservations"] == {}


def _start(place, wall):
    """Run ./orchestrate.sh under that clock, over codex's API."""
    words = ("--yes", "--json", "--provider", "codex", "--transport", "api", str(place.repo))
    return finished(place.start(*words, "Fix the loader", environment=wall.environment))


def _end(slot, local):
    """Tell when a day or month is over, in epoch milliseconds, by the calendar alone."""
    year, month, day = (*map(int, slot.split("-")), 0)[:3]
    if day:
        following = datetime(year, month, day) + timedelta(days=1)  # noqa: DTZ001 a wall time
    else:
        following = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 the same
    return round(following.replace(tzinfo=local).timestamp() * 1000)
