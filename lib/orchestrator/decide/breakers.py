"""When a billing account is left alone, and who may knock again (seed 002, section 9).

An outage and a wall of unknown length are probed, by one attempt at a time; a wall whose end is
known or guessed ends by itself; one that asks for money or a plan ends when a person says so.
"""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.records import Block, Breaker, Failure, Json, Outcome

CLOSED = Breaker()
OUTAGE, UNKNOWN, RATE = "outage", "unknown", "rate"
KINDS = (None, OUTAGE, UNKNOWN, RATE, r.CLOCK, r.WINDOW, r.PERSON)
PROBED = (OUTAGE, UNKNOWN)
AHEAD_MS = 60_000  # a clock that was further ahead has been set since
TOLD = 120  # characters of an error in the reason of a block
COUNTED = (r.SERVER, r.NETWORK, r.STALLED)
# The upstream knew the account and said no: it is there, so no outage.
REFUSED = (r.RATE_LIMIT, r.QUOTA)


def after(
    row: Breaker,
    outcome: Outcome,
    provider: str,
    settings: Json,
    started_ms: int,
    now_ms: int,
) -> Breaker:
    """Return the row after an attempt that began at `started_ms` ended at `now_ms`.

    What tells nothing of the account leaves it as it is: a refused key, a task that can't be done,
    an empty answer, a budget, a deadline, a signal. But for those that came after words of an
    answer: the account works, and so it does in a success.
    """
    failure = outcome.failure
    if failure is not None and failure.kind in REFUSED:
        return _walled(row, failure, provider, settings, now_ms)
    if failure is not None and failure.kind in COUNTED:
        return _failed(row, failure, provider, settings, now_ms)
    works = failure is None or outcome.used_tools or outcome.spent.output_tokens > 0
    # A call that was under way when its account met a wall says nothing of what is behind it.
    if works and (row.kind in (None, OUTAGE) or started_ms >= row.since_ms):
        return CLOSED
    return row


def block(row: Breaker, now_ms: int, account: str = "ACCOUNT") -> Block | None:
    """Tell why nobody should knock at an account now, or None: it is open, or a probe is due.

    What a clock wrote that was ahead blocks nobody.
    """
    if row.kind is None:
        return None
    ahead = now_ms < row.set_ms - AHEAD_MS
    if row.retry_at_ms is not None and (now_ms >= row.retry_at_ms or ahead):
        return None
    since = f"since {clock.iso(row.since_ms)}: {row.error[:TOLD]}"
    if row.kind == OUTAGE:
        return Block("outage", f"outage {since}", row.retry_at_ms)
    if row.kind == r.PERSON:
        then = f"then scripts/doctor.sh --clear {account}"
        return Block("limit", f"money or a plan is needed {since}; {then}", None)
    return Block("limit", f"limit reached {since}", row.retry_at_ms)


def probe_is_due(row: Breaker, now_ms: int) -> bool:
    """Tell whether the next attempt on the account is its one probe."""
    return row.kind in PROBED and block(row, now_ms) is None


def probed(row: Breaker, settings: Json, now_ms: int) -> Breaker:
    """Return the row once somebody has taken the probe: the others wait for the one after it."""
    return row._replace(retry_at_ms=now_ms + _probe_ms(row.kind, settings), set_ms=now_ms)


def opened(before: Breaker, row: Breaker) -> bool:
    """Tell whether an attempt opened the breaker anew; a rate limit passes too soon to tell of."""
    same = (row.kind, row.since_ms) == (before.kind, before.since_ms)
    return row.kind not in (None, RATE) and not same


def recovered(before: Breaker, row: Breaker) -> bool:
    """Tell whether an attempt ended what would not have ended by itself."""
    return before.kind in (*PROBED, r.PERSON) and row.kind in (None, RATE)


def _failed(row: Breaker, failure: Failure, provider: str, settings: Json, now_ms: int) -> Breaker:
    """Count a failure; at the limit, and after each failed probe, wait for the next."""
    if row.kind not in (None, OUTAGE) and block(row, now_ms) is not None:
        return row  # --force met a wall that is known
    failures = row.failures + 1
    if failures < settings["failures"] and row.kind != OUTAGE:
        return Breaker(failures, provider=provider)
    error = f"{failures} failures in a row, the last {failure.kind}: {failure.message}"
    since_ms = row.since_ms if row.kind == OUTAGE else now_ms
    fresh = Breaker(failures, OUTAGE, since_ms, error=error, provider=provider)
    if row.kind == OUTAGE and block(row, now_ms) is not None:
        return fresh._replace(retry_at_ms=row.retry_at_ms, set_ms=row.set_ms)
    return probed(fresh, settings, now_ms)


def _walled(row: Breaker, failure: Failure, provider: str, settings: Json, now_ms: int) -> Breaker:
    """Build the wall a refusal tells of; a rate limit without a time is none for others."""
    stands = row.kind not in (None, OUTAGE) and block(row, now_ms) is not None
    until_ms = failure.retry_at_ms
    if until_ms is None and failure.wait_s is not None and failure.wait_s < r.LONGEST_WAIT_S:
        until_ms = now_ms + int(failure.wait_s * 1000)
    told = until_ms is not None and until_ms > now_ms
    if failure.kind == r.RATE_LIMIT:
        if not told:
            return row if stands else CLOSED
        kind = RATE
    elif failure.wall == r.PERSON:
        kind, until_ms = r.PERSON, None
    elif told:
        kind = failure.wall or r.CLOCK
    else:
        kind, until_ms = UNKNOWN, now_ms + _probe_ms(UNKNOWN, settings)
    if stands and _outlasts(row, kind, until_ms):
        return row
    since_ms = row.since_ms if stands and row.kind == kind else now_ms
    return Breaker(0, kind, since_ms, until_ms, now_ms, failure.message, provider)


def _outlasts(row: Breaker, kind: str, until_ms: int | None) -> bool:
    """Tell whether the wall that stands outlasts a new one; what was told beats a guess."""
    if until_ms is None or (kind != RATE and row.kind in (RATE, UNKNOWN, r.WINDOW)):
        return False
    return row.retry_at_ms is None or row.retry_at_ms > until_ms


def _probe_ms(kind: str | None, settings: Json) -> int:
    return int(settings["probe_s" if kind == OUTAGE else "wall_probe_s"] * 1000)
