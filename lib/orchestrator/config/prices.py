"""What a model costs on a day, from `config/prices.json`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.records import Config, Json, Price


def price_of(
    prices: dict[str, Json], provider: str, model: str, day: str, minute: str | None = None
) -> Price | None:
    """Look up the price in force on `day` (`YYYY-MM-DD`), or None for an unpriced model.

    What a provider takes itself, a row `provider/model`, goes before the model's own row. Where the
    price depends on the hour it is the one at `minute` (`HH:MM`, UTC), else the dearest of the day.
    A rate for cached input that the data does not give counts as plain input: never cheaper than
    what may be billed.
    """
    row = _row(prices, provider, model)
    if row is None:
        return None
    for entry in row.get("later", ()):  # the last one that holds; after it, what held before
        if entry["from"] <= day <= entry.get("until", day):
            row = entry
    price = _rates(row)
    if "hours" in row:
        price = _at(price, row["hours"], minute)
    above = tuple((entry["input_tokens"], _rates(entry)) for entry in row.get("above", ()))
    return price._replace(above=above) if above else price


def version_of(config: Config, provider: str, model: str) -> str:
    """Name the price data a model's price is from: its row's own, else that of the document."""
    row = _row(config.prices, provider, model) or {}
    return str(row.get("version", config.price_version))


def problems(models: dict[str, Json]) -> list[str]:
    """List rows that never apply or hide others: `file: path: what is wrong: what is allowed`."""
    found = []
    for name, model in models.items():
        if "later" not in model and len(model.get("above", ())) < 2:
            continue
        for path, row in [("", model), *_numbered("later", model)]:
            at = f"config/prices.json: models.{name}.{path}"
            found += _unsorted(f"{at}above", "input_tokens", row.get("above", ()))
            if row.get("until", "9") < row.get("from", ""):
                allowed = f"{row['from']} or later"
                found.append(f"{at}until: is {row['until']!r}, before it begins: {allowed}")
        found += _unsorted(
            f"config/prices.json: models.{name}.later", "from", model.get("later", ())
        )
    return found


def _row(prices: dict[str, Json], provider: str, model: str) -> Json | None:
    return prices.get(f"{provider}/{model}") or prices.get(model)


def _numbered(name: str, model: Json) -> list[tuple[str, Json]]:
    return [(f"{name}[{number}].", row) for number, row in enumerate(model.get(name, ()))]


def _unsorted(path: str, key: str, rows: Sequence[Json]) -> list[str]:
    values = [row[key] for row in rows]
    return [] if values == sorted(values) else [f"{path}: is not in order: the least {key!r} first"]


def _at(price: Price, hours: list[Json], minute: str | None) -> Price:
    """Pick the rates of a minute, each the dearest of the day without one."""
    if minute is None:
        rates = [price[:4], *(_rates(entry)[:4] for entry in hours)]
        return Price(*(max(each) for each in zip(*rates, strict=True)))
    for entry in hours:
        first, end = entry["from"], entry["until"]
        over_midnight = end < first
        if (first <= minute or minute < end) if over_midnight else first <= minute < end:
            price = _rates(entry)
    return price


def _rates(row: Json) -> Price:
    plain = float(row["input_usd_per_mtok"])
    return Price(
        plain,
        float(row["output_usd_per_mtok"]),
        float(row.get("cache_read_usd_per_mtok", plain)),
        float(row.get("cache_write_usd_per_mtok", plain)),
    )
