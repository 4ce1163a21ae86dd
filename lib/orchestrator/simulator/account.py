"""One provider's totals."""

import time
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from .bill import Price
from .dialect import Usage
from .document import Document
from .window import WINDOW_S


@dataclass
class Minute:
    """What was used in one minute, for reports."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: Decimal = Decimal(0)

    def add(self, requests: int, usage: Usage, cost_micro_usd: Decimal) -> None:
        """Add what requests used."""
        self.requests += requests
        self.input_tokens += usage.input_tokens
        self.cached_tokens += usage.cached_tokens
        self.output_tokens += usage.output_tokens
        self.cost_micro_usd += cost_micro_usd


@dataclass
class Account:
    """One provider's totals; cost is exact until it is shown."""

    requests: int = 0
    refused: int = 0
    faulted: int = 0
    billed_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    unpriced_requests: int = 0
    max_requests_in_60s: int = 0
    cost_micro_usd: Decimal = Decimal(0)
    minutes: dict[int, Minute] = field(default_factory=dict)
    arrivals: deque[float] = field(default_factory=deque)

    def document(self) -> Document:
        """Return the totals as JSON."""
        hidden = {"arrivals", "minutes"}
        shown = {name: value for name, value in vars(self).items() if name not in hidden}
        return {**shown, "cost_micro_usd": round(self.cost_micro_usd)}

    def arrive(self, now: float) -> None:
        """Count an arrival at a monotonic time, whatever becomes of it."""
        self.arrivals.append(now)
        while self.arrivals[0] <= now - WINDOW_S:
            self.arrivals.popleft()
        self.max_requests_in_60s = max(self.max_requests_in_60s, len(self.arrivals))

    def charge(self, usage: Usage, price: Price | None) -> None:
        """Add what an answer used and costs."""
        self.billed_requests += 1
        self.input_tokens += usage.input_tokens
        self.cached_tokens += usage.cached_tokens
        self.output_tokens += usage.output_tokens
        cost = Decimal(0) if price is None else price.cost_micro_usd(usage)
        self.unpriced_requests += price is None
        self.cost_micro_usd += cost
        minute = self.minutes.setdefault(int(time.time() // 60), Minute())
        minute.add(1, usage, cost)
