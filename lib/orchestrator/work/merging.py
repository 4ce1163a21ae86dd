"""What the tasks of a batch changed, on one branch: in a worktree of its own, up to a conflict."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orchestrator.config.locations import is_within
from orchestrator.errors import GitError
from orchestrator.work import merges
from orchestrator.work.tree import Tree
from orchestrator.work.worktree import Repository


class Merged(NamedTuple):
    """How far it came."""

    branch: str
    path: str
    done: tuple[str, ...]  # what is in it, be it from an earlier call
    conflict: str | None = None  # the branch that could not be merged
    files: tuple[str, ...] = ()  # in conflict, as git quotes them
    rest: tuple[str, ...] = ()  # not tried


def merged(
    repository: Repository,
    batch: str,
    branches: Sequence[str],
    stopped: Callable[[], bool] = lambda: False,
) -> Merged:
    """Merge branches one by one into `orchestrate/<batch>/merged`, which begins from HEAD.

    At the first conflict it stops, with the tree clean at the last good merge; a person merges that
    one there, and the next call goes on. It stops between two, too, when asked to. Raises GitError,
    also while a person works there.
    """
    path, branch = _path(repository, f"{batch}/merged"), f"orchestrate/{batch}/merged"
    done: list[str] = []
    rest: list[str] = []
    conflict: str | None = None
    names: tuple[str, ...] = ()
    refs = {each: repository.branch_ref(each) for each in branches}
    for each, ref in refs.items():
        if stopped():
            rest.append(each)
            continue
        with repository.locked():
            tree = _tree(repository, path, branch)
            if _has(repository, tree, ref):
                done.append(each)
            elif conflict:
                rest.append(each)
            else:
                names = merges.merge(repository.git, tree, each)
                conflict = each if names else None
                done += [] if names else [each]
    return Merged(branch, path, tuple(done), conflict, names, tuple(rest))


def _path(repository: Repository, name: str) -> str:
    """Name the folder; of the repositories of a batch only the first has the plain name."""
    plain, known = repository.path_of(name), repository.known()
    marked = f"{plain}-{repository.mark[:8]}"
    others = os.path.lexists(plain) and plain not in known
    return marked if others or marked in known else plain


def _tree(repository: Repository, path: str, branch: str) -> Tree:
    """Make the tree, or find it as it was left; raises GitError when somebody works in it."""
    repository.refuse_commands(repository.top)
    ref = merges.ref_of(branch)
    if not os.path.lexists(path):
        if path in repository.known():  # somebody removed the folder; its branch is there
            repository.git.run(repository.top, "worktree", "remove", path)
        return repository.made(path, branch, None if repository.has(ref) else "HEAD")
    tree = repository.found(path, branch)
    if not is_within(tree.git_dir, repository.shared):
        raise GitError(f"{path}: is no worktree of {repository.top}; move it away")
    repository.refuse_commands(tree)
    if repository.git.within(tree, "rev-parse", "--symbolic-full-name", "HEAD").strip() != ref:
        raise GitError(f"{path}: is not on {branch} any more; switch it back, or move it away")
    if merges.is_merging(tree) or repository.git.within(tree, "status", "--porcelain").strip():
        raise GitError(f"{path}: has uncommitted changes; commit or undo them, then try again")
    return tree


def _has(repository: Repository, tree: Tree, ref: str) -> bool:
    """Tell whether a tree has all that is on a branch."""
    missing = ("rev-list", "--max-count=1", ref, "--not", "HEAD")
    return not repository.git.within(tree, *missing).strip()
