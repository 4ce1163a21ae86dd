"""What to do after a failed attempt: wait, take the next route, or stop."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orchestrator import records as r
from orchestrator.config.prices import price_of
from orchestrator.decide import budgets
from orchestrator.decide.models import needs_of, tiers
from orchestrator.decide.transports import pays, route_of, unable

# Which routes a failure rules out for the rest of the task.
ROUTE, ACCOUNT, MODEL, TASK = "route", "account", "model", "task"
RULES_OUT = {
    r.RATE_LIMIT: ACCOUNT,
    r.QUOTA: ACCOUNT,
    r.SERVER: ACCOUNT,
    r.NETWORK: ACCOUNT,
    r.STALLED: ACCOUNT,
    r.NO_ROOM: ACCOUNT,
    r.OUTAGE: ACCOUNT,
    r.BUDGET: ACCOUNT,
    r.MAX_COST: TASK,
    r.AUTH: ROUTE,
    r.NOT_INSTALLED: ROUTE,
    r.EMPTY: ROUTE,
    r.INVALID_INPUT: ACCOUNT,
    r.CONTEXT_LENGTH: MODEL,
    r.TIMEOUT: TASK,
    r.OVERLOADED: TASK,
    r.VERIFY_FAILED: TASK,
    r.CONFLICT: TASK,
    r.INTERRUPTED: TASK,
}
MAY_RETRY = (r.RATE_LIMIT, r.SERVER, r.NETWORK, r.STALLED, r.EMPTY)
EXIT_CODES = (
    (3, (r.RATE_LIMIT, r.QUOTA, r.NO_ROOM, r.BUDGET)),
    (4, (r.AUTH, r.NOT_INSTALLED)),
    (5, (r.TIMEOUT, r.STALLED, r.NETWORK, r.SERVER, r.OUTAGE, r.OVERLOADED)),
)


class Step(NamedTuple):
    """The next thing to do: the routes left, after waiting; an empty list means stop."""

    routes: tuple[r.Route, ...]
    wait_s: float


def next_step(
    failure: r.Failure,
    route: r.Route,
    rest: Sequence[r.Route],
    tries: int,
    settings: r.Json,
    draw: Callable[[], float] = random.random,
) -> Step:
    """Choose the next step (seed 002, section 9).

    Another route that is free is taken at once. Only when none is left, a passing failure is
    retried on the same route, after what the provider asked for (at most `retry_after_cap_s`),
    else after `base_s` doubling with full jitter up to `cap_s`. What ends a task does so once money
    may be spent: a route that is too dear from the start gives way to the others.
    A model's own settings (seed 001, example 2) come before those of all: how often and how long it
    is tried again, and failures after which the next route is taken at once.
    """
    own = route.parameters
    asked = _asked(route, failure)
    at_once = asked is not None and asked.immediate
    left = tuple(other for other in rest if not _ruled_out(failure, route, other))
    if RULES_OUT[failure.kind] == TASK and failure.sent and asked is None:
        return Step((), 0.0)
    if left or at_once:
        return Step(left, 0.0)
    most = settings["attempts"]["per_route"] if own.max_retries is None else own.max_retries + 1
    if (failure.kind not in MAY_RETRY and asked is None) or tries >= most:
        return Step((), 0.0)
    backoff = settings["backoff"]
    told = failure.wait_s if asked is None or asked.wait_s is None else asked.wait_s
    if told is not None:
        if told > backoff["retry_after_cap_s"]:
            return Step((), 0.0)
        return Step((route,), max(0.0, told))
    base = backoff["base_s"] if own.retry_delay_s is None else own.retry_delay_s
    ceiling = min(max(backoff["cap_s"], base), base * 2 ** (tries - 1))
    return Step((route,), draw() * ceiling)


def climbs(failure: r.Failure | None, route: r.Route, *, passed: bool) -> bool:
    """Tell whether an attempt ended so that a model of the next tier may try.

    Its work did not pass the person's check, or it took longer than the model is given (seed 001,
    strategy 1), unless the model's own settings name another way out of that.
    """
    if failure is None:
        return not passed
    return failure.kind == r.TIMEOUT and _asked(route, failure) is None


def wider(
    failure: r.Failure,
    route: r.Route,
    wishes: r.Wishes,
    config: r.Config,
    action: str | None,
    day: str,
) -> tuple[r.Route, ...]:
    """List what a task that is too long for a model may try first: its provider's next larger one.

    It can do all that was asked for; a model that is paid for by use needs a price, and is of no
    higher tier where `action`, of a budget, lowers tiers.
    """
    if failure.kind != r.CONTEXT_LENGTH or not route.context_window:
        return ()
    (needs, least), way, names = needs_of(wishes), route.transport, tiers(config)
    held = names[: names.index(route.tier) + 1]
    allowed = names if budgets.lowered(names[-1], names, action) == names[-1] else held
    larger = [
        model
        for model in config.providers[route.provider].models
        if model.context_window > max(route.context_window, least - 1)
        and needs <= model.capabilities
        and unable(config, wishes, model, way) is None
        and (
            not pays(way)
            or (
                model.tier in allowed
                and price_of(config.prices, route.provider, model.name, day) is not None
            )
        )
    ]
    if not larger:
        return ()
    model = min(larger, key=lambda each: each.context_window)
    return (route_of(route.provider, model, way, route.access),)


def exit_code(kinds: Sequence[str]) -> int:
    """Name the exit code of a task that failed so: 3 limits, 4 access, 5 outage, else 1."""
    for code, group in EXIT_CODES:
        if kinds and all(kind in group for kind in kinds):
            return code
    limit, access, outage = (group for _, group in EXIT_CODES)
    if kinds and (kinds[-1] == r.TIMEOUT or all(kind in limit + outage for kind in kinds)):
        return 5
    limited = any(kind in limit for kind in kinds)
    return 3 if limited and all(kind in limit + access for kind in kinds) else 1


def may_pass(kinds: Sequence[str]) -> bool:
    """Tell whether a task failed of limits and outages alone: later there may be room for it."""
    passing = (*EXIT_CODES[0][1], r.STALLED, r.NETWORK, r.SERVER, r.OUTAGE)
    return bool(kinds) and all(kind in passing for kind in kinds)


def _asked(route: r.Route, failure: r.Failure) -> r.FallbackOn | None:
    """Find what the model's own settings do after a failure; None where they say nothing."""
    for row in route.parameters.fallback_on:
        if row.error == failure.kind and (row.immediate or row.wait_s is not None):
            return row
    return None


def _ruled_out(failure: r.Failure, failed: r.Route, other: r.Route) -> bool:
    scope = RULES_OUT[failure.kind]
    if scope == ACCOUNT:
        return other.transport.account == failed.transport.account
    if scope == MODEL:
        known = failed.context_window and other.context_window
        larger = other.context_window > failed.context_window if known else True
        return not larger or (other.provider, other.model) == (failed.provider, failed.model)
    return other == failed
