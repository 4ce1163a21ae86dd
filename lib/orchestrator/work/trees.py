"""Where the attempts of one task work: the repository itself, or a worktree for each."""

from __future__ import annotations

import contextlib

from orchestrator.errors import StorageError
from orchestrator.records import Json, Outcome, Route
from orchestrator.state.redaction import redact
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.worktree import Repository, Tree

SUBJECT_LIMIT = 72


class Trees:
    """The trees of a task; an edit runs in a worktree as soon as a fallback is possible."""

    def __init__(self, context: Context, task_id: str, dispatch: Dispatch) -> None:
        """Decide once whether worktrees are needed and possible."""
        self.context, self.task_id = context, task_id
        self.folder = self.home = str(dispatch.line["repository"])
        self.subject = dispatch.line["task_description"].strip().splitlines()[0][:SUBJECT_LIMIT]
        routes = [route for chain in (dispatch.chain, *dispatch.climbs) for route in chain]
        edits = any(route.access == "edit" for route in routes)
        self.editing = edits
        self.repository: Repository | None = None
        self.tree: Tree | None = None
        self.count, self.diffstat, self.staying = 0, "", False
        self.handed_on: Tree | None = None  # what the tier below committed, for all that follow
        if edits and len(dispatch.chain) > 1:
            workspace = context.environment.get("ORCHESTRATE_WORKSPACE")
            found = Repository(self.home, context.state, context.environment, workspace)
            self.repository = found if found.top else None
            if self.repository is None:
                context.tell(f"{found.why}: changes are made in place")
            elif self.repository.dirty():
                context.tell("uncommitted work is not in the worktree, which starts from HEAD")

    def enter(self, route: Route) -> str:
        """Give an attempt its folder: a fresh worktree where it edits.

        It begins from HEAD, or from what did not pass its check on the tier below.
        """
        if self.staying and self.tree is not None and route.access == "edit":
            self.staying, self.diffstat = False, ""
            return self.folder
        self.folder, self.tree, self.diffstat = self.home, None, ""
        if self.repository is not None and route.access == "edit":
            self.count += 1
            self.tree = self.repository.add(f"{self.task_id}-{self.count}", self.handed_on)
            self.folder = self.tree.folder
        return self.folder

    def stay(self) -> None:
        """Let the next attempt go on in the tree of the last one, from what was committed."""
        self.staying = True
        self.handed_on = self.tree if self.diffstat else None
        if self.tree is not None and self.repository is not None:
            self.repository.restore(self.tree)

    def named(self) -> Json:
        """Name the tree of the attempt under way, nothing where it works in place."""
        return {"tree": self.tree.path, "branch": self.tree.branch} if self.tree else {}

    def left(self, outcome: Outcome, *, discard: bool = False) -> Json:
        """See to the tree of the attempt that just ended, and name it where something is in it.

        What a success changed is committed on its branch, before any check can add to it; what a
        failure left half done is kept as it is, unless it is to be discarded; an unchanged tree of
        a failure is removed.
        """
        if self.tree is None or self.repository is None:
            return {}
        if discard:
            self.context.tell("  what was done over --max-cost is discarded")
            if self.tree is not self.handed_on:
                self.repository.discard(self.tree)
                self.tree = None
                return {}
            self.repository.restore(self.tree)  # to what the tier below did
        self.diffstat = redact(self.repository.changed(self.tree), self.context.secrets)
        if not self.diffstat:
            if outcome.failure is not None:
                self._removed()
            return {}
        if outcome.failure is None:
            message = f"{self.subject}\n\nTask {self.task_id}\n"
            self.repository.commit(self.tree, message)
        else:
            self.context.tell(f"  the half-done tree is kept: {self.tree.path}")
        return {**self.named(), "diffstat": self.diffstat}

    def may_go_on(self, outcome: Outcome) -> bool:
        """Tell whether another attempt may start: never on top of half-done work in place."""
        return self.repository is not None or not (self.editing and outcome.used_tools)

    def finished(self, outcome: Outcome) -> Json:
        """Say how to take over what was done, and remove a tree in which nothing was."""
        if self.tree is not None and not self.diffstat:
            self._removed()
        if self.tree is None:
            return {"tree": None, "branch": None, "diffstat": None}
        if outcome.failure is None:
            self.context.tell(
                f"{self.diffstat}\nchanges are on {self.tree.branch}; take them over:"
            )
            self.context.tell(f"  git -C {self.home} merge {self.tree.branch}")
        return {**self.named(), "diffstat": self.diffstat}

    def _removed(self) -> None:
        """Remove the tree; one that a check left files in is kept, nothing is forced."""
        if self.tree is not None and self.repository is not None:
            with contextlib.suppress(StorageError):
                self.repository.remove(self.tree)
            self.tree = None
