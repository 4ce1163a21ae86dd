"""The usage file of a provider, `<provider>_usage.json` (seed 002, section 3.1).

The seed's flat fields mirror the fullest row for people and scripts; `windows`, `reservations` and
`observations` are what decisions are made from. A file with the flat fields alone is taken as an
observation from outside.
"""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.decide import limits, windows
from orchestrator.errors import StorageError
from orchestrator.records import MICRO, Json, Limit, Provider, Turn
from orchestrator.state import files

SCHEMA = 1
_COUNTED = ("requests", "tokens", "cost_micro_usd", "at_ms")
_HELD = frozenset((*_COUNTED, "account", "model", "metered"))
_SEEN = frozenset(("used", "own", "observed_at_ms"))


def path_of(folder: str, provider: str) -> str:
    """Name the usage file of a provider."""
    return os.path.join(folder, f"{provider}_usage.json")


def load(folder: str, provider: Provider, now_ms: int) -> Json:
    """Read a usage file, fresh where there is none; raises StorageError when it is not sound."""
    path = path_of(folder, provider.name)
    document = files.read_json(path)
    if document is None:
        return empty(provider.name, now_ms)
    if "schema" not in document:
        return _observed(document, provider, now_ms, path)
    if not isinstance(document["schema"], int) or document["schema"] > SCHEMA:
        raise StorageError(f"{path}: was written by a newer version; update, or move it away")
    for part in ("windows", "reservations", "observations"):
        if not isinstance(document.get(part), dict):
            raise StorageError(f"{path}: {part} is not an object; move it away to start anew")
    if not _is_sound(document):
        raise StorageError(f"{path}: holds figures that are none; move it away to start anew")
    return document


def empty(provider: str, now_ms: int) -> Json:
    """Begin the usage of a provider."""
    return {
        "schema": SCHEMA,
        "provider": provider,
        "timestamp": clock.iso(now_ms),
        "session_started": clock.iso(now_ms),
        "windows": {},
        "reservations": {},
        "observations": {},
    }


def mirrored(document: Json, provider: Provider, now_ms: int, zone: str) -> Json:
    """Return the document with the seed's flat fields brought up to date."""
    flat: Json = {}
    fullest: dict[str, float] = {}
    anybody = limits.Payer("", "", metered=True)
    for limit in provider.limits:
        taken = limits.spent(document, limit, anybody, now_ms, zone)
        if limit.metric == "cost_usd":
            if limit.period == "day":
                flat["cost_today"] = taken / MICRO
                flat["daily_budget"] = limit.limit / MICRO
            continue
        ratio = taken / limit.limit if limit.limit else 1.0
        if ratio >= fullest.get(limit.metric, -1.0):
            fullest[limit.metric] = ratio
            flat[f"{limit.metric}_used"] = taken
            flat[f"{limit.metric}_limit"] = limit.limit
            flat[f"{limit.metric}_percent"] = round(100 * ratio, 2)
    head = {"schema": SCHEMA, "provider": provider.name, "timestamp": clock.iso(now_ms), **flat}
    return {**head, **{key: value for key, value in document.items() if key not in head}}


def _is_sound(document: Json) -> bool:
    """Tell whether every figure is a count: whole and not negative."""
    counts = [count for window in document["windows"].values() for count in _values(window)]
    for held in document["reservations"].values():
        if not isinstance(held, dict) or not held.keys() >= _HELD:
            return False
        counts += [held[name] for name in _COUNTED]
    for seen in document["observations"].values():
        if not isinstance(seen, dict) or not seen.keys() >= _SEEN:
            return False
        counts += [seen[name] for name in _SEEN]
    return all(type(count) is int and count >= 0 for count in counts)


def _values(window: object) -> list[object]:
    """List the amounts of a window; a slot that is neither number nor date spoils it."""
    if not isinstance(window, dict) or not all(s.replace("-", "").isdigit() for s in window):
        return [None]
    return list(window.values())


def _observed(flat: Json, provider: Provider, now_ms: int, path: str) -> Json:
    """Read a file of the seed's shape as what an outside source saw."""
    document = empty(provider.name, now_ms)
    try:
        seen_ms = clock.parse(flat["timestamp"]) if "timestamp" in flat else now_ms
        for limit in provider.limits:
            used = _seen_amount(flat, limit)
            if used is not None:
                document["observations"][limit.name] = {
                    "used": used,
                    "own": 0,
                    "observed_at_ms": seen_ms,
                    "source": "usage file",
                }
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: {error}; mend it or move it away") from None
    return document


def _seen_amount(flat: Json, limit: Limit) -> int | None:
    if limit.metric == "cost_usd":
        cost = flat.get("cost_today") if limit.period == "day" else None
        return None if cost is None else round(float(cost) * MICRO)
    used, of, percent = (
        flat.get(f"{limit.metric}_{part}") for part in ("used", "limit", "percent")
    )
    if used is not None and of:
        return round(limit.limit * float(used) / float(of))
    if percent is not None:
        return -int(-limit.limit * float(percent) // 100)
    return None if used is None else int(used)


def booked(  # noqa: PLR0913, PLR0917 the facts of one booking
    document: Json,
    provider: Provider,
    turn: Turn,
    payer: limits.Payer,
    sent_ms: int,
    booked_ms: int,
    now_ms: int,
    zone: str,
) -> Json:
    """Return the document with a turn's use added: rates when it was sent, money on its day."""
    grown = dict(document["windows"])
    for limit in provider.limits:
        amount = limits.amount_of(limit, turn, payer)
        if amount:
            key = limits.key_of(limit, payer)
            at = booked_ms if limit.period else sent_ms
            grown[key] = windows.add(grown.get(key, {}), limit, amount, at, now_ms, zone)
    return {**document, "windows": grown}
