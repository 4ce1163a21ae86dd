"""`batch [options] [QUEUE]`: what scripts/batch_runner.sh does: plan a queue, ask, run it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from orchestrator.commands import launch, screen
from orchestrator.commands.launch import Terms
from orchestrator.commands.planning import Planner
from orchestrator.commands.session import Session
from orchestrator.config.options import OPTIONS, Option, by_name, parsed
from orchestrator.errors import UsageError
from orchestrator.plans import queue, rows
from orchestrator.records import MICRO, Json, Wishes
from orchestrator.state import batches
from orchestrator.work import tally
from orchestrator.work.plan import Plan

NAME = "scripts/batch_runner.sh"
SHARED = (
    Option("parallel", "", "files"),
    Option("merge", "", "flag"),
    Option("no-wait", "", "flag"),
    Option("on-wall", "", "choice", ("reroute", "hold")),
    Option("resume", "", "text"),
    Option("retry-failed", "", "flag"),
    Option("status", "", "text"),
)
OWN = (*SHARED, Option("repo", "", "text"), Option("pack", "", "flag"))
MODES = frozenset({"dry_run", "yes", "json", "quiet"})
# What may be said of a batch that is there, by field.
TAKEN = {
    "status": {"status", "json", "quiet"},
    "resume": {"resume", "retry_failed", "parallel", "max_cost_usd", "merge", *MODES},
}
LEFT_OUT = ("explain", "no-defer")
MOST_PARALLEL = 256
ROOM = 64 * 1024  # of a row, beside its task


def main(arguments: list[str]) -> int:
    """Plan and run a queue, go on with a batch, or tell how one is; returns the exit code."""
    values, rest = parsed(arguments, known(OWN), NAME)
    code = another(values, rest, NAME)
    if code is not None:
        return code
    if len(rest) > 1:
        raise UsageError(f"give one QUEUE, or none for stdin; see {NAME} --help")
    session = Session()
    terms = terms_of("batch", values, session)
    given, settings = given_of(values), session.config.settings
    with launch.prepared(session) as folder, opened(rest[0] if rest else "-") as stream:
        planner = Planner(session, folder, quiet="quiet" in values, pack="pack" in values)
        for index, value in rows.rows(stream, 6 * settings["max_task_bytes"] + ROOM):
            node, problems = queue.node(value, values.get("repo", "."), given, settings)
            planner.complain(f"task {index}", *problems)
            if node is not None:
                planner.add(f"task {index}", node)
        made = planner.made("the queue")
        if not made.nodes:
            raise UsageError("the queue is empty; a JSON array or JSON lines of tasks")
        return launch.launch(session, planner, made, terms)


def another(values: Json, rest: list[str], name: str) -> int | None:
    """Do what is about a batch that is there; None where a new one is to be made."""
    if "status" in values or "resume" in values:
        if rest:
            raise UsageError(f"a batch that is there takes nothing more; see {name} --help")
        about = "status" if "status" in values else "resume"
        other = sorted(values.keys() - TAKEN[about])
        if other:
            raise UsageError(f"--{about} takes no {other[0]}; a batch keeps what it began with")
        return status(values) if about == "status" else resume(values)
    if "retry_failed" in values:
        raise UsageError("--retry-failed goes with --resume ID")
    return None


def given_of(values: Json) -> Json:
    """Take the options that hold for all nodes; --max-cost is about all of them together."""
    return {n: v for n, v in values.items() if n in Wishes._fields and n != "max_cost_usd"}


def known(own: tuple[Option, ...]) -> dict[str, Option]:
    """Index the options of a script: its own, and those of orchestrate.sh."""
    return by_name([*own, *(each for each in OPTIONS if each.name not in LEFT_OUT)])


def terms_of(kind: str, values: Json, session: Session) -> Terms:
    """Read how a plan is to be run; raises UsageError."""
    settings = session.config.settings["batch"]
    parallel, asked = parallel_of(values.get("parallel", ()), session, settings["parallel"])
    return Terms(
        kind=kind,
        parallel=parallel,
        asked=asked,
        on_wall=values.get("on_wall", settings["on_wall"]),
        wait="no_wait" not in values,
        merge="merge" in values,
        max_cost_usd=values.get("max_cost_usd"),
        force="force" in values,
        modes=frozenset(values) & MODES,
    )


def parallel_of(told: tuple[str, ...], session: Session, usual: int) -> tuple[int, dict[str, int]]:
    """Read `--parallel N` and `--parallel PROVIDER=N`; raises UsageError."""
    parallel, asked = usual, dict[str, int]()
    for text in told:
        name, equals, number = text.rpartition("=")
        if not (number.isdecimal() and 1 <= int(number) <= MOST_PARALLEL):
            raise UsageError(
                f"--parallel is {text!r}; allowed: N or PROVIDER=N, 1 to {MOST_PARALLEL}"
            )
        if equals and name not in session.config.providers:
            listed = ", ".join(session.config.providers)
            raise UsageError(f"--parallel names {name!r}; there are {listed}")
        if equals:
            asked[name] = int(number)
        else:
            parallel = int(number)
    return parallel, asked


def resume(values: Json) -> int:
    """Go on with a batch: what is left, nothing twice; raises UsageError, TryLaterError."""
    if "dry_run" in values:
        return status({**values, "status": values["resume"]})
    here = Session()
    folder = batches.find(here.at.state, here.at.logs, values["resume"])
    with batches.alone(folder):
        session = _as_begun(here, folder)
        header = batches.header(folder)
        if "parallel" in values:
            parallel, asked = parallel_of(values["parallel"], session, header["parallel"])
            header |= {"parallel": parallel, "asked": header["asked"] | asked}
        if values.get("max_cost_usd") is not None:
            header["max_cost_micro_usd"] = round(values["max_cost_usd"] * MICRO)
        header["merge"] = header["merge"] or "merge" in values
        batches.begin(folder, header, fsync=True)
        modes = frozenset(values) & MODES
        return launch.run(session, folder, modes, retry="retry_failed" in values)


def status(values: Json) -> int:
    """Tell how a batch is."""
    here = Session()
    plan = Plan(batches.find(here.at.state, here.at.logs, values["status"]))
    running = batches.is_running(plan.folder)
    document = tally.summary(plan, launch.status_of(plan, running=running))
    if "json" in values:
        screen.data(document)
        return 0
    states = ", ".join(f"{count} {name}" for name, count in document["states"].items() if count)
    screen.out(f"{document['batch']}: {document['status']}; {states}")
    for line in launch.described(document):
        screen.out(line)
    return 0


def _as_begun(here: Session, folder: batches.Folder) -> Session:
    """Make the session with the configuration that a batch began with."""
    if not os.path.isdir(folder.config):
        return here  # nothing is left to be run
    own = {"ORCHESTRATE_STATE": here.at.state, "ORCHESTRATE_LOGS": here.at.logs}
    return Session(own={**os.environ, **own, "ORCHESTRATE_CONFIG": folder.config})


@contextlib.contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a queue, `-` for stdin; raises UsageError."""
    if path == "-":
        if sys.stdin is None:
            raise UsageError("stdin is closed; name a file with the queue")
        yield sys.stdin.buffer
        return
    try:
        stream = open(path, "rb")  # noqa: SIM115 it is closed below
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file with the queue") from None
    with stream:
        yield stream
