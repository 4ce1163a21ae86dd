"""Our books against the providers' own: what they say was billed, by account and days of UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator import clock
from orchestrator.decide.windows import DAY_MS
from orchestrator.errors import TryLaterError
from orchestrator.providers import usage_apis
from orchestrator.providers.usage_report import Wanted
from orchestrator.records import MICRO, Config, Json


class Account(NamedTuple):
    """An account whose bill can be asked for; `key` tells whether its admin key is there."""

    name: str
    api: Json
    key: bool


class Held(NamedTuple):
    """One account held against its bill, in micro-USD; `problem` says why there is no bill."""

    account: str
    ours: int
    theirs: int | None
    problem: str | None


def accounts(config: Config, environment: Mapping[str, str]) -> list[Account]:
    """List the accounts with a cost API."""
    found = [provider.usage_api for provider in config.providers.values()]
    return [
        Account(str(api["account"]), api, usage_apis.key_of(api, environment) is not None)
        for api in found
        if api is not None and "cost_url" in api
    ]


def held(
    account: Account,
    ours: int,
    since: str,
    until: str,
    environment: Mapping[str, str],
    deadline_s: float,
    now_ms: int,
) -> Held:
    """Ask for the bill of days of UTC, both included.

    A report has a beginning and no end: what came after `until` is asked for, and taken off.
    """
    start, end = clock.parse(f"{since}T00:00:00Z"), clock.parse(f"{until}T00:00:00Z") + DAY_MS
    try:
        theirs = _billed(account, start, now_ms, environment, deadline_s)
        if end <= now_ms:
            theirs -= _billed(account, end, now_ms, environment, deadline_s)
    except (TryLaterError, OSError) as error:
        return Held(account.name, ours, None, str(error))
    return Held(account.name, ours, theirs, None)


def apart_percent(ours: int, theirs: int) -> float:
    """Tell how far our figure is from the bill, in percent of it; 100 where that is nothing."""
    if ours == theirs:
        return 0.0
    return round(100.0 * abs(ours - theirs) / theirs, 2) if theirs > 0 else 100.0


def alert(found: Held, since: str, until: str, limit: float, now_ms: int) -> Json:
    """Write the alert of an account whose books and bill are apart."""
    theirs = found.theirs or 0
    return {
        "schema": 1,
        "timestamp": clock.iso(now_ms),
        "kind": "reconcile",
        "account": found.account,
        "since": since,
        "until": until,
        "booked_usd": found.ours / MICRO,
        "billed_usd": theirs / MICRO,
        "percent": apart_percent(found.ours, theirs),
        "limit_percent": limit,
    }


def _billed(
    account: Account,
    start_ms: int,
    now_ms: int,
    environment: Mapping[str, str],
    deadline_s: float,
) -> int:
    wanted = Wanted("cost_usd", None, "month", start_ms, now_ms, days=True)
    seen = usage_apis.read(account.api, [wanted], environment, deadline_s)
    return sum(each.used for each in seen)
