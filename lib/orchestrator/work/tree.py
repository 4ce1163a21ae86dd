"""A worktree of ours, as all who work with it know it."""

from __future__ import annotations

from typing import NamedTuple


class Tree(NamedTuple):
    """A worktree: `folder` is where REPO is inside it."""

    top: str
    path: str
    folder: str
    branch: str
    base: str  # the commit it began from
    git_dir: str  # told to git each time: an agent may change the `.git` of its tree
