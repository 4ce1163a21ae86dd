"""One branch of ours into a tree of ours: it goes in whole, or the tree is as it was."""

from __future__ import annotations

import contextlib
import os
import re

from orchestrator.errors import GitError, StorageError
from orchestrator.work.git import Git
from orchestrator.work.tree import Tree

OURS = re.compile(r"orchestrate(/[0-9A-Za-z_](?:[0-9A-Za-z_-]|\.(?=[0-9A-Za-z_-]))*)+")
# Each says what a configuration could say otherwise: another way to merge, or a program to ask.
OPTIONS = (
    "--strategy=ort",
    "--quiet",
    "--no-edit",
    "--no-ff",
    "--no-gpg-sign",
    "--no-verify",
    "--no-verify-signatures",
    "--no-log",
    "--no-stat",
)


def ref_of(branch: str) -> str:
    """Return the whole name of a branch of ours; raises StorageError for any other name."""
    if not OURS.fullmatch(branch) or branch.endswith(".lock"):
        raise GitError(f"{branch!r} is no branch of ours; nothing was merged")
    return f"refs/heads/{branch}"


def is_merging(tree: Tree) -> bool:
    """Tell whether a merge was begun in a tree and not ended."""
    return os.path.lexists(os.path.join(tree.git_dir, "MERGE_HEAD"))


def merge(git: Git, tree: Tree, branch: str) -> tuple[str, ...]:
    """Merge a branch into a clean tree; returns the files in conflict, as git quotes them.

    With a conflict, and when git fails, nothing of it stays. Raises StorageError.
    """
    what = (f"--message=Merge {branch} into {tree.branch}", ref_of(branch))
    plainly = (f"branch.{tree.branch}.mergeoptions=",)
    if is_merging(tree):
        raise GitError(f"{tree.path}: a merge is under way there; end it first")
    try:
        git.within(tree, "merge", *OPTIONS, *what, settings=plainly)
    except StorageError:
        names: tuple[str, ...] = ()
        with contextlib.suppress(StorageError):
            names = _in_conflict(git, tree)
        if is_merging(tree):
            git.within(tree, "merge", "--abort")
        if not names:
            raise
        return names
    return ()


def _in_conflict(git: Git, tree: Tree) -> tuple[str, ...]:
    rows = git.within(tree, "ls-files", "--unmerged").splitlines()
    return tuple(dict.fromkeys(row.partition("\t")[2] for row in rows))
