"""What a model costs on a day."""

import pytest
import world

from orchestrator.config.prices import price_of, version_of

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
    assert price_of(PRICES, "any", model, day)[:4] == expected


SALE = {
    "sold": world.price(
        10,
        20,
        later=[
            {"from": "2026-12-01", **world.price(8, 16)},
            {"from": "2026-12-24", "until": "2026-12-31", **world.price(2, 4)},
            {"from": "2027-01-15", "until": "2027-01-15", **world.price(1, 2)},
            {"from": "2028-02-10", "until": "2028-02-29", **world.price(3, 6)},
        ],
    ),
    "short": world.price(
        10, 20, later=[{"from": "2026-12-24", "until": "2026-12-31", **world.price(2, 4)}]
    ),
}


@pytest.mark.parametrize(
    ("model", "day", "input_usd"),
    [
        ("sold", "2026-11-30", 10),
        ("sold", "2026-12-01", 8),
        ("sold", "2026-12-23", 8),
        ("sold", "2026-12-24", 2),
        ("sold", "2026-12-31", 2),  # the last day is part of it
        ("sold", "2027-01-01", 8),  # what held before it holds again
        ("sold", "2027-01-14", 8),
        ("sold", "2027-01-15", 1),  # a single day
        ("sold", "2027-01-16", 8),
        ("sold", "2028-02-28", 3),
        ("sold", "2028-02-29", 3),
        ("sold", "2028-03-01", 8),
        ("sold", "2099-12-31", 8),
        ("short", "2026-12-23", 10),
        ("short", "2026-12-31", 2),
        ("short", "2027-01-01", 10),
    ],
)
def test_a_price_that_ends_gives_way_to_the_one_before_it(model, day, input_usd):
    assert price_of(SALE, "any", model, day).input_usd_per_mtok == input_usd


HOURLY = {
    "peaks": world.price(
        1,
        2,
        cache_read_usd_per_mtok=0.5,
        hours=[
            {"from": "01:00", "until": "04:00", **world.price(2, 4)},
            {"from": "06:30", "until": "10:00", **world.price(1.5, 5)},
        ],
        later=[{"from": "2026-12-01", **world.price(9, 9)}],
    ),
    "nights": world.price(4, 8, hours=[{"from": "22:00", "until": "02:00", **world.price(1, 2)}]),
}


@pytest.mark.parametrize(
    ("model", "minute", "expected"),
    [
        ("peaks", "00:59", (1, 2, 0.5, 1)),
        ("peaks", "01:00", (2, 4, 2, 2)),
        ("peaks", "03:59", (2, 4, 2, 2)),
        ("peaks", "04:00", (1, 2, 0.5, 1)),
        ("peaks", "06:30", (1.5, 5, 1.5, 1.5)),
        ("peaks", "10:00", (1, 2, 0.5, 1)),
        ("peaks", None, (2, 5, 2, 2)),  # each rate at its dearest: a bound for any hour
        ("nights", "21:59", (4, 8, 4, 4)),
        ("nights", "22:00", (1, 2, 1, 1)),
        ("nights", "00:00", (1, 2, 1, 1)),
        ("nights", "02:00", (4, 8, 4, 4)),
        ("nights", None, (4, 8, 4, 4)),
    ],
)
def test_a_price_by_the_hour_is_the_one_of_the_minute_and_the_dearest_beforehand(
    model, minute, expected
):
    assert price_of(HOURLY, "any", model, "2026-11-20", minute)[:4] == expected


def test_the_hours_of_a_price_end_with_it():
    assert price_of(HOURLY, "any", "peaks", "2026-12-01", "02:00")[:4] == (9, 9, 9, 9)


def test_what_a_provider_takes_itself_goes_before_the_price_of_the_model():
    prices = {"some-model": world.price(1, 2), "reseller/some-model": world.price(3, 4)}
    assert price_of(prices, "reseller", "some-model", "2026-11-20")[:2] == (3, 4)
    assert price_of(prices, "maker", "some-model", "2026-11-20")[:2] == (1, 2)


def test_a_model_nobody_priced_has_no_price():
    assert price_of(PRICES, "any", "unknown", "2026-11-20") is None


def test_dearer_rows_by_input_size_come_along_and_end_with_their_price():
    assert price_of(PRICES, "any", "tiered", "2026-11-20").above == ((100, (3, 4, 3, 3, ())),)
    assert price_of(PRICES, "any", "changing", "2026-11-20").above == ((100, (9, 9, 9, 9, ())),)
    assert price_of(PRICES, "any", "changing", "2026-12-02").above == ()


def test_every_shipped_model_that_is_paid_for_has_a_price(shipped):
    unpriced = [
        model.name
        for provider in shipped.providers.values()
        if any(way.billing == "metered" for way in provider.transports)
        for model in provider.models
        if price_of(shipped.prices, provider.name, model.name, world.DAY) is None
    ]
    assert not unpriced


def test_the_prices_say_where_they_are_from(shipped):
    source, version = shipped.price_version.split()
    assert source == "genai-prices"
    assert version[0].isdigit()


@pytest.mark.parametrize(
    ("provider", "version"),
    [("proxy", "of the proxy"), ("own", "of the document"), ("elsewhere", "of the document")],
)
def test_a_price_names_the_data_it_is_from(provider, version):
    row = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    prices = {"m": row, "proxy/m": row | {"version": "of the proxy"}, "own/m": row}
    config = world.config(prices=prices)._replace(price_version="of the document")
    assert version_of(config, provider, "m") == version
    assert version_of(config, provider, "unpriced") == "of the document"
