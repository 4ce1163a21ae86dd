"""The usage file of a provider, `<provider>_usage.json` (seed 002, section 3.1).

The seed's flat fields mirror the fullest row for people and scripts; `windows`, `reservations` and
`observations` are what decisions are made from. A file with the flat fields alone is taken as an
observation from outside.
"""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.decide import limits, windows
from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import MICRO, PARALLEL, Config, Json, Limit, Provider, Turn
from orchestrator.state import files

SCHEMA = 1
SUFFIX = "_usage.json"
PHASE_1 = "model_usage.json"  # what Phase 1 left is no usage file of a provider (`phase1.py`)
# Money is counted by day and month whatever rows there are: budgets sum it over all providers.
MONEY = (
    Limit("cost_usd", None, "day", 0, 100.0, "total"),
    Limit("cost_usd", None, "month", 0, 100.0, "total"),
)
PARTS = ("windows", "reservations", "observations")
_COUNTED = ("requests", "tokens", "cost_micro_usd", "at_ms")
_HELD = frozenset((*_COUNTED, "account", "model", "metered", "booked_day", "done"))
_SEEN = ("used", "own", "slot", "observed_at_ms", "resets_at_ms")
# A clock that drifts is no clock that was set: so much, and so much of the time between.
_DRIFT_MS, _DRIFT_SHARE = 500, 0.001
_APART_MS = 60_000  # two machines' clocks are no further apart


def path_of(folder: str, provider: str) -> str:
    """Name the usage file of a provider."""
    return os.path.join(folder, f"{provider}{SUFFIX}")


def load(folder: str, provider: Provider, now_ms: int) -> Json:
    """Read a usage file, fresh where there is none.

    Raises UnsoundError when its content is not what it should be, StorageError when a newer version
    wrote it or it can't be read.
    """
    path = path_of(folder, provider.name)
    document = files.read_json(path)
    if document is None:
        return empty(provider.name, now_ms)
    if "schema" not in document:
        return _observed(document, provider, now_ms, path)
    schema = document["schema"]
    if type(schema) is int and schema > SCHEMA:
        raise StorageError(f"{path}: was written by a newer version; update, or move it away")
    if type(schema) is not int or not all(is_sound(document, part) for part in PARTS):
        raise UnsoundError(path, "holds figures that are none")
    return _on_this_clock(document, provider, now_ms)


def everybody(folder: str, config: Config) -> list[Provider]:
    """List the providers whose money counts: those configured, and all that left a usage file."""
    known = config.providers
    names = {name.removesuffix(SUFFIX) for name in _listed(folder) if name.endswith(SUFFIX)}
    names.discard(PHASE_1.removesuffix(SUFFIX))
    return [*known.values(), *(nobody(name) for name in sorted(names.difference(known)))]


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
        if limit.metric in ("percent", PARALLEL):
            continue
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
    boot, elapsed_ms = clock.elapsed()
    head = {
        "schema": SCHEMA,
        "provider": provider.name,
        "timestamp": clock.iso(now_ms),
        **flat,
        "clock": {"wall_ms": now_ms, "boot": boot, "elapsed_ms": elapsed_ms},
    }
    return {**head, **{key: value for key, value in document.items() if key not in head}}


def is_sound(document: Json, part: str) -> bool:
    """Tell whether every figure of a part is a count: whole and not negative."""
    rows = document.get(part)
    if not isinstance(rows, dict):
        return False
    if part == "windows":
        counts = [count for window in rows.values() for count in _values(window)]
    elif part == "reservations":
        counts = [count for held in rows.values() for count in _held(held)]
    else:
        told = [seen for key in rows.values() for seen in (_objects(key))]
        counts = [count for seen in told for count in _seen(seen)]
    return all(type(count) is int and count >= 0 for count in counts)


def _objects(named: object) -> list[object]:
    return list(named.values()) if isinstance(named, dict) else [None]


def _held(row: object) -> list[object]:
    """List the figures of a reservation; one that lacks what it needs is spoilt."""
    if not isinstance(row, dict) or not row.keys() >= _HELD:
        return [None]
    day, done = row["booked_day"], row["done"]
    if not isinstance(day, str) or not isinstance(done, list) or len(done) != len(Turn._fields):
        return [None]
    return [row[name] for name in _COUNTED] + done


def _seen(row: object) -> list[object]:
    """List the figures of an outside figure; that it tells no reset is no damage."""
    if not isinstance(row, dict) or not row.keys() >= frozenset(_SEEN):
        return [None]
    return [row[name] for name in _SEEN if name != "resets_at_ms" or row[name] is not None]


def _values(window: object) -> list[object]:
    """List the amounts of a window; a slot that is neither number nor date spoils it."""
    if not isinstance(window, dict) or not all(s.replace("-", "").isdigit() for s in window):
        return [None]
    return list(window.values())


def _on_this_clock(document: Json, provider: Provider, now_ms: int) -> Json:
    """Move sliding windows along when the wall clock was set since the file was written.

    Windows are about time that passed; the wall clock only names days and months. Between boots,
    which may be those of two machines, the wall clock is trusted as long as it goes on.
    """
    then = document.get("clock")
    if not isinstance(then, dict) or not isinstance(then.get("wall_ms"), int):
        return document
    passed_ms = now_ms - then["wall_ms"]
    boot, elapsed_ms = clock.elapsed()
    if boot and boot == then.get("boot") and isinstance(then.get("elapsed_ms"), int):
        really_ms = elapsed_ms - then["elapsed_ms"]
    elif passed_ms < -_APART_MS:
        really_ms = elapsed_ms  # the wall clock was set back over a restart
    else:
        return document  # a restart, or another machine that shares the folder
    set_by_ms = passed_ms - really_ms
    if abs(set_by_ms) <= _DRIFT_MS + _DRIFT_SHARE * really_ms:
        return document
    rows = {limit.name: limit for limit in provider.limits if limit.period is None}
    moved = {part: dict(document[part]) for part in ("windows", "observations")}
    for part, keys in moved.items():
        for key in keys:
            limit = rows.get(key.partition("@")[0].partition("#")[0])
            if limit is not None and part == "windows":
                keys[key] = windows.shifted(keys[key], limit, set_by_ms)
            elif limit is not None:
                keys[key] = {name: _later(seen, set_by_ms) for name, seen in keys[key].items()}
    return document | moved


def _later(seen: Json, by_ms: int) -> Json:
    """Move an outside figure along; a told reset is a moment of the provider's clock, and stays."""
    return seen | {"observed_at_ms": max(0, seen["observed_at_ms"] + by_ms)}


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def nobody(name: str) -> Provider:
    """Make a provider that is no longer configured: it has no rows, its money still counts."""
    return Provider(name, name, True, (), "", 0.0, (), (), ())  # noqa: FBT003 a record's fields


def _observed(flat: Json, provider: Provider, now_ms: int, path: str) -> Json:
    """Read a file of the seed's shape as what an outside source saw."""
    document = empty(provider.name, now_ms)
    try:
        seen_ms = clock.parse(flat["timestamp"]) if "timestamp" in flat else now_ms
        for limit in provider.limits:
            used = _seen_amount(flat, limit)
            if used is not None:
                document["observations"][limit.name] = {
                    "usage file": {
                        "used": max(0, used),
                        "own": 0,
                        "slot": 0,
                        "observed_at_ms": max(0, seen_ms),
                        "resets_at_ms": None,
                    }
                }
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise UnsoundError(path, str(error)) from None
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
    counted_ms: int,
    day: str,
    now_ms: int,
    zone: str,
) -> Json:
    """Return the document with a turn's use added: rates when it was counted, money on its day."""
    grown = dict(document["windows"])
    rows = {limits.key_of(limit, payer): limit for limit in (*MONEY, *provider.limits)}
    for key, limit in rows.items():
        amount = limits.amount_of(limit, turn, payer)
        if amount:
            slot = windows.period_of(limit, day) or windows.slot_of(limit, counted_ms, zone)
            grown[key] = windows.added(grown.get(key, {}), limit, amount, slot, now_ms, zone)
    return {**document, "windows": grown}
