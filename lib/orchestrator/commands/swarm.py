"""`swarm ARGS_FD`: what scripts/swarm.sh does: a task taken apart, and its parts done by agents.

The words of the command line come NUL-separated through a descriptor, the task through them or
stdin: never through the arguments of a process.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from orchestrator.commands import batch, launch, screen, single, tasks
from orchestrator.commands.launch import Terms
from orchestrator.commands.planning import Planner
from orchestrator.commands.recommendation import dollars
from orchestrator.commands.running import context_of
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import Stopping
from orchestrator.config import locations
from orchestrator.config.options import parsed
from orchestrator.errors import InterruptedBySignalError, OrchestratorError, UsageError
from orchestrator.plans import swarm
from orchestrator.records import MICRO, Json, Node, Wishes
from orchestrator.state import batches
from orchestrator.state.batches import Folder
from orchestrator.work.plan import Plan

NAME = "scripts/swarm.sh"
COORDINATOR = "task-orchestrator"
SPLIT = "split"
OF_COORDINATOR = ("provider", "tier", "transport", "timeout_s", "strategy", "force")


class Split(NamedTuple):
    """A task taken apart, and what that cost in micro-USD."""

    nodes: list[Node]
    spent: int


def main(arguments: list[str]) -> int:
    """Take a task apart, show it, run it, print the joined answer; returns the exit code."""
    with os.fdopen(int(arguments[0]), "rb") as file:
        words = file.read().split(b"\0")[:-1]
    values, rest = parsed([os.fsdecode(word) for word in words], batch.known(batch.SHARED), NAME)
    code = batch.another(values, rest, NAME)
    if code is not None:
        return code if "status" in values else _joined(values["resume"], values, code)
    if len(rest) != 2:
        raise UsageError(f"REPO and TASK are needed: {NAME} [options] REPO TASK; see --help")
    session = Session()
    repository = locations.repository(rest[0], session.at.workspace)
    settings = session.config.settings
    data = tasks.stdin_bytes(settings) if rest[1] == "-" else words[-1]
    task, terms = tasks.checked(data, settings), batch.terms_of("swarm", values, session)
    given = batch.given_of(values)
    if "dry_run" in values:
        return _look(session, task, repository, given)
    if "yes" not in values and not _somebody(rest[1]):
        raise UsageError("there is no terminal to ask on; add --yes to run, or -n to only look")
    with launch.prepared(session) as folder:
        split = _split(session, folder, task, repository, given, terms)
        planner = Planner(session, folder, quiet="quiet" in values)
        for node in split.nodes:
            planner.add(node.key, node)
        made = planner.made("the task")
        terms = terms._replace(spent_micro_usd=split.spent)
        code = launch.launch(session, planner, made, terms)
        return _joined(folder.batch, values, code)


def _split(
    session: Session, folder: Folder, task: str, repository: str, given: Json, terms: Terms
) -> Split:
    """Ask the coordinator, once more where its answer can't be used; raises OrchestratorError."""
    stopping = Stopping()
    try:
        return _asked(session, folder, task, repository, given, terms, stopping)
    finally:
        stopping.end()  # a question comes next, and Ctrl-C is an answer


def _asked(
    session: Session,
    folder: Folder,
    task: str,
    repository: str,
    given: Json,
    terms: Terms,
    stopping: Stopping,
) -> Split:
    live = screen.Live(quiet="quiet" in terms.modes)
    context = context_of(session, live.event, live.status, stopping.number)
    agents = _agents(session)
    access = {name: row["access"] for name, row in session.catalog.agents.items()}
    text, spent = swarm.asked(task, agents), 0
    problems: list[str] = []
    for attempt in ("", "-again"):
        left = None if terms.max_cost_usd is None else terms.max_cost_usd - spent / MICRO
        wishes = _coordinating(given)._replace(max_cost_usd=left)
        names = (repository, folder.batch, f"{SPLIT}{attempt}")
        result = single.run(session, context, text, wishes, names)
        done = result.line["execution_metrics"]
        spent += round(MICRO * (done["cost_actual"] or 0))
        live.done()
        if stopping.heard:
            raise InterruptedBySignalError(stopping.heard[0])
        if result.exit_code:
            raise SplitError(
                f"the task could not be taken apart: {done['error']}", result.exit_code
            )
        nodes, problems = swarm.nodes(result.answer, task, repository, given, access)
        if nodes:
            return Split(nodes, spent)
        context.tell(f"the plan can't be used: {problems[0]}")
        text = swarm.asked_again(swarm.asked(task, agents), result.answer, problems)
    told = "; ".join(problems[:5])
    raise SplitError(f"the coordinator's plan can't be used, repaired or not: {told}; try again", 1)


class SplitError(OrchestratorError):
    """The coordinator failed; nothing of the task was run."""

    def __init__(self, message: str, code: int) -> None:
        """Keep the code of its own failure."""
        super().__init__(message)
        self.exit_code = code


def _agents(session: Session) -> dict[str, str]:
    """Name the agents of the catalog with what they are for."""
    return {name: row["specialization"] for name, row in session.catalog.agents.items()}


def _coordinating(given: Json) -> Wishes:
    kept: dict[str, Any] = {name: given[name] for name in OF_COORDINATOR if name in given}
    return Wishes(**kept)._replace(agent=COORDINATOR, no_defer=True)


def _look(session: Session, task: str, repository: str, given: Json) -> int:
    """Say who would take the task apart; what the parts are, only that tells."""
    text = swarm.asked(task, _agents(session))
    found = single.decided(session, text, _coordinating(given), repository)
    chosen = found.chosen
    cost = dollars(chosen.estimate.cost_usd if chosen.estimate else None)
    model = chosen.model.name if chosen.model else ""
    screen.out(f"{chosen.provider} {model} would take it apart, as {COORDINATOR}, for about {cost}")
    return 0


def _joined(named: str, values: Json, code: int) -> int:
    """Print the joined answer, where there is one."""
    here = Session()
    try:
        plan = Plan(batches.find(here.at.state, here.at.logs, named))
    except UsageError:
        return code  # it was declined
    answer = plan.answer_of(swarm.JOIN)
    if answer and "json" not in values:
        screen.out(answer)
    return code


def _somebody(task: str) -> bool:
    """Tell whether there is anybody to ask."""
    return screen.is_terminal(sys.stdin if task != "-" else sys.stderr) or screen.is_terminal(
        sys.stderr
    )
