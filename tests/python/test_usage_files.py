"""The usage file of a provider: the seed's fields for people, windows for decisions."""

import json
from pathlib import Path

import pytest
import world
from world import DAY, MICRO, NOW_MS, daily, limit

from orchestrator import clock
from orchestrator.decide import limits
from orchestrator.errors import StorageError
from orchestrator.records import Turn
from orchestrator.state import usage

ROWS = [limit("requests", amount=3000, block=85), limit("tokens", amount=500_000, block=90)]
MADE = world.provider("codex", limits=[*ROWS, daily(30)])
PAYER = limits.Payer("account", "model", metered=True)
SEED = {  # seed 002, section 3.1
    "timestamp": clock.iso(NOW_MS - 1000),
    "requests_used": 2500,
    "requests_limit": 3000,
    "requests_percent": 83,
    "tokens_used": 450_000,
    "tokens_limit": 500_000,
    "tokens_percent": 90,
    "cost_today": 12.50,
    "daily_budget": 100.00,
    "session_started": "2025-01-11T08:00:00Z",
}


def loaded(tmp_path, document):
    text = document if isinstance(document, str) else json.dumps(document)
    Path(usage.path_of(str(tmp_path), "codex")).write_text(text)
    return usage.load(str(tmp_path), MADE, NOW_MS)


def room(document):
    return limits.room(MADE, document, PAYER, NOW_MS, "UTC")


def test_a_file_with_the_seeds_fields_alone_counts_as_seen_from_outside(tmp_path):
    found = room(loaded(tmp_path, SEED))
    assert found.requests_percent == pytest.approx(100 * 2500 / 3000)
    assert (found.tokens_percent, found.cost_today_usd) == (90.0, 12.5)
    assert [block.reason for block in found.blocks] == ["tokens_percent >= 90%"]


@pytest.mark.parametrize(
    ("fields", "requests", "usd"),
    [
        ({"requests_percent": 50}, 1500, 0),
        ({"requests_percent": 0.01}, 1, 0),  # rather too much than too little
        ({"requests_used": 7}, 7, 0),
        ({"requests_used": 50, "requests_limit": 100}, 1500, 0),  # of a limit of their own
        ({"requests_used": 50, "requests_limit": 0}, 50, 0),
        ({"cost_today": 0.1}, 0, 0.1),
        ({}, 0, 0),
        ({"requests_used": None, "cost_today": None}, 0, 0),
    ],
)
def test_what_the_fields_say_is_converted_to_our_limits(tmp_path, fields, requests, usd):
    document = loaded(tmp_path, fields)
    found = {row.metric: limits.spent(document, row, PAYER, NOW_MS, "UTC") for row in MADE.limits}
    assert (found["requests"], found["cost_usd"]) == (requests, usd * MICRO)


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        {**SEED, "timestamp": "yesterday"},
        {**SEED, "timestamp": 5},
        {**SEED, "timestamp": None},
        {**SEED, "cost_today": "$12.50"},
        {**SEED, "cost_today": []},
        {**SEED, "requests_used": "many"},
        '{"requests_percent": NaN}',
        '{"requests_percent": 1e999}',
        '{"cost_today": 1e999}',
        {"schema": 2},
        {"schema": "1"},
        {"schema": 1},
        {"schema": 1, "windows": [], "reservations": {}, "observations": {}},
    ],
)
def test_a_file_that_is_not_sound_is_refused_with_its_name(tmp_path, document):
    with pytest.raises(StorageError, match=r"codex_usage\.json: "):
        loaded(tmp_path, document)


def test_a_provider_without_a_file_has_used_nothing(tmp_path):
    found = room(usage.load(str(tmp_path), MADE, NOW_MS))
    assert (found.requests_percent, found.cost_today_usd, found.blocks) == (0, 0, ())


def test_the_seeds_fields_mirror_what_is_counted(tmp_path):
    document = usage.empty("codex", NOW_MS)
    turn = Turn(600, 250_000, 7_500_000)
    document = usage.booked(document, MADE, turn, PAYER, NOW_MS, DAY, NOW_MS, "UTC")
    found = usage.mirrored(document, MADE, NOW_MS, "UTC")
    assert {name: found[name] for name in SEED if name in found} == {
        "timestamp": clock.iso(NOW_MS),
        "requests_used": 600,
        "requests_limit": 3000,
        "requests_percent": 20.0,
        "tokens_used": 250_000,
        "tokens_limit": 500_000,
        "tokens_percent": 50.0,
        "cost_today": 7.5,
        "daily_budget": 30.0,
        "session_started": clock.iso(NOW_MS),
    }
    assert set(SEED) <= set(found)
    again = loaded(tmp_path, found)
    assert again["windows"] == document["windows"]


def test_what_was_seen_from_outside_is_mirrored_with_our_calls_since(tmp_path):
    document = loaded(tmp_path, SEED)
    turn = Turn(1, 0, 500_000)
    document = usage.booked(document, MADE, turn, PAYER, NOW_MS, DAY, NOW_MS, "UTC")
    found = usage.mirrored(document, MADE, NOW_MS, "UTC")
    assert (found["requests_used"], found["cost_today"]) == (2501, 13.0)


def test_the_fullest_row_of_a_metric_is_mirrored():
    rows = [limit("tokens", 60, amount=1000), limit("tokens", 3600, amount=1100)]
    made = world.provider("codex", limits=rows)
    document = usage.empty("codex", NOW_MS)
    document["windows"] = world.full_usage(rows[1], amount=900)["windows"]
    assert usage.mirrored(document, made, NOW_MS, "UTC")["tokens_limit"] == 1100


def test_rates_are_booked_when_a_call_was_counted_and_money_on_its_day():
    counted_ms = clock.parse("2026-11-21T00:00:30Z")
    turn = Turn(1, 10, 100)
    document = usage.booked(
        usage.empty("codex", counted_ms), MADE, turn, PAYER, counted_ms, DAY, counted_ms, "UTC"
    )
    assert document["windows"]["cost_usd/day"] == {"2026-11-20": 100}
    after = limits.room(MADE, document, PAYER, counted_ms + 59_000, "UTC")
    assert after.requests_percent > 0
    assert after.cost_today_usd == 0
