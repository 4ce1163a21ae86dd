"""A wall clock that is set reopens no window and blocks nothing for good: what passed counts."""

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS, daily, limit

from orchestrator import clock
from orchestrator.decide import limits, windows
from orchestrator.records import Seen, Turn
from orchestrator.state import files, observations, usage

SECOND_MS, MINUTE_MS, HOUR_MS, YEAR_MS = 1000, 60_000, 3_600_000, 365 * 86_400_000
ROW = limit(amount=100)
MADE = world.provider("codex", limits=[ROW, limit("tokens", 3600, amount=10_000), daily(1)])
PAYER = limits.Payer("account", "model", metered=True)


class Machine:
    """A machine whose wall clock can be set; time passes on both clocks alike."""

    def __init__(self, monkeypatch, folder):
        self.folder, self.wall_ms, self.passed_ms, self.boot = str(folder), NOW_MS, 5000, "boot 1"
        monkeypatch.setattr(clock, "elapsed", lambda: (self.boot, self.passed_ms))

    def wait(self, ms):
        self.wall_ms, self.passed_ms = self.wall_ms + ms, self.passed_ms + ms

    def restart(self, ms):
        self.wall_ms, self.passed_ms, self.boot = self.wall_ms + ms, 100, self.boot + "'"

    def load(self):
        return usage.load(self.folder, MADE, self.wall_ms)

    def call(self, count=1):
        day = windows.day_of(self.wall_ms, "UTC")
        turn = Turn(count, count, count)
        grown = usage.booked(self.load(), MADE, turn, PAYER, self.wall_ms, day, self.wall_ms, "UTC")
        self.save(grown)

    def save(self, document):
        path = usage.path_of(self.folder, "codex")
        files.replace(path, usage.mirrored(document, MADE, self.wall_ms, "UTC"), fsync=False)

    def used(self, row=ROW):
        return limits.spent(self.load(), row, PAYER, self.wall_ms, "UTC")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    return Machine(monkeypatch, tmp_path)


@pytest.mark.parametrize("set_by_ms", [-YEAR_MS, -HOUR_MS, -MINUTE_MS, MINUTE_MS, HOUR_MS, YEAR_MS])
def test_a_clock_that_is_set_reopens_no_window_and_closes_none(machine, set_by_ms):
    machine.call(80)
    machine.wait(30 * SECOND_MS)
    machine.wall_ms += set_by_ms
    assert machine.used() == 80
    machine.call(20)
    machine.wait(29 * SECOND_MS)
    assert machine.used() == 100
    machine.wait(4 * SECOND_MS)
    assert machine.used() == 20
    machine.wait(MINUTE_MS)
    assert machine.used() == 0


def test_a_year_ahead_and_back_counts_what_was_called_before_between_and_after(machine):
    machine.call(30)
    machine.wall_ms += YEAR_MS
    machine.call(30)
    machine.wall_ms -= YEAR_MS
    machine.call(30)
    assert machine.used() == 90
    machine.wait(MINUTE_MS + 3 * SECOND_MS)
    assert machine.used() == 0


def test_money_stays_with_its_day_over_a_year_ahead_and_back(machine):
    machine.call(5)
    machine.wall_ms += YEAR_MS
    assert machine.used(daily(1)) == 0  # another day, by its name
    machine.call(7)
    machine.wall_ms -= YEAR_MS
    assert machine.used(daily(1)) == 5


def test_a_clock_that_went_back_over_a_restart_is_mended_too(machine):
    machine.call(80)
    machine.restart(-HOUR_MS)
    assert machine.used() == 80
    machine.wait(MINUTE_MS + 3 * SECOND_MS)
    assert machine.used() == 0


def test_a_restart_that_took_its_time_leaves_windows_as_they_are(machine):
    machine.call(80)
    machine.restart(30 * SECOND_MS)
    assert machine.used() == 80
    machine.restart(40 * SECOND_MS)
    assert machine.used() == 0


def test_two_machines_that_share_the_folder_empty_no_window_of_each_other(machine):
    """Each was started at a time of its own, and their clocks are not quite the same."""
    for number in range(10):
        machine.boot, machine.passed_ms = f"boot {number % 2}", (1 + number % 2) * YEAR_MS
        machine.wall_ms += 900 if number % 2 else -800
        assert machine.used() == 10 * number
        machine.call(10)


def test_a_clock_that_is_slewed_is_no_clock_that_was_set(machine):
    machine.call(80)
    machine.wait(30 * SECOND_MS)
    before = machine.load()["windows"]
    machine.wall_ms += 300
    assert machine.load()["windows"] == before


def test_what_others_saw_moves_along(machine):
    seen = Seen("requests", 60, None, None, 70, None, "headers", machine.wall_ms)
    machine.save(observations.noted(machine.load(), MADE, [seen], machine.wall_ms, "UTC"))
    machine.wall_ms += HOUR_MS
    assert machine.used() == 70
    machine.wait(MINUTE_MS)
    assert machine.used() == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20_000),
            st.sampled_from([0, 0, 0, -HOUR_MS, HOUR_MS, YEAR_MS, -YEAR_MS, -90_000, 90_000]),
            st.integers(1, 40),
        ),
        max_size=25,
    )
)
def test_no_minute_of_real_time_holds_more_than_the_limit_whatever_the_clock_says(
    tmp_path_factory, calls
):
    with pytest.MonkeyPatch.context() as monkeypatch:
        machine = Machine(monkeypatch, tmp_path_factory.mktemp("a machine"))
        taken = []
        for wait_ms, set_by_ms, amount in calls:
            machine.wait(wait_ms)
            machine.wall_ms += set_by_ms
            if machine.used() + amount <= ROW.limit:
                machine.call(amount)
                taken.append((machine.passed_ms, amount))
        for start, _ in taken:
            held = sum(a for at, a in taken if start <= at < start + MINUTE_MS)
            assert held <= ROW.limit
        machine.wait(MINUTE_MS + 30 * SECOND_MS)
        assert machine.used() == 0


def test_this_machine_has_a_clock_nobody_can_set():
    boot, passed_ms = clock.elapsed()
    assert len(boot) == 36
    assert passed_ms <= clock.elapsed()[1]
