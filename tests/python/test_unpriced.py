"""What nobody has priced is told as unpriced, wherever money is told: never as zero."""

import json

import pytest
import world
from killing import House, Killed, killed_at, upstream

from orchestrator import records as r
from orchestrator.commands import run as run_command
from orchestrator.commands import summary
from orchestrator.commands.recommendation import dollars
from orchestrator.state import journal, repair
from orchestrator.work import metrics, settlement

NOW = ("2026-11-20", "09:30")
NOTHING_HELD = r.Turn(1, 5000, 0)  # what is held for a turn without a price
ONE = r.Spent(1, 600, 0, 0, 10)
TOLD = ONE._replace(cost_usd=0.0123)


def booked(spent, *, billing="metered", failure=None, known=True, kind="cli", prices=None):
    config = world.config()._replace(prices=prices or {})
    transport = world.way("codex", kind, billing)
    route = r.Route("codex", "new-model", transport, "read", 100)
    told = r.Failure(failure, "it failed") if failure else None
    outcome = r.Outcome("", spent, known, told, used_tools=False)
    used, source = settlement.settled(config, route, outcome, NOTHING_HELD, NOW)
    assert used.requests >= 1
    assert source in ("tokens", "unpriced") or used.cost_micro_usd  # no zero that is a guess
    return settlement.money_facts(billing, used, source, NOTHING_HELD, "made-up 1", NOW[0])


CALLS = {
    "told in tokens": {"spent": ONE},
    "cut off after some turns": {"spent": ONE, "known": False, "failure": r.STALLED},
    "cut off before any": {"spent": r.Spent(), "known": False, "failure": r.NETWORK},
    "an answer cut off": {"spent": ONE, "known": False, "failure": r.NETWORK, "kind": "api"},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("billing", "usd", "notional", "source"),
    [
        ("metered", None, 0.0, "unpriced"),
        ("subscription", 0.0, None, "unpriced"),
        ("free", 0.0, 0.0, None),
    ],
)
def test_a_call_without_a_price_is_null_where_it_would_count(call, billing, usd, notional, source):
    facts = booked(**CALLS[call], billing=billing) if billing != "free" else free(**CALLS[call])
    assert (facts["cost_usd"], facts["cost_notional_usd"]) == (usd, notional)
    assert source is None or facts["cost_source"] == source
    assert facts["overshoot_usd"] == 0


def free(spent, *, known=True, failure=None, kind="cli"):
    """Settle a call of a local model: nothing is billed, and that is no guess."""
    config = world.config()._replace(prices={})
    route = r.Route("codex", "local", world.way("codex", kind, "free"), "read", 100)
    told = r.Failure(failure, "it failed") if failure else None
    outcome = r.Outcome("", spent, known, told, used_tools=False)
    used, source = settlement.settled(config, route, outcome, NOTHING_HELD, NOW)
    assert source != "unpriced"
    return settlement.money_facts("free", used, source, NOTHING_HELD, "made-up 1", NOW[0])


def test_what_the_provider_told_goes_before_unpriced():
    facts = booked(TOLD)
    assert (facts["cost_usd"], facts["cost_source"]) == (0.0123, "provider")


def test_a_refusal_is_free_with_and_without_a_price():
    facts = booked(r.Spent(), known=False, failure=r.RATE_LIMIT)
    assert (facts["cost_usd"], facts["cost_source"]) == (0.0, "tokens")


def attempt(usd, notional=0.0):
    source = "unpriced" if None in (usd, notional) else "tokens"
    return made() | {"cost_usd": usd, "cost_notional_usd": notional, "cost_source": source}


def made():
    times = {"start_time": None, "end_time": None}
    return {"provider": "codex", "model": "m", "input_tokens": 5, "output_tokens": 1, **times}


@pytest.mark.parametrize(
    ("attempts", "actual", "notional", "unpriced", "words"),
    [
        ([], 0.0, 0.0, 0, "$0.00"),
        ([attempt(0.5)], 0.5, 0.0, 0, "$0.50"),
        ([attempt(0.0, 0.5)], 0.0, 0.5, 0, "$0.50 on your plan"),
        ([attempt(0.25), attempt(0.0, 0.5)], 0.25, 0.5, 0, "$0.50 on your plan and $0.25 billed"),
        ([attempt(None)], None, 0.0, 1, "unpriced"),
        ([made(), attempt(None)], None, 0.0, 1, "unpriced"),  # the first was never made
        ([attempt(0.0, None)], 0.0, None, 1, "unpriced"),
        ([attempt(None), attempt(0.5)], 0.5, 0.0, 1, "$0.50 and 1 unpriced attempt"),
        ([attempt(None), attempt(None), attempt(0.0, 0.5)], None, 0.5, 2,
         "$0.50 on your plan and 2 unpriced attempts"),
    ],
)  # fmt: skip
def test_a_task_costs_what_is_known_and_says_how_much_is_not(
    attempts, actual, notional, unpriced, words
):
    line = {"recommendation": {"cost_estimate": 0.125}}
    done = metrics.finished(line, attempts, "success", "delivered")
    assert (done["cost_actual"], done["cost_notional_usd"]) == (actual, notional)
    assert done["unpriced_attempts"] == unpriced
    assert (done["cost_estimate_vs_actual"] is None) is bool(unpriced)
    assert run_command._money(done) == words


def test_an_unpriced_estimate_is_compared_with_nothing():
    line = {"recommendation": {"cost_estimate": None}}
    done = metrics.finished(line, [attempt(0.5)], "success", "delivered")
    assert done["cost_estimate_vs_actual"] is None


def usage_line(number, usd, notional=0.0, billing="metered"):
    return {
        "attempt_id": f"a-{number}",
        "timestamp": "2026-11-20T09:30:00.000Z",
        "booked_day": "2026-11-20",
        "provider": "codex",
        "account": "codex",
        "model": "m",
        "billing": billing,
        "requests": 2,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": usd,
        "cost_notional_usd": notional,
        "success": True,
    }


LINES = [usage_line(1, 0.5), usage_line(2, None), usage_line(3, 0.0, None, "subscription")]


def write(folder, lines, name=journal.USAGE):
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / name).write_text(text, encoding="utf-8")


def test_books_built_anew_count_unpriced_calls_without_money(tmp_path):
    rows = [world.limit(), world.limit("tokens"), world.daily(5)]
    provider = world.provider("codex", limits=rows)
    write(tmp_path / "logs", LINES)
    now_ms = world.NOW_MS - 12 * 3600 * 1000 - 29 * 60_000
    document = repair.rebuilt(str(tmp_path), str(tmp_path / "logs"), provider, now_ms, "UTC")
    windows = {name: sum(slots.values()) for name, slots in document["windows"].items()}
    assert windows["requests/60s"] == 6
    assert windows["tokens/60s"] == 330
    assert windows["cost_usd/day"] == 500_000


def test_the_summary_shows_no_zero_for_what_is_unpriced(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ORCHESTRATE_LOGS", str(tmp_path / "logs"))
    write(tmp_path / "logs", [*LINES, usage_line(4, None) | {"provider": "gemini"}])
    assert summary.main([]) == 0
    rows = {words[0]: words[4:] for line in capsys.readouterr().out.splitlines()
            if (words := line.split()) and words[0] in ("codex", "gemini", "all")}  # fmt: skip
    assert rows["codex"] == ["≥$0.50", "unpriced"]
    assert rows["gemini"] == ["unpriced", "$0.00"]
    assert rows["all"] == ["≥$0.50", "unpriced"]


def test_money_that_is_not_known_is_a_word():
    assert dollars(None) == "unpriced"


@pytest.fixture
def house(tmp_path):
    """Make a house where no model has a price and no limit of money stands."""
    with upstream() as server:
        made = House(tmp_path / "my place", server)
        providers = {
            name: provider._replace(limits=(world.limit(),))
            for name, provider in made.config.providers.items()
        }
        made.config = made.config._replace(prices={}, providers=providers)
        yield made


@pytest.mark.parametrize("place", [2, 3, 4, 5], ids=["held", "over", "settled", "logged"])
def test_a_call_whose_owner_died_is_recorded_as_unpriced(house, place):
    with killed_at(place, after=True) as made, pytest.raises(Killed):
        house.run()
    assert made[2:] == ["reserve", "note", "settle", "append"][: place - 1]
    assert house.recover()
    [line] = house.log(journal.USAGE)
    assert (line["cost_usd"], line["cost_source"]) == (None, "unpriced")
    [decision] = house.log(journal.DECISIONS)
    assert decision["execution_metrics"]["cost_actual"] is None
    assert decision["execution_metrics"]["unpriced_attempts"] == 1
    assert house.spent_micro_usd() == 0
