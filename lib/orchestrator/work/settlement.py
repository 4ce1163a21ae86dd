"""What an attempt is booked at: tokens x price, the provider's figure, or the reservation.

Prices are those of a moment: the day the money belongs to, and the minute of the day in UTC.
"""

from __future__ import annotations

import math

from orchestrator import records as r
from orchestrator.config.prices import price_of
from orchestrator.decide import costs
from orchestrator.providers.reading import total
from orchestrator.records import MICRO, Config, Json, Outcome, Route, Spent, Turn

# Refusals an upstream makes before it works: nothing is billed for them.
UNBILLED = (
    r.RATE_LIMIT,
    r.QUOTA,
    r.AUTH,
    r.NOT_INSTALLED,
    r.INVALID_INPUT,
    r.CONTEXT_LENGTH,
    r.SERVER,
)


Moment = tuple[str, str]  # `2026-11-20`, `09:30`


def settled(
    config: Config, route: Route, outcome: Outcome, reserved: Turn, moment: Moment
) -> tuple[Turn, str]:
    """Return what to book and where the figure is from: provider, tokens, estimate or unpriced.

    What may have been billed is never booked as free: a call that broke off without usage counts as
    its whole reservation. What has no price is booked without money and told as unpriced.
    """
    used, source = _settled(config, route, outcome, reserved, moment)
    if source == "estimate":
        kind = route.transport.billing
        source = estimated(config, route.provider, route.model, kind, used, moment[0])
    return used, source


def estimated(config: Config, provider: str, model: str, billing: str, used: Turn, day: str) -> str:
    """Name the source of a figure nobody told: without a price there is none."""
    known = used.cost_micro_usd or billing == "free"
    if known or price_of(config.prices, provider, model, day) is not None:
        return "estimate"
    return "unpriced"


def _settled(
    config: Config, route: Route, outcome: Outcome, reserved: Turn, moment: Moment
) -> tuple[Turn, str]:
    spent = outcome.spent
    known = outcome.usage_known or spent.input_tokens > 0
    failure = outcome.failure
    refused = failure is not None and (failure.kind in UNBILLED or not failure.sent)
    refused = refused and not outcome.accepted
    if not known:
        if refused and not outcome.used_tools:
            return Turn(1, 0, 0), "tokens"
        return reserved, "estimate"
    tokens = spent.input_tokens + spent.output_tokens
    requests = max(1, spent.requests)
    money = _priced(config, route, spent, moment)
    if not outcome.usage_known and not refused:
        if route.transport.kind == "api":  # one turn, and that is what was reserved
            return reserved, "estimate"
        return _cut_off(config, route, spent, reserved, moment), "estimate"
    if money is not None:
        return Turn(requests, tokens, money), "tokens"
    if spent.cost_usd is not None:
        return Turn(requests, tokens, math.ceil(round(spent.cost_usd * MICRO, 3))), "provider"
    if route.transport.billing == "free":
        return Turn(requests, tokens, 0), "tokens"
    return Turn(requests, tokens, reserved.cost_micro_usd), "estimate"


def _cut_off(config: Config, route: Route, spent: Spent, reserved: Turn, moment: Moment) -> Turn:
    """Count the turns that are over, and the one under way as another like them, whole."""
    each = spent.input_tokens // max(1, spent.requests)
    under_way = Spent(1, each, 0, 0, route.max_output_tokens)
    most = total([*(spent.parts or [("", spent)]), ("", under_way)])
    money = _priced(config, route, most, moment)
    return Turn(
        most.requests,
        max(most.input_tokens + most.output_tokens, reserved.tokens),
        max(reserved.cost_micro_usd, money or 0),
    )


def _priced(config: Config, route: Route, spent: Spent, moment: Moment) -> int | None:
    """Price tokens from dated prices, each model's at its own; None when one is unpriced.

    Request by request where that is told: one long prompt is dearer, many short ones are not. Our
    prices come before a client's figure: claude prices a model it does not know yet like another.
    """
    money = 0
    for model, part in spent.parts or (("", spent),):
        price = price_of(config.prices, route.provider, model or route.model, *moment)
        if price is None:
            return None
        money += costs.cost_micro_usd(price, part)
    return money


def money_facts(
    billing: str, booked: Turn, source: str, reserved: Turn, price_version: str, day: str
) -> Json:
    """Write the money of an attempt as logs hold it; a subscription's cost is notional.

    What is unpriced is null where it would be counted: never zero.
    """
    usd = None if source == "unpriced" else booked.cost_micro_usd / MICRO
    metered = billing == "metered"
    over = max(0, booked.cost_micro_usd - reserved.cost_micro_usd) / MICRO if metered else 0.0
    return {
        "cost_usd": usd if metered else 0.0,
        "cost_notional_usd": 0.0 if metered else usd,
        "cost_source": source,
        "price_version": price_version,
        "booked_day": day,
        "overshoot_usd": over,
    }


def more(one: Turn, other: Turn) -> Turn:
    """Add two turns."""
    return Turn(*(a + b for a, b in zip(one, other, strict=True)))


def as_turn(config: Config, route: Route, spent: Spent, moment: Moment) -> Turn:
    """Price what a running call has used so far."""
    money = _priced(config, route, spent, moment) or 0
    return Turn(spent.requests, spent.input_tokens + spent.output_tokens, money)
