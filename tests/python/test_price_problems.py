"""A price in the wrong unit, or in a row that never applies, is refused and named."""

import json
import shutil
from pathlib import Path

import pytest
import world

from orchestrator.config import documents, load
from orchestrator.config.schema import problems
from orchestrator.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config"
SCHEMA = json.loads((SHIPPED / "schema" / "prices.schema.json").read_text(encoding="utf-8"))
PER_MTOK = (
    "USD per 1,000,000 tokens, 0 or from 0.01 to 1000 (less looks like a price per 1,000 tokens)"
)
CACHED = PER_MTOK.replace("0.01", "0.001")


def told(**row):
    document = {"schema": 1, "source": "x", "version": "1", "date": "2026-11-20", "models": {}}
    return problems(document | {"models": {"m": world.price() | row}}, SCHEMA)


@pytest.mark.parametrize(
    ("row", "path", "wrong", "allowed"),
    [
        ({"input_usd_per_mtok": 0.003}, "input_usd_per_mtok", "0.003", PER_MTOK),
        ({"output_usd_per_mtok": 0.0099}, "output_usd_per_mtok", "0.0099", PER_MTOK),
        ({"output_usd_per_mtok": 15_000}, "output_usd_per_mtok", "15000", PER_MTOK),
        ({"output_usd_per_mtok": 1000.5}, "output_usd_per_mtok", "1000.5", PER_MTOK),
        ({"input_usd_per_mtok": -1}, "input_usd_per_mtok", "-1", PER_MTOK),
        ({"input_usd_per_mtok": "$3.00"}, "input_usd_per_mtok", "'$3.00'", PER_MTOK),
        ({"input_usd_per_mtok": "3.00"}, "input_usd_per_mtok", "'3.00'", PER_MTOK),
        ({"input_usd_per_mtok": True}, "input_usd_per_mtok", "true", PER_MTOK),
        ({"input_usd_per_mtok": None}, "input_usd_per_mtok", "null", PER_MTOK),
        ({"cache_read_usd_per_mtok": 0.0003}, "cache_read_usd_per_mtok", "0.0003", CACHED),
        ({"cache_write_usd_per_mtok": 3750}, "cache_write_usd_per_mtok", "3750", CACHED),
        ({"above": [{"input_tokens": 9, **world.price(0.006)}]},
         "above[0].input_usd_per_mtok", "0.006", PER_MTOK),
        ({"later": [{"from": "2027-01-01", **world.price(3, 0.002)}]},
         "later[0].output_usd_per_mtok", "0.002", PER_MTOK),
        ({"hours": [{"from": "01:00", "until": "02:00", **world.price(5000)}]},
         "hours[0].input_usd_per_mtok", "5000", PER_MTOK),
    ],
)  # fmt: skip
def test_a_price_in_the_wrong_unit_is_told_with_what_is_allowed(row, path, wrong, allowed):
    assert told(**row) == [(f"models.m.{path}", f"is {wrong}", allowed)]


@pytest.mark.parametrize("rate", [0, 0.0, 0.01, 3, 1000, 1000.0])
def test_a_price_on_the_edge_and_a_free_one_are_taken(rate):
    assert told(input_usd_per_mtok=rate, output_usd_per_mtok=rate) == []
    assert told(cache_read_usd_per_mtok=rate, cache_write_usd_per_mtok=0.001) == []


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"from": "2026-13-01"}, "from"),
        ({"from": "2026-12-01", "until": "31.12.2026"}, "until"),
        ({"from": "tomorrow"}, "from"),
    ],
)
def test_a_day_that_is_none_is_told(row, path):
    found = told(later=[world.price() | row])
    assert [at for at, _, _ in found] == [f"models.m.later[0].{path}"]


def loaded(tmp_path, **models):
    folder = tmp_path / "my config"
    shutil.copytree(SHIPPED / "schema", folder / "schema")
    for name in documents.DOCUMENTS:
        shutil.copy(SHIPPED / f"{name}.json", folder)
    overlay = {"prices": {"models": models}}
    (folder / "local.json").write_text(json.dumps(overlay), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load.load(str(folder))
    assert caught.value.exit_code == 8
    return caught.value.problems


def test_all_wrong_prices_are_told_at_once_with_the_file_they_are_in(tmp_path):
    found = loaded(tmp_path, **{"gpt-5.4": world.price(0.003), "mine": world.price(1, "$2")})
    assert found == [
        f"config/local.json: prices.models.gpt-5.4.input_usd_per_mtok: is 0.003: {PER_MTOK}",
        f"config/local.json: prices.models.mine.output_usd_per_mtok: is '$2': {PER_MTOK}",
    ]


def test_rows_out_of_order_and_rows_that_never_hold_are_told(tmp_path):
    ends_first = {"from": "2026-12-24", "until": "2026-12-23"}
    sizes = [{"input_tokens": at, **world.price()} for at in (200, 100)]
    found = loaded(
        tmp_path,
        one=world.price(later=[world.price() | ends_first, world.price() | {"from": "2026-12-01"}]),
        two=world.price(above=sizes),
        three=world.price(later=[world.price(above=sizes) | {"from": "2026-12-01"}]),
    )
    at = "config/prices.json: models"
    assert found == [
        f"{at}.one.later[0].until: is '2026-12-23', before it begins: 2026-12-24 or later",
        f"{at}.one.later: is not in order: the least 'from' first",
        f"{at}.two.above: is not in order: the least 'input_tokens' first",
        f"{at}.three.later[0].above: is not in order: the least 'input_tokens' first",
    ]
