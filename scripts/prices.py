"""Turn the data inside the genai-prices wheel into `config/prices.json` on standard output.

Prices are USD per million tokens. The row in force today is the base; rows that start later follow
under `later`; `above` holds the dearer rows of larger inputs, `hours` those of a time of day, in
UTC. The data has no prices that end: `until` under `later` is for rows a person writes.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import StartDateConstraint, TieredPrices, TimeOfDateConstraint

VENDORS = ("openai", "anthropic", "google", "deepseek")
RATES = {
    "input_usd_per_mtok": "input_mtok",
    "output_usd_per_mtok": "output_mtok",
    "cache_read_usd_per_mtok": "cache_read_mtok",
    "cache_write_usd_per_mtok": "cache_write_mtok",
}


def _row(prices: Any) -> dict[str, Any]:
    base: dict[str, Any] = {}
    above: dict[int, dict[str, Any]] = {}
    for key, attribute in RATES.items():
        rate = getattr(prices, attribute, None)
        if isinstance(rate, TieredPrices):
            base[key] = float(rate.base)
            for tier in rate.tiers:
                above.setdefault(tier.start, {"input_tokens": tier.start})[key] = float(tier.price)
        elif rate is not None:
            base[key] = float(rate)
    if above:
        row = {"input_tokens": 0, **base}
        base["above"] = [row := row | above[start] for start in sorted(above)]
    return base


def _model(prices: Any, today: dt.date) -> dict[str, Any] | None:
    """Write a model's prices; of several that hold the last one counts, as genai-prices has it."""
    if not isinstance(prices, list):
        row = _row(prices)
    else:
        row, later = _row(prices[0].prices), []
        for entry in prices:
            when, rates = entry.constraint, _row(entry.prices)
            if isinstance(when, TimeOfDateConstraint):
                hour = {"from": _utc(when.start_time), "until": _utc(when.end_time), **rates}
                for each in (row, *later):
                    each.setdefault("hours", []).append(hour)
            elif isinstance(when, StartDateConstraint) and when.start_date > today:
                later.append({"from": when.start_date.isoformat(), **rates})
            else:
                row, later = rates, []
        if later:
            row["later"] = later
    return row if "input_usd_per_mtok" in row and "output_usd_per_mtok" in row else None


def _utc(time: dt.time) -> str:
    if time.utcoffset() != dt.timedelta(0):
        raise ValueError(f"{time} is not in UTC")
    return time.strftime("%H:%M")


def models_of(today: dt.date) -> dict[str, dict[str, Any]]:
    """List what is priced for text, in and out, as it stands on that day and later."""
    models: dict[str, dict[str, Any]] = {}
    for provider in providers:
        if provider.id not in VENDORS:
            continue
        for model in provider.models:
            row = _model(model.prices, today)
            if row is not None and model.id not in models:  # its maker's before a reseller's
                models[model.id] = {"vendor": provider.id, **row}
    return models


def main() -> None:
    """Print the document, one model a line, so that a new version reads well as a diff."""
    today = dt.datetime.now(dt.UTC).date()
    head = {"schema": 1, "source": "genai-prices", "version": version("genai-prices")}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lines.append(f'  "date": "{today.isoformat()}",\n  "models": {{')
    models = sorted(models_of(today).items())
    rows = [f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in models]
    sys.stdout.write("{\n" + "\n".join(lines) + "\n" + ",\n".join(rows) + "\n  }\n}\n")


if __name__ == "__main__":
    main()
