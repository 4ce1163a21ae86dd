"""What a model costs on a day, from `config/prices.json`."""

from __future__ import annotations

from orchestrator.records import Json, Price


def price_of(prices: dict[str, Json], model: str, day: str) -> Price | None:
    """Look up the price in force on `day` (`YYYY-MM-DD`), or None for an unpriced model.

    A rate for cached input that the data does not give counts as plain input: never cheaper than
    what may be billed.
    """
    row = prices.get(model)
    if row is None:
        return None
    for entry in row.get("later", ()):
        if entry["from"] <= day:
            row = entry
    above = tuple((entry["input_tokens"], _rates(entry)) for entry in row.get("above", ()))
    return _rates(row)._replace(above=above)


def _rates(row: Json) -> Price:
    plain = float(row["input_usd_per_mtok"])
    return Price(
        plain,
        float(row["output_usd_per_mtok"]),
        float(row.get("cache_read_usd_per_mtok", plain)),
        float(row.get("cache_write_usd_per_mtok", plain)),
    )
