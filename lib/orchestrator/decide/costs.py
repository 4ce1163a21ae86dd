"""What a task is expected to cost, what one turn may cost at most, and what a call did cost.

Input counts are all input tokens; `cached_input_tokens` and `cache_write_tokens` are parts of them.
Money is integer micro-USD, rounded up.
"""

from __future__ import annotations

import math

from orchestrator.records import (
    MICRO,
    Estimate,
    Json,
    Model,
    Price,
    Provider,
    Spent,
    Transport,
    Turn,
)

BYTES_PER_TOKEN = 4  # what text comes to on average; for estimates only
BYTES_PER_RATE_TOKEN = 3  # a cautious reading, for rate limits
TYPICAL_OUTPUT_TOKENS = 1200
TYPICAL_SECONDS = 40.0


def rates_for(price: Price, input_tokens: int) -> Price:
    """Pick the rates of a prompt of this size: above a threshold, all of it costs more."""
    chosen = price
    for threshold, dearer in price.above:
        if input_tokens > threshold:
            chosen = dearer
    return chosen


def cost_micro_usd(price: Price, spent: Spent, per_request_usd: float = 0.0) -> int:
    """Price what a call used."""
    rates = rates_for(price, spent.input_tokens)
    cached = min(spent.cached_input_tokens, spent.input_tokens)
    written = min(spent.cache_write_tokens, spent.input_tokens - cached)
    plain = spent.input_tokens - cached - written
    total = (
        plain * rates.input_usd_per_mtok
        + cached * rates.cache_read_usd_per_mtok
        + written * rates.cache_write_usd_per_mtok
        + spent.output_tokens * rates.output_usd_per_mtok
        + spent.requests * per_request_usd * MICRO
    )
    return math.ceil(round(total, 3))


def turn_bound(
    price: Price | None, text_bytes: int, overhead_tokens: int, max_output: int, per_request: float
) -> Turn:
    """Bound one turn: money counts a token a byte, which no tokenizer exceeds; rates a third."""
    tokens = text_bytes // BYTES_PER_RATE_TOKEN + overhead_tokens + max_output
    if price is None:
        return Turn(1, tokens, 0)
    most = text_bytes + overhead_tokens
    reached = [price, *(dearer for threshold, dearer in price.above if most > threshold)]
    dearest = max(max(p.input_usd_per_mtok, *p[2:4]) for p in reached)  # cached or not
    output = max(p.output_usd_per_mtok for p in reached)
    money = most * dearest + max_output * output + per_request * MICRO
    return Turn(1, tokens, math.ceil(money))


def estimate(
    price: Price | None,
    provider: Provider,
    model: Model,
    transport: Transport,
    text_bytes: int,
    history: Json,
) -> Estimate:
    """Expect tokens, money and time of a task, from past runs where there are any.

    Money is None when the model has no price and the transport is not free. `history` maps
    `provider/model/kind` to `{runs, input_overhead_tokens, output_tokens, seconds}`.
    """
    past = history.get(f"{provider.name}/{model.name}/{transport.kind}")
    overhead = past["input_overhead_tokens"] if past else transport.overhead_tokens
    output = past["output_tokens"] if past else min(TYPICAL_OUTPUT_TOKENS, model.max_output_tokens)
    seconds = past["seconds"] if past else TYPICAL_SECONDS
    spent = Spent(1, text_bytes // BYTES_PER_TOKEN + int(overhead), 0, 0, int(output))
    usd = None if price is None and transport.billing != "free" else 0.0
    if price is not None:
        usd = cost_micro_usd(price, spent, provider.cost_per_request_usd) / MICRO
    source = "history" if past else "config"
    return Estimate(spent.input_tokens, spent.output_tokens, usd, float(seconds), source)
