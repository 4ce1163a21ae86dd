"""The models of a LiteLLM proxy, from its `GET /model/info`, as rows of our configuration.

Prices are USD per token there, per million tokens here. A price that is not told is none: the
proxy's own list of prices writes 0 for what it does not know, so 0 counts only where its owner set
it. Where several deployments share a name the proxy picks one: the least able, the dearest counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.records import Json

CAPABILITIES = {
    "vision": "supports_vision",
    "tools": "supports_function_calling",
    "json_mode": "supports_response_schema",
}
CHAT = (None, "chat")  # what no list of prices knows has no mode
RATES = {
    "input_usd_per_mtok": "input_cost_per_token",
    "output_usd_per_mtok": "output_cost_per_token",
    "cache_read_usd_per_mtok": "cache_read_input_token_cost",
    "cache_write_usd_per_mtok": "cache_creation_input_token_cost",
}
NEEDED = ("input_usd_per_mtok", "output_usd_per_mtok")
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


class Listed(NamedTuple):
    """A model of the proxy: its row, its price (None: it has none), or why it is left out."""

    name: str
    row: Json
    price: Json | None
    left_out: str = ""


def listed(document: Json, otherwise: Json, tiers: Sequence[Json]) -> list[Listed]:
    """List the models by name; raises KeyError, TypeError, ValueError for another document.

    `otherwise` is a row with what holds where the proxy does not tell; `tiers` are the configured
    ones, each with the `price_below` of its models, input and output together.
    """
    deployments: dict[str, list[Json]] = {}
    for entry in document["data"]:
        deployments.setdefault(str(entry["model_name"]), []).append(entry["model_info"])
    return [_listed(name, infos, otherwise, tiers) for name, infos in deployments.items()]


def _listed(name: str, infos: list[Json], otherwise: Json, tiers: Sequence[Json]) -> Listed:
    if not name or "*" in name:
        return Listed(name, {}, None, "a pattern, no model")
    if any(info.get("mode") not in CHAT for info in infos):
        return Listed(name, {}, None, f"its mode is {infos[0].get('mode')}")
    price = _dearest([_price(info) for info in infos])
    told = [info.get("max_input_tokens") or otherwise["context_window"] for info in infos]
    outputs = [info.get("max_output_tokens") or otherwise["max_output_tokens"] for info in infos]
    able = [
        capability
        for capability, field in CAPABILITIES.items()
        if all(info.get(field) is True for info in infos)
    ]
    row = {
        "name": name,
        "tier": otherwise["tier"] if price is None else _tier(price, tiers),
        "context_window": min(map(int, told)),
        "max_output_tokens": min(*map(int, outputs), otherwise["max_output_tokens"]),
        "capabilities": able,
    }
    return Listed(name, row, price)


def _price(info: Json) -> Json | None:
    """Take the prices of a deployment, and those above a size of the input."""
    price = _rates(info, "")
    if price is None:
        return None
    above = []
    for size in sorted(_sizes(info)):
        dearer = _rates(info, f"_above_{size}k_tokens")
        if dearer is not None:
            above.append({"input_tokens": size * 1000, **dearer})
    return price | {"above": above} if above else price


def _rates(info: Json, ending: str) -> Json | None:
    """Convert the rates of one size; None without those of input and output."""
    own = info.get("pricing_overrides") or ()
    found = {}
    for ours, theirs in RATES.items():
        value = info.get(theirs + ending)
        if value is not None and (value or theirs + ending in own):
            found[ours] = round(float(value) * 1_000_000, 6)
    return found if all(name in found for name in NEEDED) else None


def _sizes(info: Json) -> Iterator[int]:
    for name, value in info.items():
        match = _ABOVE.fullmatch(name)
        if match and value:
            yield int(match[1])


def _dearest(prices: list[Json | None]) -> Json | None:
    """Join the prices of several deployments; one that has none leaves all without."""
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return None
    return max(known, key=_sum)


def _tier(price: Json, tiers: Sequence[Json]) -> str:
    """Take the first tier whose `price_below` is above the price, the last one without such."""
    for tier in tiers:
        if "price_below" in tier and _sum(price) < tier["price_below"]:
            return str(tier["name"])
    return str(tiers[-1]["name"])


def _sum(price: Json) -> float:
    return float(sum(price[name] for name in NEEDED))
