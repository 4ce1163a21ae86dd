"""What a model costs on a day."""

import pytest
import world

from orchestrator.config.prices import price_of

PRICES = {
    "plain": world.price(1, 2),
    "cached": world.price(1, 2, cache_read_usd_per_mtok=0.1, cache_write_usd_per_mtok=1.5),
    "tiered": world.price(1, 2, above=[{"input_tokens": 100, **world.price(3, 4)}]),
    "changing": world.price(
        1,
        2,
        above=[{"input_tokens": 100, **world.price(9, 9)}],
        later=[
            {"from": "2026-12-01", **world.price(3, 4)},
            {"from": "2027-02-01", **world.price(5, 6)},
        ],
    ),
}


@pytest.mark.parametrize(
    ("model", "day", "expected"),
    [
        ("plain", "2026-11-20", (1, 2, 1, 1)),  # a rate that is not given is never cheaper
        ("cached", "2026-11-20", (1, 2, 0.1, 1.5)),
        ("changing", "2026-11-30", (1, 2, 1, 1)),
        ("changing", "2026-12-01", (3, 4, 3, 3)),
        ("changing", "2027-01-31", (3, 4, 3, 3)),
        ("changing", "2027-02-01", (5, 6, 5, 5)),
        ("changing", "2099-01-01", (5, 6, 5, 5)),
    ],
)
def test_the_price_of_the_day_is_taken(model, day, expected):
    assert price_of(PRICES, model, day)[:4] == expected


def test_a_model_nobody_priced_has_no_price():
    assert price_of(PRICES, "unknown", "2026-11-20") is None


def test_dearer_rows_by_input_size_come_along_and_end_with_their_price():
    assert price_of(PRICES, "tiered", "2026-11-20").above == ((100, (3, 4, 3, 3, ())),)
    assert price_of(PRICES, "changing", "2026-11-20").above == ((100, (9, 9, 9, 9, ())),)
    assert price_of(PRICES, "changing", "2026-12-02").above == ()


def test_every_shipped_model_that_is_paid_for_has_a_price(shipped):
    unpriced = [
        model.name
        for provider in shipped.providers.values()
        if any(way.billing == "metered" for way in provider.transports)
        for model in provider.models
        if price_of(shipped.prices, model.name, world.DAY) is None
    ]
    assert not unpriced


def test_rows_of_the_shipped_prices_are_in_order(shipped):
    """Prices are looked up by taking the last row that applies."""
    for name, row in shipped.prices.items():
        dates = [entry["from"] for entry in row.get("later", ())]
        assert dates == sorted(dates), name
        for entry in (row, *row.get("later", ())):
            sizes = [step["input_tokens"] for step in entry.get("above", ())]
            assert sizes == sorted(sizes), name


def test_the_prices_say_where_they_are_from(shipped):
    source, version = shipped.price_version.split()
    assert source == "genai-prices"
    assert version[0].isdigit()
