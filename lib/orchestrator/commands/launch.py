"""From a plan to its end: show it, ask, run it, say what came of it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator import clock
from orchestrator.commands import plan_page, screen, tree_merge
from orchestrator.commands.phrases import clock_span
from orchestrator.commands.planning import Made, Planner, sizes_of
from orchestrator.commands.recommendation import dollars, wrapped
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import Stopping
from orchestrator.commands.watch import Watch
from orchestrator.decide import batching
from orchestrator.errors import NoRoomError, UsageError
from orchestrator.records import MICRO, Json
from orchestrator.state import batches
from orchestrator.state.batches import Folder
from orchestrator.work import tally
from orchestrator.work.plan import Plan, caps_of

AGREED = ("y", "yes")


class Terms(NamedTuple):
    """How a plan is to be run, beside its nodes."""

    kind: str  # batch | prd | swarm
    parallel: int
    asked: dict[str, int]  # at once, by provider
    on_wall: str  # reroute | hold
    wait: bool
    merge: bool
    max_cost_usd: float | None
    force: bool
    modes: frozenset[str]  # dry_run yes json quiet
    spent_micro_usd: int = 0  # before the first node


@contextlib.contextmanager
def prepared(session: Session) -> Iterator[Folder]:
    """Make the folder of a plan and hold it; it is discarded unless the plan was begun."""
    at = session.at
    found = batches.new(at.state, at.logs, clock.now_ms())
    try:
        with batches.alone(found):
            yield found
    finally:
        if not os.path.exists(found.header):
            batches.discard(found)


def launch(session: Session, planner: Planner, made: Made, terms: Terms) -> int:
    """Show a plan and run it, if that is wanted; returns the exit code.

    Raises NoRoomError where it can't fit into the budget.
    """
    folder, now_ms = planner.folder, clock.now_ms()
    header = _header(session, folder, made, terms, now_ms)
    _fits(made, terms)
    data = "dry_run" in terms.modes
    _show(session, made, header, terms, data=data)
    if data or not _agreed(header, terms):
        return 0
    batches.keep_config(folder, session.at.config)
    batches.begin(folder, header, fsync=bool(session.config.settings["fsync"]))
    return run(session, folder, terms.modes)


def run(session: Session, folder: Folder, modes: frozenset[str], *, retry: bool = False) -> int:
    """Run what is left of a batch that is held; returns the exit code."""
    stopping = Stopping()
    watch = Watch(session, folder, stopping, quiet="quiet" in modes)
    if retry:
        watch.plan.reopen_failed()
    code = watch.run()
    summary = told(watch.plan, modes)
    if watch.plan.header["merge"] and not stopping.heard:
        code = tree_merge.merged(session, watch.plan, modes, stopping) or code
    if summary["done"] == summary["nodes"]:
        batches.tidy(folder)
    return code


def told(plan: Plan, modes: frozenset[str]) -> Json:
    """Say what came of a batch on stderr; data is where its results are, or its summary."""
    document = tally.summary(plan, status_of(plan, running=False))
    if "quiet" not in modes:
        for line in described(document):
            rows = wrapped(line, screen.columns()) if screen.is_terminal(sys.stderr) else [line]
            screen.talk("\n".join(rows))
    with contextlib.suppress(BrokenPipeError):  # the reader left; what happened stays as it is
        if "json" in modes:
            screen.data(document)
        elif plan.header["kind"] != "swarm":
            screen.out(plan.folder.results)
    return document


def described(summary: Json) -> list[str]:
    """Write a summary for people."""
    outcomes = ", ".join(f"{count} {name}" for name, count in summary["outcomes"].items())
    faster = f", {summary['speed_up']:.1f} x the parts" if summary["speed_up"] else ""
    money = [dollars(summary["cost_usd"]) + " billed"]
    if summary["cost_notional_usd"]:
        money.append(f"{dollars(summary['cost_notional_usd'])} on your plan")
    head = f"{summary['batch']}: {summary['done']} of {summary['nodes']} done"
    seconds = summary["seconds"]
    took = f"{seconds:.1f} s" if seconds < 60 else clock_span(seconds)
    lines = [f"{head} ({outcomes or 'nothing ran'}); {took}{faster}, {' and '.join(money)}"]
    script = {"prd": "run_prd.sh", "swarm": "swarm.sh"}.get(summary["kind"], "batch_runner.sh")
    if summary["left"]:
        lines.append(f"{summary['left']} left: scripts/{script} --resume {summary['batch']}")
    elif summary["failed"]:
        lines.append(
            f"{summary['failed']} not done: "
            f"scripts/{script} --resume {summary['batch']} --retry-failed"
        )
    trees = summary["trees_left"]
    if trees:
        more = f" and {len(trees) - 1} more" if len(trees) > 1 else ""
        lines.append(f"half-done worktrees are kept: {trees[0]}{more}")
    return lines


def status_of(plan: Plan, *, running: bool) -> str:
    """Name the state of a batch: running, over, or stopped with something left."""
    if running and not plan.schedule.over:
        return "running"
    return "over" if plan.schedule.over else "stopped"


def _header(session: Session, folder: Folder, made: Made, terms: Terms, now_ms: int) -> Json:
    ceiling = terms.max_cost_usd
    return {
        "batch": folder.batch,
        "kind": terms.kind,
        "created_at": clock.iso(now_ms),
        "nodes": made.nodes,
        "parallel": terms.parallel,
        "sizes": sizes_of(session, made),
        "asked": terms.asked,
        "providers": len(made.shares),
        "on_wall": terms.on_wall,
        "wait": terms.wait,
        "merge": terms.merge,
        "max_cost_micro_usd": None if ceiling is None else round(ceiling * MICRO),
        "spent_micro_usd": terms.spent_micro_usd,
        "estimate_usd": sum(share.billed for share in made.shares.values()) / MICRO,
    }


def _fits(made: Made, terms: Terms) -> None:
    """Refuse what is expected to cost more than its ceiling, or than what is left of the month."""
    billed = sum(share.billed for share in made.shares.values())
    left = batching.left_micro_usd(made.world.totals)
    cost = f"it is expected to cost {dollars(billed / MICRO)}"
    if terms.max_cost_usd is not None:
        ceiling = round(terms.max_cost_usd * MICRO) - terms.spent_micro_usd
        if billed > ceiling:
            raise NoRoomError(
                f"{cost}, more than the {dollars(max(0, ceiling) / MICRO)} that --max-cost leaves; "
                "raise it, or leave tasks out"
            )
    if not terms.force and billed > left.get("month", billed):
        month = dollars(left["month"] / MICRO)
        raise NoRoomError(
            f"{cost}, more than the {month} left of this month's budget; leave tasks out, raise "
            "budgets.limits_usd.month, or --force it"
        )


def _show(session: Session, made: Made, header: Json, terms: Terms, *, data: bool) -> None:
    if data and "json" in terms.modes:
        screen.data({**header, **as_json(made, header)})
    elif data or "quiet" not in terms.modes:
        paint = screen.painter(sys.stdout if data else sys.stderr)
        page = plan_page.drawn(made, header, session.titles, paint, screen.columns())
        (screen.out if data else screen.talk)(page, painted=True)


def as_json(made: Made, header: Json) -> Json:
    """Write what the page shows for scripts."""
    return {
        "providers": {
            name: {
                "tasks": share.tasks,
                "at_once": min(header["parallel"], caps_of(header)[name]),
                "tokens": share.tokens,
                "seconds": share.seconds,
                "cost_usd": share.billed / MICRO,
                "cost_notional_usd": share.on_plan / MICRO,
                "unpriced": share.unpriced,
            }
            for name, share in made.shares.items()
        },
        "listed": [row._asdict() for row in made.listed],
        "expected_seconds": plan_page.expected_s(made, caps_of(header), header["parallel"]),
        "notes": plan_page.notes(made, header),
    }


def _agreed(header: Json, terms: Terms) -> bool:
    """Ask a person, wherever the nodes came from; raises UsageError where nobody is there."""
    if "yes" in terms.modes:
        return True
    question = f"Run {header['nodes']} tasks? (y/n): "
    if screen.is_terminal(sys.stdin):
        screen.ask(question)
        return sys.stdin.readline().strip().lower() in AGREED
    if screen.is_terminal(sys.stderr):
        with contextlib.suppress(OSError), open("/dev/tty", encoding="utf-8") as terminal:
            screen.ask(question)
            return terminal.readline().strip().lower() in AGREED
    raise UsageError("there is no terminal to ask on; add --yes to run, or -n to only look")
