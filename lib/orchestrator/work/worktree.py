"""A tree of its own for an agent that edits: the user's checkout stays untouched.

git is run without hooks and without a terminal; commands of one repository are serialised;
nothing is forced but the end of a tree that passed its cost ceiling.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.errors import StorageError
from orchestrator.state import files

TIMEOUT_S = 120
IDENTITY = ("-c", "user.name=orchestrate", "-c", "user.email=orchestrate@localhost")


class Tree(NamedTuple):
    """A worktree: `folder` is where REPO is inside it."""

    top: str
    path: str
    folder: str
    branch: str
    base: str  # the commit it began from


class Repository:
    """A git repository and the folder for its worktrees."""

    def __init__(self, folder: str, state: str, environment: Mapping[str, str]) -> None:
        """Find the top of the repository; `top` is empty outside git or before a first commit."""
        self.folder = folder
        self.environment = {
            name: environment[name] for name in ("HOME", "PATH", "LANG") if name in environment
        } | {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        self.trees = os.path.join(state, ".state", "worktrees")
        self.top = self._find_top()

    def dirty(self) -> bool:
        """Tell whether there is uncommitted work, which a worktree does not have."""
        return bool(self._git(self.top, "status", "--porcelain").strip())

    def add(self, name: str) -> Tree:
        """Make a worktree of HEAD on a branch of its own; raises StorageError."""
        path, branch = os.path.join(files.ensure_folder(self.trees), name), f"orchestrate/{name}"
        with files.flocked(os.path.join(self.trees, "git.lock")):
            self._git(self.top, "worktree", "add", "--quiet", "-b", branch, path, "HEAD")
        inside = os.path.relpath(self.folder, self.top)
        folder = os.path.join(path, inside)
        base = self._git(path, "rev-parse", "HEAD").strip()
        return Tree(self.top, path, folder if os.path.isdir(folder) else path, branch, base)

    def changed(self, tree: Tree) -> str:
        """Say what changed in a tree, the agent's own commits included, or nothing."""
        self._git(tree.path, "add", "--all", "--intent-to-add")
        return self._git(tree.path, "diff", "--stat", tree.base).rstrip()

    def commit(self, tree: Tree, message: str) -> None:
        """Put the changes of a tree on its branch, so that `git merge` takes them over."""
        if not self._git(tree.path, "status", "--porcelain").strip():
            return  # the agent did it
        self._git(tree.path, "add", "--all")
        arguments = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-")
        self._git(tree.path, *IDENTITY, *arguments, text=message)

    def remove(self, tree: Tree) -> None:
        """Remove a tree in which nothing changed, with its branch."""
        self._removed(tree, (), "-d")

    def discard(self, tree: Tree) -> None:
        """Remove a tree with all that was done in it, and its branch."""
        self._removed(tree, ("--force",), "-D")

    def _removed(self, tree: Tree, force: tuple[str, ...], delete: str) -> None:
        with files.flocked(os.path.join(self.trees, "git.lock")):
            self._git(self.top, "worktree", "remove", *force, tree.path)
            self._git(self.top, "branch", "--quiet", delete, tree.branch)

    def _find_top(self) -> str:
        try:
            top = self._git(self.folder, "rev-parse", "--show-toplevel").strip()
            self._git(self.folder, "rev-parse", "--verify", "--quiet", "HEAD")
        except StorageError:
            return ""
        return top

    def _git(self, folder: str, *arguments: str, text: str | None = None) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", folder, "-c", "core.hooksPath=/dev/null", *arguments],
                env=self.environment,
                input=text.encode() if text is not None else b"",
                capture_output=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StorageError(f"git could not be run in {folder}: {error}") from error
        if done.returncode:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
            raise StorageError(f"git {arguments[0]} failed in {folder}: {said}")
        return done.stdout.decode("utf-8", "replace")
