"""A tree of its own for an agent that edits: the user's checkout stays untouched.

What changes a repository is serialised, for each apart; nothing is forced but the end of a tree
that passed its cost ceiling, and the way back to what was committed before the next attempt goes on
in a tree.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.config.locations import is_within
from orchestrator.errors import (
    ConflictError,
    GitError,
    OrchestratorError,
    StorageError,
    TryLaterError,
)
from orchestrator.state import files, locks
from orchestrator.work import merges
from orchestrator.work.git import TIMEOUT_S, Git
from orchestrator.work.tree import Tree

MOST_FILES = 100  # named in what is told of a change
MOST_CONFLICTS = 10  # in one line


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
        self.why = self.top = self.shared = ""
        try:
            self._find_top(os.path.realpath(workspace or "/"))
        except StorageError:
            self.why = "not a git repository with a commit"

    def dirty(self) -> bool:
        """Tell whether there is uncommitted work, which a worktree does not have."""
        return bool(self.git.run(self.top, "status", "--porcelain").strip())

    @property
    def mark(self) -> str:
        """Name the repository where a path would be too long, the same from all its worktrees."""
        return hashlib.sha256(os.fsencode(self.shared)).hexdigest()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold what others wait for who change the same repository, from whichever worktree.

        A checkout takes seconds and many wait their turn: raises GitError after 120 s.
        """
        path = os.path.join(files.ensure_folder(self.trees), f"git-{self.mark}.lock")
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locks.flocked(path, TIMEOUT_S))
            except TryLaterError as error:
                raise GitError(str(error)) from None
            yield

    def add(
        self, name: str, after: Tree | None = None, bases: Sequence[str] = (), number: int = 1
    ) -> Tree:
        """Make a worktree on a branch of its own; raises StorageError.

        It is of HEAD, of `bases` merged, or of what is committed in another tree, and then counts
        what is there, too. From 2 on, `number` is put to its name; where that is taken, the next
        that is free. Raises ConflictError when the bases can't be merged; no tree is left then.
        """
        with self.locked():
            self.refuse_commands(self.top)
            starts = [self.branch_ref(base) for base in bases]
            start = f"refs/heads/{after.branch}" if after else next(iter(starts), "HEAD")
            path, branch = self._free(name, number)
            tree = self.made(path, branch, start)
            if after:
                return tree._replace(base=after.base)
            try:
                self._merge(tree, bases)
                return self._now(tree)
            except OrchestratorError:
                with contextlib.suppress(StorageError):
                    self._remove(self._now(tree))
                raise

    def made(self, path: str, branch: str, start: str | None = None) -> Tree:
        """Make a worktree of a new branch, or of one that is there; the caller holds the lock."""
        new = ("--no-track", "-b", branch, path, start) if start else (path, branch)
        self.git.run(self.top, "worktree", "add", "--quiet", *new)
        return self.found(path, branch)

    def found(self, path: str, branch: str) -> Tree:
        """Find a worktree that is there."""
        inside = os.path.relpath(self.folder, self.top)
        folder = os.path.normpath(os.path.join(path, inside))
        folder = folder if os.path.isdir(folder) else path
        return self._now(
            Tree(self.top, path, folder, branch, "", self.git.place(path, "--git-dir"))
        )

    def path_of(self, name: str) -> str:
        """Name the folder of a worktree; it is one below that of all, whatever its branch."""
        return os.path.join(self.trees, name.replace("/", "-"))

    def branch_ref(self, branch: str) -> str:
        """Return the whole name of a branch of ours; raises StorageError when it is gone."""
        ref = merges.ref_of(branch)
        if not self.has(ref):
            raise GitError(f"{self.top}: the branch {branch} is gone; what was on it is needed")
        return ref

    def has(self, ref: str) -> bool:
        """Tell whether there is a reference of this whole name."""
        return ref in self._refs(ref)

    def known(self) -> set[str]:
        """List the paths where git knows of a worktree, be it there or not."""
        rows = self.git.run(self.top, "worktree", "list", "--porcelain").splitlines()
        return {row.removeprefix("worktree ") for row in rows if row.startswith("worktree ")}

    def refuse_commands(self, at: str | Tree) -> None:
        """Refuse to go on where an agent gave the repository a command to run: StorageError."""
        own = self.git.own_command(at)
        if own:
            where = at.path if isinstance(at, Tree) else at
            raise GitError(f"{self.top}: git would run {own} now; look at {where} yourself")

    def changed(self, tree: Tree) -> str:
        """Say what changed in a tree, the agent's own commits included, or nothing.

        Raises StorageError, also when the agent gave the repository a command to run.
        """
        self.refuse_commands(tree)
        self.git.within(tree, "add", "--all", "--intent-to-add")
        return self.git.within(
            tree, "diff", "--stat", f"--stat-count={MOST_FILES}", tree.base
        ).rstrip()

    def commit(self, tree: Tree, message: str) -> None:
        """Put the changes of a tree on its branch, so that `git merge` takes them over."""
        if not self.git.within(tree, "status", "--porcelain").strip():
            return  # the agent did it
        self.git.within(tree, "add", "--all")
        arguments = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-")
        self.git.within(tree, *arguments, text=message)

    def restore(self, tree: Tree) -> None:
        """Take a tree of ours back to its branch: what a check left in it is nobody's work."""
        self.git.within(tree, "reset", "--hard", "--quiet")
        self.git.within(tree, "clean", "-d", "--force", "--quiet")

    def remove(self, tree: Tree) -> None:
        """Remove a tree in which nothing changed, with its branch."""
        with self.locked():
            self._remove(tree)

    def discard(self, tree: Tree) -> None:
        """Remove a tree with all that was done in it, and its branch."""
        with self.locked():
            self.git.run(self.top, "worktree", "remove", "--force", tree.path)
            self.git.run(self.top, "branch", "--quiet", "-D", tree.branch)

    def _remove(self, tree: Tree) -> None:
        self.git.run(self.top, "worktree", "remove", tree.path)
        # `branch -d` would ask whether the user's own branch has what this one began from.
        self.git.run(self.top, "update-ref", "-d", f"refs/heads/{tree.branch}", tree.base)

    def _merge(self, tree: Tree, bases: Sequence[str]) -> None:
        for number, base in enumerate(bases[1:], 1):
            names = merges.merge(self.git, tree, base)
            if names:
                before, more = ", ".join(bases[:number]), " ..." * (len(names) > MOST_CONFLICTS)
                which = ", ".join(names[:MOST_CONFLICTS]) + more
                raise ConflictError(
                    f"{base} can't be merged with {before}: conflict in {which}; merge it yourself"
                )

    def _free(self, name: str, number: int) -> tuple[str, str]:
        """Find a folder and a branch that nobody has: what an earlier run left is kept."""
        known = self.known()
        while True:
            numbered = name if number == 1 else f"{name}-{number}"
            path, branch = self.path_of(numbered), f"orchestrate/{numbered}"
            taken = os.path.lexists(path) or self._refs(f"refs/heads/{branch}")
            if not taken and path not in known:
                return path, branch
            number += 1

    def _refs(self, ref: str) -> list[str]:
        """List a reference and those below it, which leave no room for it."""
        return self.git.run(self.top, "for-each-ref", "--format=%(refname)", ref).splitlines()

    def _now(self, tree: Tree) -> Tree:
        return tree._replace(base=self.git.within(tree, "rev-parse", "HEAD").strip())

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
            self.top, self.shared = top, shared
