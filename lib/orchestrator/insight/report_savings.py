"""What the same tokens would have cost on one premium model all along, and what was saved.

Both sides are at list prices: what was billed, and what use of a plan would have cost. Left out of
both are calls without a price, and those booked at an estimate because nobody told their tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.config.prices import price_of
from orchestrator.errors import ConfigError
from orchestrator.insight import report_tables
from orchestrator.insight.report_tables import percent, usd
from orchestrator.records import MICRO, Config, Json, Price

if TYPE_CHECKING:
    import duckdb

NO_STEP = -1
DAYS = "SELECT DISTINCT strftime(day, '%Y-%m-%d') FROM attempts ORDER BY ALL"
# A price step holds for a prompt: a client's attempt of several requests has as many of them.
COMPARED = """
SELECT
  coalesce(billing, '-') AS billing, strftime(day, '%Y-%m-%d') AS day,
  (SELECT max(above) FROM steps
   WHERE steps.day = told.day AND above < input / greatest(coalesce(told.requests, 1), 1)) AS above,
  count(*) AS requests,
  CAST(sum(input - cached - written) AS BIGINT) AS plain_input_tokens,
  CAST(sum(cached) AS BIGINT) AS cache_read_tokens,
  CAST(sum(written) AS BIGINT) AS cache_write_tokens,
  CAST(sum(coalesce(output_tokens, 0)) AS BIGINT) AS output_tokens,
  sum(actual) AS actual
FROM (
  SELECT *, least(coalesce(written_tokens, 0), input - cached) AS written FROM (
    SELECT *, coalesce(input_tokens, 0) AS input,
      least(coalesce(cached_tokens, 0), coalesce(input_tokens, 0)) AS cached,
      coalesce(cost, 0) + coalesce(notional, 0) AS actual
    FROM attempts)
) AS told
WHERE comparable
GROUP BY ALL ORDER BY billing, day, above
"""
LEFT_OUT = """
SELECT CASE WHEN unpriced THEN 'unpriced' WHEN source = 'estimate' THEN 'estimated'
    ELSE 'no tokens told' END AS reason,
  count(*) AS requests, sum(coalesce(cost, 0) + coalesce(notional, 0)) AS actual_usd
FROM attempts WHERE NOT comparable GROUP BY ALL ORDER BY ALL
"""


class Baseline(NamedTuple):
    """The model that all is compared with, and why it."""

    provider: str
    model: str
    chosen_by: str


def baseline(config: Config, day: str) -> Baseline | None:
    """Take the configured model, else the dearest by output price of the last tier.

    None when none of that tier has a price; raises ConfigError when the configured one has none.
    """
    named = config.settings.get("baseline_model")
    if named:
        found = _configured(config, str(named))
        if price_of(config.prices, found.provider, found.model, day) is None:
            problem = f"is {named!r}, which has no price: a model of config/prices.json, or null"
            raise ConfigError([f"config/providers.json: settings.baseline_model: {problem}"])
        return found
    tier = config.settings["tiers"][-1]["name"]
    dearest: tuple[float, Baseline] | None = None
    for provider in config.providers.values():
        for model in provider.models:
            price = price_of(config.prices, provider.name, model.name, day)
            if model.tier == tier and price is not None:
                output = price.output_usd_per_mtok
                if dearest is None or output > dearest[0]:
                    why = f"the dearest by output price of the tier {tier}"
                    dearest = output, Baseline(provider.name, model.name, why)
    return None if dearest is None else dearest[1]


def _configured(config: Config, named: str) -> Baseline:
    """Find the provider of a model named `model` or `provider/model`."""
    first, _, rest = named.partition("/")
    if rest and first in config.providers:
        return Baseline(first, rest, "settings.baseline_model")
    owners = [p.name for p in config.providers.values() if any(m.name == named for m in p.models)]
    return Baseline(owners[0] if owners else "", named, "settings.baseline_model")


def described(connection: duckdb.DuckDBPyConnection, config: Config, today: str) -> Json | None:
    """Compare what was paid with the baseline, in rows that can be computed again by hand."""
    against = baseline(config, today)
    if against is None:
        return None
    days = [row[0] for row in connection.execute(DAYS).fetchall()]
    prices = {day: price_of(config.prices, against.provider, against.model, day) for day in days}
    left = report_tables.rows(connection, LEFT_OUT)
    connection.execute("CREATE TABLE steps (day DATE, above BIGINT)")
    steps = [(d, above) for d, price in prices.items() if price for above in _steps(price)]
    if steps:
        connection.executemany("INSERT INTO steps VALUES (?, ?)", steps)
    told = report_tables.rows(connection, COMPARED)
    listed = priced(told, prices)
    return {
        "baseline_provider": against.provider,
        "baseline_model": against.model,
        "chosen_by": against.chosen_by,
        "price_version": config.price_version,
        **_sums(listed),
        "by_billing": [
            {"billing": billing, **_sums([r for r in listed if r["billing"] == billing])}
            for billing in dict.fromkeys(row["billing"] for row in listed)
        ],
        "left_out": [{**row, "actual_usd": usd(row["actual_usd"])} for row in left],
        "rows": [_shown(row) for row in listed],
    }


def priced(told: Iterable[Json], prices: Mapping[str, Price | None]) -> list[Json]:
    """Price token counts by day and step; days of one price come together in one row.

    Costs are Decimals in USD: tokens times USD per million, summed before anything is rounded.
    """
    found: dict[tuple[str, int, tuple[float, ...]], Json] = {}
    for row in told:
        price = prices.get(row["day"])
        if price is None:
            continue
        above = NO_STEP if row["above"] is None else row["above"]
        rates = dict(price.above).get(above, price)[:4]
        sums = found.setdefault((row["billing"], above, rates), _empty(row, above, rates))
        sums["last_day"] = row["day"]
        for name in ("requests", *COUNTED, "actual"):
            sums[name] += row[name]
    for row in found.values():
        tokens = (row[name] for name in COUNTED)
        usd_per_mtok = (Decimal(str(row[name])) for name in RATES)
        cost = sum((n * rate for n, rate in zip(tokens, usd_per_mtok, strict=True)), Decimal(0))
        row["baseline"] = cost / MICRO
    return list(found.values())


COUNTED = ("plain_input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
RATES = (
    "input_usd_per_mtok",
    "cache_read_usd_per_mtok",
    "cache_write_usd_per_mtok",
    "output_usd_per_mtok",
)


def _empty(row: Json, above: int, rates: tuple[float, ...]) -> Json:
    plain, output, read, written = rates
    return {
        "billing": row["billing"],
        "first_day": row["day"],
        "last_day": row["day"],
        "above_input_tokens": None if above == NO_STEP else above,
        "requests": 0,
        **dict.fromkeys(COUNTED, 0),
        **dict(zip(RATES, (plain, read, written, output), strict=True)),
        "actual": Decimal(0),
    }


def _steps(price: Price) -> list[int]:
    return [NO_STEP, *(above for above, _ in price.above)]


def _sums(listed: list[Json]) -> Json:
    """Sum both sides; each is rounded once, and the difference is that of the rounded ones."""
    ours = round(sum((row["actual"] for row in listed), Decimal(0)), 6)
    theirs = sum((round(row["baseline"], 6) for row in listed), Decimal(0))
    return {
        "requests": sum(row["requests"] for row in listed),
        "actual_usd": usd(ours),
        "baseline_usd": usd(theirs),
        "savings_usd": usd(theirs - ours),
        "savings_percent": percent(theirs - ours, theirs),
    }


def _shown(row: Json) -> Json:
    shown = {name: value for name, value in row.items() if name not in ("actual", "baseline")}
    return {**shown, "actual_usd": usd(row["actual"]), "baseline_usd": usd(row["baseline"])}
