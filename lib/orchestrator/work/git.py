"""Running git in a folder whose configuration is not ours to trust.

It runs without a terminal, a network, hooks and whatever else a repository can name to be run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from orchestrator.config.locations import pinned
from orchestrator.errors import GitError
from orchestrator.work.tree import Tree

TIMEOUT_S = 120
INHERITED = ("HOME", "PATH", "LANG", "XDG_CONFIG_HOME")
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
}
# Over what the repository says, be it that it came like that or that an agent changed it.
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "diff.ignoreSubmodules=all",
    "submodule.recurse=false",
    "safe.bareRepository=explicit",
    "gc.auto=0",
    "maintenance.auto=false",
    "rerere.enabled=false",
    "user.name=orchestrate",
    "user.email=orchestrate@localhost",
)
# These have names of their own, so none can be set aside; and files would be others without them.
COMMANDS = {
    "filter": ("clean", "smudge", "process"),
    "merge": ("driver",),
    "hook": ("command",),  # since git 2.54, whatever core.hooksPath says
}


class Git:
    """git, as we run it, for one user."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take what git may know of the environment."""
        self.environment = ENVIRONMENT | {
            name: environment[name] for name in INHERITED if name in environment
        }

    def run(
        self,
        folder: str,
        *arguments: str,
        text: str | None = None,
        settings: Sequence[str] = (),
    ) -> str:
        """Run a command in a resolved folder and return what it printed; raises GitError."""
        words = (word for setting in (*SETTINGS, *settings) for word in ("-c", setting))
        try:
            with pinned(folder) as here:
                done = subprocess.run(
                    ["git", *words, *arguments],
                    cwd=here,
                    env=self.environment,
                    input=text.encode() if text is not None else b"",
                    capture_output=True,
                    check=False,
                    timeout=TIMEOUT_S,
                    start_new_session=True,  # Ctrl-C is ours to hear, between two commands
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitError(f"git could not be run in {folder}: {error}") from error
        if done.returncode:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
            name = next(word for word in arguments if not word.startswith("-"))
            raise GitError(f"git {name} failed in {folder}: {said}")
        return done.stdout.decode("utf-8", "replace")

    def within(
        self,
        tree: Tree,
        *arguments: str,
        text: str | None = None,
        settings: Sequence[str] = (),
    ) -> str:
        """Run a command in a worktree, whatever its `.git` says by now; raises GitError."""
        where = (f"--git-dir={tree.git_dir}", f"--work-tree={tree.path}")
        return self.run(tree.path, *where, *arguments, text=text, settings=settings)

    def place(self, folder: str, which: str) -> str:
        """Ask `rev-parse` for a path, resolved; raises GitError."""
        told = self.run(folder, "rev-parse", which).removesuffix("\n")
        return os.path.realpath(os.path.join(folder, told))

    def own_command(self, at: str | Tree) -> str:
        """Name a command that git would run for the files of this repository; empty without one.

        One from the user's own configuration, as for Git LFS, is the user's. A worktree can have
        one that the others have not.
        """
        asked = ("config", "--list", "--show-scope", "--name-only")
        listed = self.within(at, *asked) if isinstance(at, Tree) else self.run(at, *asked)
        for line in listed.splitlines():
            scope, _, name = line.partition("\t")
            section, last = name.partition(".")[0], name.rpartition(".")[2]
            if scope in ("local", "worktree") and last in COMMANDS.get(section, ()):
                return name
        return ""
