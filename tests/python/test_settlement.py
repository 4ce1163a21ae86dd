"""What an attempt is booked at: what was told, else what may have been billed."""

import pytest
import world

from orchestrator import clock
from orchestrator import records as r
from orchestrator.work import settlement
from orchestrator.work.booking import Books

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}
LONG = {**PRICE, "above": [{"input_tokens": 1000, **dict.fromkeys(PRICE, 100.0)}]}
PEAKS = {**PRICE, "hours": [{"from": "01:00", "until": "04:00", **dict.fromkeys(PRICE, 50.0)}]}
RESERVED = r.Turn(1, 5000, 700)
ONE = r.Spent(1, 600, 0, 0, 10)
TWO = r.Spent(2, 1200, 0, 0, 20, parts=(("", ONE), ("", ONE)))
NOW = ("2026-11-20", "09:30")


def booked(
    spent, failure=None, *, known=True, used_tools=False, kind="cli", accepted=False, moment=NOW
):
    config = world.config()._replace(prices={"plain": PRICE, "long": LONG, "peaks": PEAKS})
    transport = next(iter(config.providers.values())).transports[0]._replace(kind=kind)
    route = r.Route("codex", "long", transport, "read", 100)
    told = r.Failure(failure, "it failed") if failure else None
    outcome = r.Outcome("", spent, known, told, used_tools, accepted=accepted)
    return settlement.settled(config, route, outcome, RESERVED, moment)


@pytest.mark.parametrize(
    ("spent", "micro_usd"),
    [
        (ONE, 700),
        (TWO, 1400),  # two short prompts are not one long one
        (TWO._replace(parts=()), 122_000),
        (ONE._replace(parts=(("plain", ONE), ("long", ONE))), 1400),
    ],
)
def test_told_figures_are_priced_request_by_request_and_model_by_model(spent, micro_usd):
    assert booked(spent) == (
        r.Turn(spent.requests, spent.input_tokens + spent.output_tokens, micro_usd),
        "tokens",
    )


@pytest.mark.parametrize("failure", [r.RATE_LIMIT, r.QUOTA, r.AUTH, r.SERVER])
def test_a_refused_request_is_free_and_those_before_it_are_not(failure):
    assert booked(r.Spent(), failure, known=False) == (r.Turn(1, 0, 0), "tokens")
    assert booked(ONE, failure, known=False, used_tools=True) == (r.Turn(1, 610, 700), "tokens")


@pytest.mark.parametrize("failure", [r.SERVER, r.RATE_LIMIT, r.INVALID_INPUT, r.CONTEXT_LENGTH])
def test_a_failure_inside_an_accepted_answer_is_never_free(failure):
    assert booked(r.Spent(), failure, known=False, accepted=True) == (RESERVED, "estimate")
    assert booked(ONE, failure, known=True, accepted=True) == (r.Turn(1, 610, 700), "tokens")


@pytest.mark.parametrize("failure", [r.STALLED, r.NETWORK, r.INTERRUPTED, r.BUDGET])
def test_what_was_cut_off_counts_the_turn_under_way_whole(failure):
    assert booked(r.Spent(), failure, known=False) == (RESERVED, "estimate")
    turns = r.Spent(requests=3)  # what is reserved holds every turn since the last figures
    assert booked(turns, failure, known=False, used_tools=True) == (RESERVED, "estimate")
    used, source = booked(TWO, failure, known=False, used_tools=True)
    assert source == "estimate"
    assert used == r.Turn(3, 5000, 1400 + 600 + 1000)


@pytest.mark.parametrize(
    ("reserved", "micro_usd"),
    [
        ("2026-11-20T00:59:59.999Z", 700),
        ("2026-11-20T01:00:00.000Z", 30_500),
        ("2026-11-20T04:00:00.000Z", 700),
    ],
)
def test_a_price_by_the_hour_is_that_of_the_minute_the_attempt_was_held(reserved, micro_usd):
    books = Books(RESERVED, clock.parse(reserved), "America/New_York")
    assert books.day == "2026-11-19"  # money belongs to the day where the person is
    used, _ = booked(ONE._replace(parts=(("peaks", ONE),)), moment=books.moment)
    assert used.cost_micro_usd == micro_usd
