"""Where the attempts of one task work: the repository itself, or a worktree for each."""

from __future__ import annotations

import contextlib
import shlex

from orchestrator.errors import GitError, StorageError
from orchestrator.records import Json, Outcome, Route
from orchestrator.state.redaction import redact
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.tree import Tree
from orchestrator.work.worktree import Repository

SUBJECT_LIMIT = 72


class Trees:
    """The trees of a task; an edit runs in a worktree as soon as a fallback is possible.

    One that begins from what others changed has to see it: then, who only reads has a tree as well.
    """

    def __init__(self, context: Context, task_id: str, dispatch: Dispatch) -> None:
        """Decide once whether worktrees are needed and possible; raises StorageError.

        Without git, changes are made in place; but what others changed on branches is not there.
        """
        self.context, self.task_id = context, task_id
        self.branch, self.bases = dispatch.branch, dispatch.bases
        self.folder = self.home = str(dispatch.line["repository"])
        self.subject = dispatch.line["task_description"].strip().splitlines()[0][:SUBJECT_LIMIT]
        routes = [route for chain in (dispatch.chain, *dispatch.climbs) for route in chain]
        edits = any(route.access == "edit" for route in routes)
        self.editing, self.writing = edits, False
        self.repository: Repository | None = None
        self.tree: Tree | None = None
        self.count, self.diffstat, self.staying = 0, "", False
        self.handed_on: Tree | None = None  # what the tier below committed, for all that follow
        sees = bool(self.bases) and any(route.access != "none" for route in routes)
        if sees or (edits and (dispatch.always_tree or len(dispatch.chain) > 1)):
            workspace = context.environment.get("ORCHESTRATE_WORKSPACE")
            found = Repository(self.home, context.state, context.environment, workspace)
            self.repository = found if found.top else None
            if self.repository is None and sees:
                raise GitError(f"{self.home}: {found.why}; the work it begins from is not seen")
            if self.repository is None and dispatch.always_tree:
                raise GitError(f"{self.home}: {found.why}; nothing is changed in place")
            if self.repository is None:
                context.tell(f"{found.why}: changes are made in place")
            elif self.repository.dirty():
                context.tell("uncommitted work is not in the worktree, which starts from HEAD")

    def enter(self, route: Route) -> str:
        """Give an attempt its folder: a fresh worktree where it edits.

        It begins from HEAD, from what other tasks changed, or from what did not pass its check on
        the tier below. Raises StorageError, and ConflictError where those can't be merged.
        """
        writes, apart = route.access == "edit", self._is_apart(route)
        if self.staying and self.tree is not None and apart:
            self.staying, self.diffstat = False, ""
            self.writing = self.writing or writes
            return self.folder
        self.folder, self.tree, self.diffstat = self.home, None, ""
        self.writing = writes
        if self.repository is not None and apart:
            self.count += 1
            self.tree = self._added(self.repository)
            self.folder = self.tree.folder
        return self.folder

    def stay(self) -> None:
        """Let the next attempt go on in the tree of the last one, from what was committed."""
        if self.diffstat and not self.writing:
            return  # it was to change nothing, and is not gone on from
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
        a failure is removed. What was changed where nothing was to be is kept, and never committed.
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
        if outcome.failure is None and self.writing:
            message = f"{self.subject}\n\nTask {self.task_id}\n"
            self.repository.commit(self.tree, message)
        else:
            kind = "half-done tree" if self.writing else "tree, changed by who only reads,"
            self.context.tell(f"  the {kind} is kept: {self.tree.path}")
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
        if outcome.failure is None and self.writing:
            self.context.tell(
                f"{self.diffstat}\nchanges are on {self.tree.branch}; take them over:"
            )
            self.context.tell(f"  git -C {shlex.quote(self.home)} merge {self.tree.branch}")
        return {**self.named(), "diffstat": self.diffstat}

    def _is_apart(self, route: Route) -> bool:
        return route.access == "edit" or (route.access == "read" and bool(self.bases))

    def _added(self, repository: Repository) -> Tree:
        """Make the tree of an attempt, on the branch the task was given or on one of its id."""
        if self.branch:
            return repository.add(self.branch, self.handed_on, self.bases, self.count)
        return repository.add(f"{self.task_id}-{self.count}", self.handed_on, self.bases)

    def _removed(self) -> None:
        """Remove the tree; one that a check left files in is kept, nothing is forced."""
        if self.tree is not None and self.repository is not None:
            with contextlib.suppress(StorageError):
                self.repository.remove(self.tree)
            self.tree = None
