"""Single operations on state, each from books that hold one settled and one running call."""

import json

import world

from orchestrator.decide.limits import Payer
from orchestrator.records import Breaker, Seen, Turn
from orchestrator.state import breakers, history, journal, usage
from orchestrator.state.ledger import Ledger

ATTEMPT = "a-1"
HELD, MORE = Turn(1, 500, 40_000), Turn(1, 700, 60_000)
SEEN = Seen("cost_usd", None, "day", None, 90, 100, "a test", world.NOW_MS)
PAYER = Payer("openai", "priced", metered=True)
FIGURES = {"input_overhead_tokens": 10.0, "output_tokens": 20.0, "seconds": 3.0}


def ledger(house):
    return Ledger(house.state, house.config, house.logs)


def prepare(house):
    """Write what every operation begins from."""
    reserve(house)
    breakers.change(house.state, "other", lambda _: Breaker(1, set_ms=1), fsync=False)
    history.learn(house.state, "codex/priced/api", FIGURES)


def reserve(house):
    ledger(house).reserve(ATTEMPT, "codex", HELD, PAYER)


def renew(house):
    ledger(house).renew(ATTEMPT, "codex", HELD, MORE)


def settle(house):
    ledger(house).settle(ATTEMPT, "codex", MORE)


def observe(house):
    ledger(house).observe("codex", [SEEN])


def learn(house):
    history.learn(house.state, "codex/priced/api", FIGURES | {"seconds": 9.0})


def trip(house):
    opened = Breaker(3, "outage", 1, 2, 1, "down", "codex")
    breakers.change(house.state, "openai", lambda _: opened, fsync=True)


def append(house):
    log = journal.Journal(house.logs, fsync=True)
    log.append(journal.USAGE, {"attempt_id": "b-1", "text": "ü" * 700})


def shown(house):
    """Read everything as a start does; whatever is not sound raises."""
    books = {
        name: usage.load(house.state, provider, world.NOW_MS)
        for name, provider in house.config.providers.items()
    }
    parts = {
        name: {part: document[part] for part in usage.PARTS} for name, document in books.items()
    }
    for held in parts["codex"]["reservations"].values():
        held["at_ms"] = 0
    for window in parts["codex"]["observations"].values():
        for seen in window.values():
            seen |= {"slot": 0, "own": 0}
    kept = {key: row._asdict() for key, row in breakers.load(house.state).items()}
    return json.dumps([parts, kept, history.load(house.state), house.log(journal.USAGE)])


WORKS = {work.__name__: work for work in (reserve, renew, settle, observe, learn, trip, append)}
