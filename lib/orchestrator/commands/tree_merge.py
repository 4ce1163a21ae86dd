"""`--merge`: the branches of a batch that passed their check, merged into one beside them."""

from __future__ import annotations

import shlex

from orchestrator.commands import screen
from orchestrator.commands.session import Session
from orchestrator.commands.stopping import Stopping
from orchestrator.errors import GitError
from orchestrator.work.merging import merged as merge
from orchestrator.work.plan import Plan
from orchestrator.work.worktree import Repository

CONFLICT = 6


def merged(session: Session, plan: Plan, modes: frozenset[str], stopping: Stopping) -> int:
    """Merge what passed `--verify`, by repository, in the order of the plan; returns the exit code.

    It stops at a conflict, and says so; and between two branches, when asked to.
    """
    code, passed = 0, plan.passed()
    tell = (lambda _: None) if "quiet" in modes else screen.talk
    if not passed:
        tell("nothing to merge: no change passed --verify")
    for folder, branches in passed.items():
        at, environment = session.at, session.environment
        repository = Repository(folder, at.state, environment, at.workspace)
        if not repository.top:
            screen.error(f"{folder}: {repository.why}; nothing was merged")
            code = CONFLICT
            continue
        try:
            made = merge(repository, plan.folder.batch, branches, lambda: bool(stopping.heard))
        except GitError as error:
            screen.error(str(error))
            code = CONFLICT
            continue
        tell(f"{folder}: {len(made.done)} of {len(branches)} branches are in {made.branch}")
        if stopping.heard:
            return 128 + stopping.number()
        if made.conflict is None:
            tell(f"  git -C {shlex.quote(folder)} merge {made.branch}")
            continue
        code = CONFLICT
        files = ", ".join(made.files[:5])
        rest = f"; {len(made.rest)} not tried" if made.rest else ""
        screen.error(
            f"{made.conflict} is in conflict with what is merged ({files}){rest}; merge it in "
            f"{made.path}, then --resume {plan.folder.batch} --merge goes on"
        )
    return code
