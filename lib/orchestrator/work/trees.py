"""Where the attempts of one task work: the repository itself, or a worktree for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.records import Json, Outcome, Route
from orchestrator.work.context import Context
from orchestrator.work.worktree import Repository, Tree

if TYPE_CHECKING:
    from orchestrator.work.task import Dispatch

SUBJECT_LIMIT = 72


class Trees:
    """The trees of a task; an edit runs in a worktree as soon as a fallback is possible."""

    def __init__(self, context: Context, task_id: str, dispatch: Dispatch) -> None:
        """Decide once whether worktrees are needed and possible."""
        self.context, self.task_id = context, task_id
        self.folder = self.home = str(dispatch.line["repository"])
        self.subject = dispatch.line["task_description"].strip().splitlines()[0][:SUBJECT_LIMIT]
        edits = any(route.access == "edit" for route in dispatch.chain)
        self.editing = edits
        self.repository: Repository | None = None
        self.tree: Tree | None = None
        self.count = 0
        if edits and len(dispatch.chain) > 1:
            found = Repository(self.home, context.state, context.environment)
            self.repository = found if found.top else None
            if self.repository is None:
                context.tell("not a git repository with a commit: changes are made in place")
            elif self.repository.dirty():
                context.tell("uncommitted work is not in the worktree, which starts from HEAD")

    def enter(self, route: Route) -> str:
        """Give an attempt its folder: a fresh worktree of HEAD where it edits."""
        self.folder, self.tree = self.home, None
        if self.repository is not None and route.access == "edit":
            self.count += 1
            self.tree = self.repository.add(f"{self.task_id}-{self.count}")
            self.folder = self.tree.folder
        return self.folder

    def facts(self) -> Json:
        """Name the tree of the attempt that just ended; an unchanged one of a failure is removed."""
        if self.tree is None or self.repository is None:
            return {}
        return {"tree": self.tree.path, "branch": self.tree.branch}

    def may_go_on(self, outcome: Outcome) -> bool:
        """Tell whether another attempt may start: not on top of half-done work in place."""
        if self.tree is not None and self.repository is not None:
            stat = self.repository.changed(self.tree)
            if stat:
                self.context.tell(f"  the half-done tree is kept: {self.tree.path}")
            else:
                self.repository.remove(self.tree)
                self.tree = None
            return True
        return not (self.editing and self.repository is None and outcome.used_tools)

    def finished(self, outcome: Outcome, task_id: str) -> Json:
        """Put what was done on its branch and say how to take it over."""
        if self.tree is None or self.repository is None:
            return {"tree": None, "branch": None, "diffstat": None}
        stat = self.repository.changed(self.tree)
        if not stat:
            self.repository.remove(self.tree)
            return {"tree": None, "branch": None, "diffstat": ""}
        if outcome.failure is None:
            self.repository.commit(self.tree, f"{self.subject}\n\nTask {task_id}\n")
            self.context.tell(f"{stat}\nchanges are on {self.tree.branch}; take them over with:")
            self.context.tell(f"  git -C {self.home} merge {self.tree.branch}")
        else:
            self.context.tell(f"the half-done tree is kept: {self.tree.path}")
        return {"tree": self.tree.path, "branch": self.tree.branch, "diffstat": stat}
