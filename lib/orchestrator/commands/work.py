"""`work BATCH LIFELINE WORKERS NUMBER`: one worker of a batch; xargs starts them, no person does.

It works until no node is left, or until the end of whoever started the batch: then the other end of
LIFELINE, a pipe, is closed. What runs is cancelled and settled. It never ends with 126 or above,
which would end the other workers, too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import NoReturn

from orchestrator.commands.hands import Hands, Voice
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import SIGNALS
from orchestrator.state import batches
from orchestrator.work.plan import Plan
from orchestrator.work.runner import Runner


def main(arguments: list[str]) -> NoReturn:
    """Run the lanes of one worker; what goes wrong for all is told and is the exit code."""
    batch, lifeline, workers, number = arguments[0], *map(int, arguments[1:])
    for each in SIGNALS:
        signal.signal(each, lambda *_: None)  # who runs the batch decides; clients get the default
    os.set_inheritable(lifeline, False)  # noqa: FBT003 no client may hold it
    ended = threading.Event()
    threading.Thread(target=_watch, args=(lifeline, ended), daemon=True).start()
    session, voice = Session(), Voice(sys.stdout.fileno())
    found = batches.find(session.at.state, session.at.logs, batch)
    name = f"{os.getpid()}-{os.urandom(4).hex()}"
    batches.worker_lock(found, name)
    plan = Plan(found)
    hands = Hands(session, voice, lambda: signal.SIGTERM if ended.is_set() else 0)
    runner = Runner(plan, name, hands, ended.is_set)
    runner.run(lanes(plan.header["parallel"], workers, number))
    code = 0 if runner.trouble is None else runner.trouble.exit_code
    if runner.trouble is not None:
        voice.say(trouble=str(runner.trouble)[:2000], code=code)
    os._exit(code)  # all is written; taking the interpreter down costs as much as a task


def lanes(parallel: int, workers: int, number: int) -> int:
    """Share the lanes evenly; `number` counts from 1."""
    return parallel // workers + (number <= parallel % workers)


def _watch(lifeline: int, ended: threading.Event) -> None:
    while True:
        if select.select([lifeline], [], [], None)[0] and not os.read(lifeline, 1):
            ended.set()
            return
