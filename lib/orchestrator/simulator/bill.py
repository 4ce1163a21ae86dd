"""What a provider charges: tokens times the price list."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from .dialect import Usage
from .document import child


@dataclass(frozen=True)
class Price:
    """One model's prices in USD for a million tokens, which is micro-USD for one token."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal

    def cost_micro_usd(self, usage: Usage) -> Decimal:
        """Return the exact cost; cached tokens are part of the input and have their own price."""
        return (
            (usage.input_tokens - usage.cached_tokens) * self.input_usd_per_mtok
            + usage.cached_tokens * self.cache_read_usd_per_mtok
            + usage.output_tokens * self.output_usd_per_mtok
        )


def read_prices(path: Path) -> Mapping[str, Price]:
    """Read {"models": {NAME: {"input_usd_per_mtok": ..., "output_usd_per_mtok": ...}}}.

    "cache_read_usd_per_mtok" is optional. Raises OSError and ValueError. A model without both
    prices is left out, hence unpriced.
    """
    document: object = json.loads(path.read_bytes(), parse_float=Decimal, parse_int=Decimal)
    prices = {}
    models = child(document, "models")
    for name in models:
        entry = child(models, name)
        given, output = entry.get("input_usd_per_mtok"), entry.get("output_usd_per_mtok")
        cached = entry.get("cache_read_usd_per_mtok", given)
        if isinstance(given, Decimal) and isinstance(output, Decimal):
            prices[name] = Price(given, output, cached if isinstance(cached, Decimal) else given)
    return prices
