"""A tree of its own for an agent that edits: the user's checkout stays untouched.

Commands of one repository are serialised; nothing is forced but the end of a tree that passed its
cost ceiling, and the way back to what was committed before the next attempt goes on in a tree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.config.locations import is_within
from orchestrator.errors import StorageError
from orchestrator.state import files, locks
from orchestrator.work.git import Git

MOST_FILES = 100  # named in what is told of a change


class Tree(NamedTuple):
    """A worktree: `folder` is where REPO is inside it."""

    top: str
    path: str
    folder: str
    branch: str
    base: str  # the commit it began from
    git_dir: str  # told to git each time: an agent may change the `.git` of its tree


class Repository:
    """A git repository and the folder for its worktrees."""

    def __init__(
        self, folder: str, state: str, environment: Mapping[str, str], workspace: str | None = None
    ) -> None:
        """Find the top of the repository; it is empty where there is none to work with, see `why`.

        With a workspace, a repository that lies outside of it is left alone.
        """
        self.folder, self.git = folder, Git(environment)
        self.trees = os.path.realpath(os.path.join(state, ".state", "worktrees"))
        self.why = self.top = ""
        try:
            self._find_top(os.path.realpath(workspace or "/"))
        except StorageError:
            self.why = "not a git repository with a commit"

    def dirty(self) -> bool:
        """Tell whether there is uncommitted work, which a worktree does not have."""
        return bool(self.git.run(self.top, "status", "--porcelain").strip())

    def add(self, name: str, after: Tree | None = None) -> Tree:
        """Make a worktree on a branch of its own; raises StorageError.

        It is of HEAD, or of what is committed in another tree, and then counts what is there, too.
        """
        start = after.branch if after else "HEAD"
        path, branch = os.path.join(files.ensure_folder(self.trees), name), f"orchestrate/{name}"
        with locks.flocked(os.path.join(self.trees, "git.lock")):
            self.git.run(self.top, "worktree", "add", "--quiet", "-b", branch, path, start)
        inside = os.path.relpath(self.folder, self.top)
        folder = os.path.normpath(os.path.join(path, inside))
        folder = folder if os.path.isdir(folder) else path
        base = after.base if after else self.git.run(path, "rev-parse", "HEAD").strip()
        return Tree(self.top, path, folder, branch, base, self.git.place(path, "--git-dir"))

    def changed(self, tree: Tree) -> str:
        """Say what changed in a tree, the agent's own commits included, or nothing.

        Raises StorageError, also when the agent gave the repository a command to run.
        """
        own = self.git.own_command(self.top)
        if own:
            raise StorageError(f"{self.top}: git would run {own} now; look at {tree.path} yourself")
        self._in(tree, "add", "--all", "--intent-to-add")
        return self._in(tree, "diff", "--stat", f"--stat-count={MOST_FILES}", tree.base).rstrip()

    def commit(self, tree: Tree, message: str) -> None:
        """Put the changes of a tree on its branch, so that `git merge` takes them over."""
        if not self._in(tree, "status", "--porcelain").strip():
            return  # the agent did it
        self._in(tree, "add", "--all")
        arguments = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-")
        self._in(tree, *arguments, text=message)

    def restore(self, tree: Tree) -> None:
        """Take a tree of ours back to its branch: what a check left in it is nobody's work."""
        self._in(tree, "reset", "--hard", "--quiet")
        self._in(tree, "clean", "-d", "--force", "--quiet")

    def remove(self, tree: Tree) -> None:
        """Remove a tree in which nothing changed, with its branch."""
        self._removed(tree, (), "-d")

    def discard(self, tree: Tree) -> None:
        """Remove a tree with all that was done in it, and its branch."""
        self._removed(tree, ("--force",), "-D")

    def _removed(self, tree: Tree, force: tuple[str, ...], delete: str) -> None:
        with locks.flocked(os.path.join(self.trees, "git.lock")):
            self.git.run(self.top, "worktree", "remove", *force, tree.path)
            self.git.run(self.top, "branch", "--quiet", delete, tree.branch)

    def _find_top(self, home: str) -> None:
        top = self.git.place(self.folder, "--show-toplevel")
        shared = self.git.place(self.folder, "--git-common-dir")
        self.git.run(self.folder, "rev-parse", "--verify", "--quiet", "HEAD")
        own = self.git.own_command(self.folder)
        if not (is_within(self.folder, top) and is_within(top, home) and is_within(shared, home)):
            self.why = "its git repository is elsewhere"
        elif own:
            self.why = f"its git configuration names a command to run, {own}"
        else:
            self.top = top

    def _in(self, tree: Tree, *arguments: str, text: str | None = None) -> str:
        where = (f"--git-dir={tree.git_dir}", f"--work-tree={tree.path}")
        return self.git.run(tree.path, *where, *arguments, text=text)
