"""A repository whose git configuration names commands: we run none of them."""

import os
import subprocess

import pytest

from orchestrator.config.locations import pinned
from orchestrator.errors import StorageError
from orchestrator.work.git import Git
from orchestrator.work.worktree import Repository


@pytest.fixture
def place(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "repo" / "sub").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def repo(place):
    folder = place / "repo"
    (folder / "a.txt").write_text("a\n", "utf-8")
    (folder / ".gitattributes").write_text("*.txt filter=evil diff=evil\n", "utf-8")
    (folder / "sub" / "b").write_text("b\n", "utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Begin")
    return folder


def git(folder, *words):
    named = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True)


def environment(place):
    return {"HOME": str(place / "home"), "PATH": os.environ["PATH"], "GIT_DIR": "/nowhere"}


def found(place, folder, workspace=None):
    return Repository(str(folder), str(place / "state"), environment(place), workspace)


def worked_with(place, folder):
    """Do all that is done with a repository, with a change in its tree."""
    repository = found(place, folder)
    assert repository.top == str(folder), repository.why
    repository.dirty()
    tree = repository.add("one")
    (place / "state" / ".state" / "worktrees" / "one" / "a.txt").write_text("b\n", "utf-8")
    assert "a.txt" in repository.changed(tree)
    repository.commit(tree, "Change")
    return repository, tree


SETTINGS = (
    "core.fsmonitor",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "core.sshCommand",
    "core.editor",
    "core.pager",
    "core.askPass",
    "core.alternateRefsCommand",
    "gpg.program",
    "credential.helper",
    "alias.status",
    "sequence.editor",
)


def script(place):
    path = place / "evil"
    path.write_text(f"#!/bin/sh\ntouch '{place}/pwned'\ncat\n", "utf-8")
    path.chmod(0o755)
    return str(path)


def test_no_command_of_its_configuration_and_none_of_its_hooks_is_run(place, repo):
    for name in SETTINGS:
        git(repo, "config", name, script(place))
    git(repo, "config", "commit.gpgSign", "true")
    git(repo, "config", "core.hooksPath", str(place / "hooks"))
    hooks = place / "hooks"
    for folder in (hooks, repo / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("post-checkout", "pre-commit", "commit-msg", "post-commit", "pre-auto-gc"):
            (folder / name).write_text(f"#!/bin/sh\ntouch '{place}/pwned'\n", "utf-8")
            (folder / name).chmod(0o755)
    worked_with(place, repo)
    assert not (place / "pwned").exists()


@pytest.mark.parametrize(
    "name",
    [
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "hook.evil.command",
    ],
)
def test_what_has_a_name_of_its_own_in_its_configuration_keeps_git_out_of_it(place, repo, name):
    git(repo, "config", name, script(place))
    repository = found(place, repo)
    assert repository.top == ""
    assert repository.why == f"its git configuration names a command to run, {name}"
    assert not (place / "pwned").exists()


def test_a_filter_of_the_user_is_the_users(place, repo):
    config = f'[filter "evil"]\n\tclean = sed s/b/c/\n[core]\n\teditor = {script(place)}\n'
    (place / "home" / ".gitconfig").write_text(config, "utf-8")
    _, tree = worked_with(place, repo)
    shown = Git(environment(place)).run(str(repo), "show", f"{tree.branch}:a.txt")
    assert shown == "c\n"


def test_an_agent_that_gives_the_repository_a_filter_stops_what_follows(place, repo):
    repository = found(place, repo)
    tree = repository.add("one")
    git(repo, "config", "filter.evil.clean", script(place))
    for work in (lambda: repository.changed(tree), lambda: repository.add("two")):
        with pytest.raises(StorageError, match=r"git would run filter\.evil\.clean"):
            work()
    assert not (place / "pwned").exists()


def test_an_agent_that_gives_its_own_tree_a_filter_stops_what_follows(place, repo):
    repository = found(place, repo)
    tree = repository.add("one")
    git(repo, "config", "extensions.worktreeConfig", "true")
    git(tree.path, "config", "--worktree", "filter.evil.clean", script(place))
    with pytest.raises(StorageError, match=r"git would run filter\.evil\.clean"):
        repository.changed(tree)
    assert not (place / "pwned").exists()


def test_an_agent_that_changes_the_git_file_of_its_tree_changes_nothing(place, repo):
    repository = found(place, repo)
    tree = repository.add("one")
    other = place / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    git(other, "config", "filter.evil.clean", script(place))
    at = place / "state" / ".state" / "worktrees" / "one"
    (at / ".git").write_text(f"gitdir: {other}/.git\n", "utf-8")
    (at / "a.txt").write_text("b\n", "utf-8")
    assert "a.txt" in repository.changed(tree)
    repository.commit(tree, "Change")
    assert not (place / "pwned").exists()
    assert Git(environment(place)).run(str(repo), "show", f"{tree.branch}:a.txt") == "b\n"


def test_a_repository_within_it_is_not_looked_into(place, repo):
    inner = repo / "sub"
    git(inner, "init", "--quiet")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "--message=Inner")
    git(repo, "rm", "-r", "--cached", "--quiet", "sub")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message=With a repository in it")
    repository = found(place, repo)
    tree = repository.add("one")
    at = place / "state" / ".state" / "worktrees" / "one" / "sub"
    subprocess.run(["cp", "-a", f"{inner}/.", str(at)], check=True)
    git(at, "config", "core.fsmonitor", script(place))
    (at / "b").write_text("changed\n", "utf-8")
    repository.changed(tree)
    repository.commit(tree, "Change")
    assert not (place / "pwned").exists()


def test_a_bare_repository_that_came_in_a_folder_is_none(place, repo):
    bare = repo / "sub" / "bare"
    subprocess.run(["git", "clone", "--quiet", "--bare", repo, bare], check=True)
    git(bare, "config", "core.bare", "false")
    git(bare, "config", "core.worktree", str(repo / "sub"))
    repository = found(place, bare)
    assert repository.top == ""
    assert repository.why == "not a git repository with a commit"


def test_a_work_tree_that_is_named_elsewhere_is_not_taken(place, repo):
    git(repo, "config", "core.worktree", str(place / "home"))
    assert found(place, repo).top == ""


def test_with_a_workspace_a_repository_around_or_behind_it_is_left_alone(place, repo):
    inside = repo / "sub"
    assert found(place, inside).top == str(repo)
    assert found(place, inside, str(repo)).top == str(repo)
    assert found(place, inside, str(inside)).top == ""
    behind = place / "behind"
    behind.mkdir()
    (behind / ".git").write_text(f"gitdir: {repo}/.git\n", "utf-8")
    assert found(place, behind).top == str(behind)
    assert found(place, behind, str(behind)).why == "its git repository is elsewhere"


def test_no_request_leaves_for_what_a_repository_lacks(place, repo):
    git(repo, "config", "extensions.partialClone", "origin")
    git(repo, "config", "remote.origin.url", f"ext::{script(place)}")
    git(repo, "config", "remote.origin.promisor", "true")
    git(repo, "config", "protocol.ext.allow", "always")
    for path in (repo / ".git" / "objects").glob("??/*"):
        blob = path.parent.name + path.name
        kind = subprocess.run(
            ["git", "cat-file", "-t", blob], cwd=repo, capture_output=True, text=True, check=False
        )
        if kind.stdout == "blob\n":
            path.chmod(0o644)
            path.unlink()
    with pytest.raises(StorageError):
        found(place, repo).add("one")
    assert not (place / "pwned").exists()


def test_a_folder_is_held_by_what_it_is_and_not_by_its_name(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    with pinned(str(real)) as here:
        real.rename(tmp_path / "moved")
        (tmp_path / "elsewhere").mkdir()
        real.symlink_to(tmp_path / "elsewhere")
        assert os.readlink(here) == str(tmp_path / "moved")
    with pytest.raises(OSError, match="its path leads elsewhere now"), pinned(str(real)):
        pass
    with pytest.raises(FileNotFoundError), pinned(str(tmp_path / "gone")):
        pass
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(NotADirectoryError), pinned(str(tmp_path / "file")):
        pass
