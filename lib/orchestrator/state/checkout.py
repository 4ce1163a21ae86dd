"""Which checkout a folder is in, and its branch, from git's own files: a decision may ask it."""

from __future__ import annotations

import os

MOST = 4096  # bytes of one of these files
HEAD = "ref: refs/heads/"


def top(folder: str) -> str:
    """Find the checkout that a folder is in; empty outside git."""
    while not _is_git(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
    return folder


def branch(folder: str) -> str:
    """Name the branch checked out in a folder or above it; empty outside git, or on none.

    A linked worktree has a file `.git` that names its folder (gitrepository-layout(5)).
    """
    folder = top(folder)
    if not folder:
        return ""
    git = os.path.join(folder, ".git")
    named = _line(git).removeprefix("gitdir: ") if os.path.isfile(git) else git
    head = _line(os.path.join(folder, named, "HEAD"))
    return head.removeprefix(HEAD) if head.startswith(HEAD) else ""


def _is_git(path: str) -> bool:
    """Tell whether git would take it: an empty `.git` is what a client's sandbox leaves in /tmp."""
    return os.path.isfile(path) or os.path.lexists(os.path.join(path, "HEAD"))


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST).partition("\n")[0]
    except OSError:
        return ""
