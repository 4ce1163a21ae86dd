"""A repository with a commit, what is on its branches, and a home without the developer's git."""

import os
import subprocess

from orchestrator.work.worktree import Repository

LINES = "".join(f"{number}\n" for number in range(20))


class Place:
    """A folder with a repository, a home, and state."""

    def __init__(self, folder):
        self.folder, self.repo = folder, folder / "repo"
        self.trees = folder / "state" / ".state" / "worktrees"
        (folder / "home").mkdir(parents=True)
        self.environment = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"]}
        (self.repo / "sub").mkdir(parents=True)
        (self.repo / "a.txt").write_text(LINES, "utf-8")
        (self.repo / "sub" / "b").write_text("b\n", "utf-8")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Begin")

    def git(self, *words, at=None, check=True):
        named = ("-c", "user.name=a", "-c", "user.email=a@localhost")
        done = subprocess.run(
            ["git", *named, *words],
            cwd=at or self.repo,
            env=self.environment,
            check=check,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def repository(self, folder=None):
        found = Repository(str(folder or self.repo), str(self.folder / "state"), self.environment)
        assert found.top, found.why
        return found

    def made(self, name, changes, bases=()):
        """Make a branch of ours with a change in it, as a task does; returns its name."""
        repository = self.repository()
        tree = repository.add(name, None, bases)
        for path, text in changes.items():
            with open(os.path.join(tree.path, path), "w", encoding="utf-8") as file:
                file.write(text)
        repository.commit(tree, f"Change {', '.join(changes)}")
        return tree.branch

    def shown(self, branch, path):
        return self.git("show", f"{branch}:{path}")

    def branches(self):
        return self.git("branch", "--format=%(refname:short)").splitlines()

    def checkout(self):
        """All that is the user's: where the checkout is, what is in it, and the configuration."""
        config = (self.repo / ".git" / "config").read_text("utf-8")
        head = (self.repo / ".git" / "HEAD").read_text("utf-8")
        return self.git("status", "--porcelain"), self.git("rev-parse", "HEAD"), head, config

    def sound(self):
        """Let git look over all it has; raises CalledProcessError."""
        self.git("fsck", "--full", "--strict", "--no-dangling")

    def evil(self, marked="pwned"):
        """Make a command that says so when it is run."""
        path = self.folder / "evil"
        path.write_text(f"#!/bin/sh\ntouch '{self.folder}/{marked}'\n", "utf-8")
        path.chmod(0o755)
        return str(path)


def line(number, text):
    """Change one line of a.txt."""
    rows = LINES.splitlines()
    rows[number] = text
    return {"a.txt": "\n".join(rows) + "\n"}
