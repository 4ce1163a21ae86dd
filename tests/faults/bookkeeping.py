"""Reserve and settle on request, one JSON line each way: CONFIG_FOLDER STATE_FOLDER."""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from orchestrator.config import load
from orchestrator.decide import limits
from orchestrator.errors import NoRoomError
from orchestrator.records import MICRO, Turn
from orchestrator.state.ledger import Ledger

PAYER = limits.Payer("openai", "gpt", metered=True)
TURN = Turn(1, 10, MICRO)
LEDGER = Ledger(sys.argv[2], load.load(sys.argv[1]))


def turn(name):
    """Reserve and settle; returns None, or the moment from which there is room."""
    refused = reserve(name)
    return refused if refused is not None else settle(name)


def reserve(name):
    try:
        LEDGER.reserve(name, "codex", TURN, PAYER)
    except NoRoomError as error:
        return error.retry_at_ms or 0
    return None


def settle(name):
    LEDGER.settle(name, "codex", TURN)


def storm(writers, seconds):
    """Let so many processes take turns as often as they get them; returns the moments granted."""
    reading, writing = os.pipe()
    children = []
    for number in range(writers):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _taken(number, time.monotonic() + seconds, writing)
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as file:
        granted = [int(line) for line in file]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    return {"granted": granted, "failed": sum(code != 0 for code in codes)}


def _taken(number, until, writing):
    tries = 0
    while time.monotonic() < until:
        tries += 1
        before_ms = time.time_ns() // 1_000_000
        if turn(f"{number}-{tries}") is None:
            os.write(writing, f"{before_ms}\n".encode())


for line in sys.stdin:
    name, *given = json.loads(line)
    print(json.dumps(globals()[name](*given)), flush=True)
