"""The checkout that a folder is in, and its branch, from git's own files."""

import pytest

from orchestrator.state import checkout


@pytest.fixture
def made(tmp_path):
    """Make a checkout with a folder below, and a linked worktree of it."""
    main, linked = tmp_path / "my repo", tmp_path / "linked"
    (main / "src" / "deep").mkdir(parents=True)
    linked.mkdir()
    own = main / ".git" / "worktrees" / "linked"
    own.mkdir(parents=True)
    (main / ".git" / "HEAD").write_text("ref: refs/heads/release/2\n", "utf-8")
    (own / "HEAD").write_text("0123456789abcdef\n", "utf-8")
    (linked / ".git").write_text(f"gitdir: {own}\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "top", "branch"),
    [
        ("my repo", "my repo", "release/2"),
        ("my repo/src/deep", "my repo", "release/2"),
        ("linked", "linked", ""),  # on no branch
    ],
)
def test_a_folder_of_a_checkout_is_on_its_branch(made, folder, top, branch):
    assert checkout.top(str(made / folder)) == str(made / top)
    assert checkout.branch(str(made / folder)) == branch


def test_outside_of_git_there_is_neither(tmp_path):
    assert (checkout.top(str(tmp_path)), checkout.branch(str(tmp_path))) == ("", "")


def test_an_empty_folder_of_that_name_is_no_checkout(tmp_path):
    (tmp_path / ".git").mkdir()
    assert checkout.top(str(tmp_path)) == ""
