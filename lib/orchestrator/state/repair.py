"""Build the usage of a provider anew: from the usage log, and from what is in flight.

The log holds every call that is settled. A call that runs has noted what it reserved, one that is
over but not yet logged what it used. Figures from outside are kept where they are sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from orchestrator import clock
from orchestrator.decide import windows
from orchestrator.decide.limits import Payer
from orchestrator.decide.windows import KEPT_PERIODS as KEPT
from orchestrator.errors import UnsoundError
from orchestrator.records import MICRO, Json, Provider, Turn
from orchestrator.state import files, inflight, usage
from orchestrator.state.journal import USAGE, Journal


def rebuilt(folder: str, logs: str, provider: Provider, now_ms: int, zone: str) -> Json:
    """Return the usage that log and in-flight files tell of; memory does not grow with the log."""
    document = usage.empty(provider.name, now_ms)
    document["observations"] = _kept(folder, provider.name)
    open_calls = {call["attempt_id"]: call for call in _in_flight(folder, provider.name, zone)}
    for line in _logged(Journal(logs), provider.name):
        open_calls.pop(line.get("attempt_id"), None)
        document = _booked(document, provider, line, now_ms, zone)
    for attempt_id, call in open_calls.items():
        if "usage" in call:
            document = _booked(document, provider, call["usage"], now_ms, zone)
        else:
            document = _booked(document, provider, call["done"], now_ms, zone)
            document["reservations"][attempt_id] = call["held"]
    return document


def money_of(document: Json) -> dict[str, int]:
    """Take what is spent by day and month, in micro-USD, to compare two versions by."""
    return {
        f"{limit.period} {slot}": amount
        for limit in usage.MONEY
        for slot, amount in sorted(document["windows"].get(limit.name, {}).items())[-KEPT:]
    }


def _logged(log: Journal, name: str) -> Iterator[Json]:
    """Yield the lines of a provider's settled calls; a line that is none is skipped."""
    needle = name.encode()
    for line in log.lines(USAGE):
        if needle in line:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict) and record.get("provider") == name:
                yield record


def _booked(document: Json, provider: Provider, line: Json, now_ms: int, zone: str) -> Json:
    """Book what a usage line tells; one whose figures are none is skipped."""
    try:
        tokens = int(line["input_tokens"]) + int(line["output_tokens"])
        turn = Turn(int(line["requests"]), tokens, _micro_usd(line["cost_usd"]))
        payer = Payer(line["account"], line["model"], metered=line["billing"] == "metered")
        at_ms, day = clock.parse(line["timestamp"]), str(line["booked_day"])
        clock.parse(f"{day}T00:00:00Z")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return document
    if min(turn) < 0:
        return document
    return usage.booked(document, provider, turn, payer, at_ms, day, now_ms, zone)


def _micro_usd(usd: float | None) -> int:
    """Count what is unpriced, null in the log, as nothing spent."""
    return 0 if usd is None else round(float(usd) * MICRO)


def _in_flight(folder: str, name: str, zone: str) -> Iterator[Json]:
    """Yield the calls of a provider that are not known to be in the log."""
    for steps in inflight.peeked(folder):
        outcomes = {s["usage"]["attempt_id"]: s for s in steps if s["step"] == "outcome"}
        turns = {step["attempt_id"]: step for step in steps if step["step"] == "turn"}
        refused = {step["attempt_id"] for step in steps if step["step"] == "refused"}
        for step in steps:
            if step["step"] != "attempt" or step["route"]["provider"] != name:
                continue
            route, attempt_id = step["route"], step["route"]["attempt_id"]
            if attempt_id in refused:
                continue
            if attempt_id in outcomes:
                yield {"attempt_id": attempt_id, "usage": outcomes[attempt_id]["usage"]}
                continue
            turn = turns.get(attempt_id, {"done": Turn(0, 0, 0)._asdict(), "held": step["turn"]})
            day = windows.day_of(step["at_ms"], zone)
            held = {
                "at_ms": step["at_ms"],
                "booked_day": day,
                "account": route["account"],
                "model": route["model"],
                "metered": route["billing"] == "metered",
                "forced": step["forced"],
                "done": list(turn["done"].values()),
                **turn["held"],
            }
            done = {
                **route,
                "timestamp": clock.iso(step["at_ms"]),
                "booked_day": day,
                "requests": turn["done"]["requests"],
                "input_tokens": turn["done"]["tokens"],
                "output_tokens": 0,
                "cost_usd": turn["done"]["cost_micro_usd"] / MICRO,
            }
            yield {"attempt_id": attempt_id, "held": held, "done": done}


def _kept(folder: str, name: str) -> Json:
    """Keep the figures from outside of a file that is unsound elsewhere."""
    try:
        document = files.read_json(usage.path_of(folder, name)) or {}
    except UnsoundError:
        return {}
    sound = usage.is_sound(document, "observations")
    return dict(document["observations"]) if sound else {}
