"""What a batch came to: its summary, from what happened to its nodes."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter

from orchestrator import clock
from orchestrator.decide.schedule import FAILED, HELD, READY, RUNNING, STATES, WAITING
from orchestrator.records import MICRO, Json
from orchestrator.state import batches
from orchestrator.work.plan import Plan


def summary(plan: Plan, status: str) -> Json:
    """Sum a batch up; money in USD, `speed_up` is the sum of the parts over the time it took."""
    counts, wall_s = plan.schedule.counts, plan.progress.wall_ms / 1000
    left = counts[WAITING] + counts[READY] + counts[RUNNING] + counts[HELD]
    return {
        "schema": batches.SCHEMA,
        "timestamp": clock.iso(clock.now_ms()),
        "batch": plan.folder.batch,
        "kind": plan.header["kind"],
        "status": status,
        "nodes": len(plan.entries),
        "done": counts["done"],
        "failed": counts[FAILED],
        "left": left,
        "states": {name: counts[name] for name in STATES},
        "outcomes": dict(sorted(Counter(plan.progress.outcome.values()).items())),
        "cost_usd": plan.progress.spent / MICRO,
        "cost_notional_usd": plan.progress.on_plan / MICRO,
        "max_cost_usd": _usd(plan.header["max_cost_micro_usd"]),
        "estimate_usd": plan.header["estimate_usd"],
        "runs": plan.progress.runs,
        "parallel": plan.header["parallel"],
        "seconds": round(wall_s, 3),
        "seconds_of_parts": round(plan.progress.seconds, 3),
        "speed_up": round(plan.progress.seconds / wall_s, 2) if wall_s else None,
        "trees_left": trees_left(plan),
        "results": plan.folder.results,
    }


def trees_left(plan: Plan) -> list[str]:
    """List the worktrees of a batch that hold no result: half-done, after a wall or a kill."""
    batch, state = plan.folder.batch, os.path.dirname(os.path.dirname(plan.folder.private))
    top = os.path.join(state, "worktrees")
    branches = [branch for _, branch in plan.progress.branch.values()]
    known = {branch.partition("/")[2].replace("/", "-") for branch in branches}
    with contextlib.suppress(OSError):
        names = [name for name in sorted(os.listdir(top)) if name.startswith(f"{batch}-")]
        merged = re.compile(rf"{batch}-merged(-[0-9a-f]{{8}})?")
        left = [name for name in names if name not in known and not merged.fullmatch(name)]
        return [os.path.join(top, name) for name in left]
    return []


class Pace:
    """How fast a batch goes, and when it will be over."""

    def __init__(self, plan: Plan) -> None:
        """Begin to look."""
        self.plan, self.began, self._asked = plan, time.monotonic(), -1.0
        self._eta: float | None = None
        self._before = plan.schedule.left_s()

    def eta_s(self) -> float | None:
        """Expect the seconds that are left, from what was expected and what it took; once a second.

        None before anything is over.
        """
        now = time.monotonic()
        if now - self._asked < 1.0:
            return self._eta
        self._asked, left = now, self.plan.schedule.left_s()
        done = self._before - left
        self._eta = (now - self.began) * left / done if done > 0 else None
        return self._eta


def _usd(micro_usd: int | None) -> float | None:
    return None if micro_usd is None else micro_usd / MICRO
