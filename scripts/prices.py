"""Turn the data inside the genai-prices wheel into `config/prices.json` on standard output.

Prices are USD per million tokens. The row in force on the given day is the base; rows that start
later follow under `later`; `above` holds the dearer rows of larger inputs. Rows bound to a time of
day are left out, which never makes a task look cheaper than it can be billed by day.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import StartDateConstraint, TieredPrices

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
        base["above"] = [{**_plain(base), **above[start]} for start in sorted(above)]
    return base


def _plain(base: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in base.items() if key in RATES}


def _model(prices: Any, today: dt.date) -> dict[str, Any] | None:
    if not isinstance(prices, list):
        row = _row(prices)
    else:
        row, later = {}, []
        for entry in prices:
            if entry.constraint is None:
                row = row or _row(entry.prices)
            elif isinstance(entry.constraint, StartDateConstraint):
                if entry.constraint.start_date <= today:
                    row = _row(entry.prices)
                else:
                    start = entry.constraint.start_date.isoformat()
                    later.append({"from": start, **_row(entry.prices)})
        if later:
            row["later"] = later
    return row if "input_usd_per_mtok" in row and "output_usd_per_mtok" in row else None


def main() -> None:
    """Print the document, one model a line, so that a new version reads well as a diff."""
    today = dt.datetime.now(dt.UTC).date()
    models: dict[str, dict[str, Any]] = {}
    for provider in providers:
        if provider.id not in VENDORS:
            continue
        for model in provider.models:
            row = None if model.deprecated else _model(model.prices, today)
            if row is not None and model.id not in models:
                models[model.id] = {"vendor": provider.id, **row}
    head = {"schema": 1, "source": "genai-prices", "version": version("genai-prices")}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lines.append(f'  "date": "{today.isoformat()}",\n  "models": {{')
    rows = [f"    {json.dumps(name)}: {json.dumps(models[name])}" for name in sorted(models)]
    sys.stdout.write("{\n" + "\n".join(lines) + "\n" + ",\n".join(rows) + "\n  }\n}\n")


if __name__ == "__main__":
    main()
