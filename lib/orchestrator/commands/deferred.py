"""`deferred list|due`: what waits for room; the others are what scripts/run_deferred.sh asks for.

`lock` names the file it holds locked, `alone FD` locks it, `next AFTER` and `task PLACE` are what
to run.
"""

from __future__ import annotations

import os
import sys

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.config import environment
from orchestrator.config.options import OPTIONS
from orchestrator.errors import TryLaterError, UsageError
from orchestrator.records import Json
from orchestrator.state import deferred, files, locks, logfile
from orchestrator.state.deferred import Entry
from orchestrator.state.journal import DEFERRED, Journal

NONE = {"list": "nothing waits", "due": "nothing is due"}


def main(arguments: list[str]) -> int:
    """Answer on stdout; raises UsageError, and TryLaterError when another one runs what is due."""
    _, at = environment.surroundings(os.environ)
    log, now_ms = Journal(at.logs), clock.now_ms()
    match arguments:
        case ["list" | "due" as which]:
            _listed(log, which, now_ms)
        case ["lock"]:
            path = f"{log.path(DEFERRED)}.run.lock"
            files.ensure_folder(log.folder)
            logfile.touch(path)
            sys.stdout.write(path)
        case ["alone", descriptor] if descriptor.isdecimal():
            if not locks.try_flock(int(descriptor)):
                raise TryLaterError("what is due is being run already; look at it with --list")
        case ["next", place] if _is_place(place):
            _next(log, int(place), now_ms)
        case ["task", place] if _is_place(place):
            sys.stdout.write(deferred.record_at(log, int(place))["task"])
            sys.stdout.flush()
        case _:
            words = "list, due, lock, alone FD, next PLACE or task PLACE"
            raise UsageError(f"deferred takes {words}")
    return 0


def _listed(log: Journal, which: str, now_ms: int) -> None:
    """Print a line for each task that waits, or for each that is due."""
    entries = deferred.pending(log)
    shown = [entry for entry in entries if which == "list" or entry.is_due(now_ms)]
    for entry in shown:
        screen.out(_told(entry, now_ms))
    if not shown:
        screen.out(f"{NONE[which]}; {len(entries)} pending" if entries else "nothing waits")


def _told(entry: Entry, now_ms: int) -> str:
    when = "due" if entry.is_due(now_ms) else f"from {entry.retry_at}"
    if entry.redacted:
        when = "not run, it held a key: start it again yourself"
    why = " ".join(entry.reason.split())
    return f"{entry.timestamp[:19]}  {entry.repository}  {entry.title}  ({when}; {why})"


def _next(log: Journal, after: int, now_ms: int) -> None:
    """Print the first due task beyond a place: its place, its title, and words, each with a NUL."""
    for entry in deferred.pending(log):
        if entry.offset > after and entry.is_due(now_ms) and not entry.redacted:
            record = deferred.record_at(log, entry.offset)
            words = [str(entry.offset), entry.title, *_words(record["options"])]
            sys.stdout.write("".join(f"{word}\0" for word in (*words, "--", entry.repository)))
            sys.stdout.flush()
            return


def _words(wishes: Json) -> list[str]:
    """Write wishes as the command line they came from."""
    words = []
    for option in OPTIONS:
        value = wishes.get(option.field)
        name = f"--{option.name}"
        if value is not None and option.kind == "flag":
            words.append(name)
        elif value is not None:
            words += [f"{name}={one}" for one in (value if type(value) is list else [value])]
    return words


def _is_place(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
