"""The books: nothing is reserved over a limit, nothing is settled twice, nothing is lost."""

import pytest
import world
from world import daily, limit

from orchestrator.decide import limits, windows
from orchestrator.errors import NoRoomError
from orchestrator.records import Turn
from orchestrator.state import files, usage
from orchestrator.state.ledger import Ledger

PAYER = limits.Payer("account", "model", metered=True)
TURN = Turn(1, 100, 30_000)
PROCESSES = 8


def books(folder, *rows):
    made = world.provider("codex", limits=rows or [daily(0.5)])
    return Ledger(str(folder), world.config(made))


def read(ledger):
    made = ledger.config.providers["codex"]
    return usage.load(ledger.folder, made, 0)


def spent_and_reserved(ledger):
    """Sum money over the file alone, so that nothing of the code under test is trusted."""
    document = files.read_json(usage.path_of(ledger.folder, "codex")) or usage.empty("codex", 0)
    spent = sum(document["windows"].get("cost_usd/day", {}).values())
    return spent + sum(held["cost_micro_usd"] for held in document["reservations"].values())


def test_a_reservation_holds_room_until_it_is_settled(tmp_path):
    ledger = books(tmp_path, daily(0.05))
    ledger.reserve("a", "codex", TURN, PAYER)
    with pytest.raises(NoRoomError, match=r"codex: .* \(calls that run hold it\) until 20"):
        ledger.reserve("b", "codex", TURN, PAYER)
    ledger.settle("a", "codex", Turn(1, 10, 5000))
    ledger.reserve("b", "codex", TURN, PAYER)
    assert spent_and_reserved(ledger) == 35_000


def test_what_is_refused_changes_nothing(tmp_path):
    ledger = books(tmp_path, daily(0.01))
    ledger.reserve("a", "codex", Turn(1, 1, 10), PAYER)
    before = read(ledger)
    with pytest.raises(NoRoomError) as refused:
        ledger.reserve("b", "codex", TURN, PAYER)
    assert refused.value.retry_at_ms is None  # the limit is smaller than one turn
    assert read(ledger) == before


def test_settling_twice_is_harmless(tmp_path):
    ledger = books(tmp_path)
    ledger.reserve("a", "codex", TURN, PAYER)
    first = ledger.settle("a", "codex", Turn(1, 10, 5000))
    before = read(ledger)
    assert first["cost_micro_usd"] == 5000
    assert ledger.settle("a", "codex", Turn(1, 10, 5000)) is None
    assert ledger.settle("never", "codex", TURN) is None
    assert read(ledger)["windows"] == before["windows"]
    assert read(ledger)["reservations"] == {}


def test_what_is_held_can_be_looked_up_until_it_is_settled(tmp_path):
    ledger = books(tmp_path)
    assert ledger.held("a", "codex") is None
    ledger.reserve("a", "codex", TURN, PAYER)
    held = ledger.held("a", "codex")
    assert Turn(held["requests"], held["tokens"], held["cost_micro_usd"]) == TURN
    assert spent_and_reserved(ledger) == 30_000
    ledger.settle("a", "codex", TURN)
    assert ledger.held("a", "codex") is None


def test_a_call_that_took_more_than_was_held_is_booked_in_full(tmp_path):
    ledger = books(tmp_path, daily(0.05))
    ledger.reserve("a", "codex", TURN, PAYER)
    ledger.settle("a", "codex", Turn(5, 10, 90_000))
    assert spent_and_reserved(ledger) == 90_000
    with pytest.raises(NoRoomError, match="daily budget used >= 100%"):
        ledger.reserve("b", "codex", Turn(1, 1, 1), PAYER)


def test_a_running_call_books_its_turns_and_holds_room_for_the_next(tmp_path):
    ledger = books(tmp_path, daily(0.08), limit("tokens", amount=1000))
    ledger.reserve("a", "codex", TURN, PAYER)
    assert ledger.renew("a", "codex", Turn(1, 90, 20_000), TURN) is None
    assert spent_and_reserved(ledger) == 50_000
    assert ledger.renew("a", "codex", Turn(2, 180, 50_000), TURN) is None
    assert spent_and_reserved(ledger) == 80_000
    block = ledger.renew("a", "codex", Turn(3, 270, 75_000), TURN)
    assert "no room for this turn" in block.reason
    assert spent_and_reserved(ledger) == 75_000  # what it used stays booked, nothing is held
    ledger.settle("a", "codex", Turn(3, 275, 76_000))
    assert spent_and_reserved(ledger) == 76_000
    assert sum(read(ledger)["windows"]["tokens/60s"].values()) == 275


def test_a_call_without_a_reservation_gets_no_further_turn(tmp_path):
    assert books(tmp_path).renew("a", "codex", TURN, TURN).reason == "its reservation is gone"


def test_a_running_call_may_pass_the_gate_but_not_the_limit(tmp_path):
    ledger = books(tmp_path, limit("requests", amount=10, block=50))
    ledger.reserve("a", "codex", Turn(1, 0, 0), PAYER)
    assert ledger.renew("a", "codex", Turn(8, 0, 0), Turn(2, 0, 0)) is None
    assert ledger.renew("a", "codex", Turn(9, 0, 0), Turn(2, 0, 0)) is not None


def test_a_forced_call_goes_over_the_limit_from_its_first_turn_to_its_last(tmp_path):
    ledger = books(tmp_path, daily(0.01))
    ledger.reserve("a", "codex", TURN, PAYER, force=True)
    assert ledger.renew("a", "codex", TURN, TURN) is None
    assert spent_and_reserved(ledger) == 60_000


def test_a_reservation_remembers_what_its_turns_have_booked(tmp_path):
    ledger = books(tmp_path)
    ledger.reserve("a", "codex", TURN, PAYER)
    ledger.renew("a", "codex", Turn(1, 90, 20_000), TURN)
    ledger.renew("a", "codex", Turn(3, 100, 25_000), TURN)
    ledger.renew("a", "codex", Turn(3, 100, 25_000), TURN)  # told twice, booked once
    assert Turn(*ledger.held("a", "codex")["done"]) == Turn(3, 100, 25_000)


def test_a_subscription_call_takes_no_money(tmp_path):
    ledger = books(tmp_path, daily(0.01), limit("tokens", amount=1000))
    plan = limits.Payer("plan", "model", metered=False)
    ledger.reserve("a", "codex", TURN, plan)
    ledger.settle("a", "codex", TURN)
    assert "cost_usd/day" not in read(ledger)["windows"]
    assert sum(read(ledger)["windows"]["tokens/60s"].values()) == 100


def test_money_belongs_to_the_day_of_its_reservation(tmp_path, monkeypatch):
    moment = [world.NOW_MS]
    monkeypatch.setattr("orchestrator.clock.now_ms", lambda: moment[0])
    ledger = books(tmp_path)
    ledger.reserve("a", "codex", TURN, PAYER)
    moment[0] += windows.DAY_MS
    held = ledger.settle("a", "codex", TURN)
    assert held["booked_day"] == world.DAY
    assert read(ledger)["windows"]["cost_usd/day"] == {world.DAY: 30_000}


def test_a_call_that_goes_on_past_midnight_stays_within_the_day_it_is_booked_on(
    tmp_path, monkeypatch
):
    moment = [world.NOW_MS]
    monkeypatch.setattr("orchestrator.clock.now_ms", lambda: moment[0])
    ledger = books(tmp_path, daily(0.08))
    ledger.reserve("a", "codex", TURN, PAYER)
    moment[0] += windows.DAY_MS
    assert ledger.renew("a", "codex", Turn(1, 90, 30_000), TURN) is None
    block = ledger.renew("a", "codex", Turn(2, 180, 60_000), TURN)
    assert "no room for this turn" in block.reason
    assert block.retry_at_ms <= moment[0]  # the new day has room
    ledger.reserve("b", "codex", TURN, PAYER)
