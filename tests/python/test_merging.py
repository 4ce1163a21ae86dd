"""What the tasks of a batch changed comes together on a branch, never over anybody's work."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from gitted import Place, line

from orchestrator.errors import StorageError
from orchestrator.work.merging import Merged, merged
from orchestrator.work.worktree import Repository

BRANCH = "orchestrate/b/merged"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "a place")


@pytest.fixture
def into(place):
    return str(place.trees / "b-merged")


@pytest.fixture
def five(place):
    """Five branches, of which the third can't be merged with the second."""
    return [
        place.made("b/1", {"one": "1\n"}),
        place.made("b/2", line(2, "two")),
        place.made("b/3", line(2, "three")),
        place.made("b/4", line(17, "four")),
        place.made("b/5", {"five": "5\n"}),
    ]


def together(place, *branches):
    return merged(place.repository(), "b", branches)


def subjects(place):
    return place.git("log", "--first-parent", "--format=%s", BRANCH).splitlines()


def test_branches_are_merged_one_by_one_and_the_checkout_stays_as_it_is(place, into, five):
    (place.repo / "a.txt").write_text("mine\n", "utf-8")
    before = place.checkout()
    found = together(place, five[0], five[1], five[3])
    assert found == Merged(BRANCH, into, (five[0], five[1], five[3]))
    names = [f"Merge {branch} into {BRANCH}" for branch in reversed(found.done)]
    assert subjects(place) == [*names, "Begin"]
    rows = place.shown(BRANCH, "a.txt").splitlines()
    assert (rows[2], rows[17], place.shown(BRANCH, "one")) == ("two", "four", "1")
    assert place.checkout() == before
    place.sound()


def test_at_a_conflict_it_stops_and_the_tree_is_clean_at_the_last_good_merge(place, into, five):
    before = place.checkout()
    found = together(place, *five)
    assert found == Merged(BRANCH, into, tuple(five[:2]), five[2], ("a.txt",), tuple(five[3:]))
    assert place.git("status", "--porcelain", at=into) == ""
    assert not os.path.exists(place.git("rev-parse", "--git-path", "MERGE_HEAD", at=into))
    assert subjects(place)[0] == f"Merge {five[1]} into {BRANCH}"
    assert place.checkout() == before
    assert together(place, *five) == found
    place.sound()


def test_after_a_person_merged_what_was_in_conflict_it_goes_on(place, into, five):
    together(place, *five)
    place.git("merge", "--quiet", five[2], at=into, check=False)
    place.git("checkout", "--theirs", "a.txt", at=into)
    place.git("commit", "--quiet", "--all", "--message=By hand", at=into)
    found = together(place, *five)
    assert found == Merged(BRANCH, into, tuple(five))
    assert "By hand" in subjects(place)
    rows = place.shown(BRANCH, "a.txt").splitlines()
    assert (rows[2], rows[17]) == ("three", "four")


def test_what_is_in_it_counts_as_done_also_behind_a_conflict(place, into, five):
    together(place, five[1], five[4])
    found = together(place, *five)
    assert found.done == (five[0], five[1], five[4])
    assert (found.conflict, found.rest) == (five[2], (five[3],))
    count = len(subjects(place))
    assert together(place, *five) == found
    assert len(subjects(place)) == count


def test_later_it_goes_on_from_where_it_was_and_not_from_a_new_head(place, into, five):
    together(place, five[0])
    place.git("commit", "--quiet", "--allow-empty", "--message=Mine")
    together(place, five[0], five[3])
    assert "Mine" not in subjects(place)


def test_without_branches_nothing_is_made(place, into):
    assert together(place) == Merged(BRANCH, into, ())
    assert place.branches() == ["main"]


@pytest.mark.parametrize("name", ["a.txt", "new"])
def test_a_tree_that_a_person_works_in_is_named_and_left_alone(place, into, five, name):
    together(place, five[0])
    with open(os.path.join(into, name), "a", encoding="utf-8") as file:
        file.write("mine\n")
    with pytest.raises(StorageError, match=f"{into}: has uncommitted changes"):
        together(place, *five)
    with open(os.path.join(into, name), encoding="utf-8") as file:
        assert file.read().endswith("mine\n")


def test_a_merge_that_a_person_has_not_ended_is_not_ended_for_them(place, into, five):
    together(place, five[1])
    merge = ("merge", "--quiet", "--no-commit", "--strategy=ours", five[2])
    place.git(*merge, at=into)
    assert place.git("status", "--porcelain", at=into) == ""
    with pytest.raises(StorageError, match="has uncommitted changes"):
        together(place, *five)
    assert place.git("rev-parse", "MERGE_HEAD", at=into) == place.git("rev-parse", five[2])


def test_a_tree_on_another_branch_or_of_another_repository_is_left_alone(place, into, five):
    together(place, five[0])
    place.git("checkout", "--quiet", "-b", "mine", at=into)
    with pytest.raises(StorageError, match=f"is not on {BRANCH} any more"):
        together(place, *five)
    place.git("checkout", "--quiet", "--detach", at=into)
    with pytest.raises(StorageError, match=f"is not on {BRANCH} any more"):
        together(place, *five)
    shutil.rmtree(into)
    place.git("clone", "--quiet", str(place.repo), into)
    with pytest.raises(StorageError, match="is no worktree of"):
        together(place, *five)
    shutil.rmtree(into)
    os.mkdir(into)
    with pytest.raises(StorageError, match="git rev-parse failed"):
        together(place, *five)


def test_each_repository_of_a_batch_has_a_tree_of_its_own(place, into, five, tmp_path):
    other = Place(tmp_path / "other")
    other.folder = place.folder  # one state for both
    theirs = other.made("b/6", {"six": "6\n"}), other.made("b/7", {"seven": "7\n"})
    assert together(place, five[0]).path == into
    found = together(other, theirs[0])
    assert found.path.startswith(f"{into}-")
    assert found.done == theirs[:1]
    place.git("worktree", "remove", into)
    assert together(other, *theirs) == Merged(BRANCH, found.path, theirs)
    shutil.rmtree(found.path)
    assert together(other, *theirs) == Merged(BRANCH, found.path, theirs)
    assert together(place, *five[:2]) == Merged(BRANCH, into, tuple(five[:2]))
    assert (place.shown(BRANCH, "one"), other.shown(BRANCH, "six")) == ("1", "6")


def test_a_folder_that_somebody_removed_is_made_again_from_its_branch(place, into, five):
    together(place, five[0])
    others = place.git("worktree", "list").splitlines()
    for path in (into, str(place.trees / "b-5")):
        shutil.rmtree(path)
    assert together(place, five[0], five[3]).done == (five[0], five[3])
    assert subjects(place)[1] == f"Merge {five[0]} into {BRANCH}"
    assert len(place.git("worktree", "list").splitlines()) == len(others)


def test_a_branch_that_is_gone_or_not_ours_is_named_before_anything_is_merged(place, five):
    with pytest.raises(StorageError, match="the branch orchestrate/b/6 is gone"):
        together(place, *five, "orchestrate/b/6")
    with pytest.raises(StorageError, match="'main' is no branch of ours"):
        together(place, *five, "main")
    assert BRANCH not in place.branches()


def test_two_that_merge_at_once_come_to_the_same(place, into, five):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: together(place, *five), range(4)))
    assert set(found) == {
        Merged(BRANCH, into, tuple(five[:2]), five[2], ("a.txt",), tuple(five[3:]))
    }
    assert len(subjects(place)) == 3
    place.sound()


HOOKS = (
    "post-checkout",
    "post-merge",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "reference-transaction",
)


def test_no_hook_and_no_program_of_the_repository_is_run_by_a_merge(place, five):
    evil, hooks = place.evil(), place.folder / "hooks"
    hooks.mkdir()
    for folder in (hooks, place.repo / ".git" / "hooks"):
        for name in HOOKS:
            shutil.copy(evil, folder / name)
    for name in ("gpg.program", "core.editor", "core.fsmonitor", "sequence.editor"):
        place.git("config", name, evil)
    for name in ("commit.gpgSign", "merge.verifySignatures", "rerere.enabled", "merge.log"):
        place.git("config", name, "true")
    (place.folder / "pwned").unlink(missing_ok=True)
    for path in (None, str(hooks)):
        if path:
            place.git("config", "core.hooksPath", path)
            (place.folder / "pwned").unlink(missing_ok=True)
        together(place, *five)
        place.repository().add("c/1", None, (five[0], five[3]))
    assert not (place.folder / "pwned").exists()
    told = f"Merge {five[1]} into {BRANCH}"
    assert place.git("log", "-1", "--format=%B", BRANCH) == told


def test_a_merge_driver_of_the_repository_keeps_git_out_of_it(place, five):
    repository = place.repository()
    merged(repository, "b", five[:1])
    place.git("config", "merge.own.driver", f"{place.evil()} %A")
    (place.repo / ".git" / "info" / "attributes").write_text("* merge=own\n", "utf-8")
    assert Repository(str(place.repo), str(place.folder), place.environment).why == (
        "its git configuration names a command to run, merge.own.driver"
    )
    for work in (
        lambda: merged(repository, "b", five),
        lambda: merged(repository, "c", five[:1]),
        lambda: repository.add("c/1", None, [five[1], five[3]]),
    ):
        with pytest.raises(StorageError, match=r"git would run merge\.own\.driver now"):
            work()
    assert not (place.folder / "pwned").exists()


def test_a_merge_driver_of_one_tree_alone_stops_it_as_well(place, into, five):
    together(place, five[1])
    place.git("config", "extensions.worktreeConfig", "true")
    place.git("config", "--worktree", "merge.own.driver", f"{place.evil()} %A", at=into)
    (place.repo / ".git" / "info" / "attributes").write_text("* merge=own\n", "utf-8")
    with pytest.raises(StorageError, match=r"git would run merge\.own\.driver now"):
        together(place, *five)
    assert not (place.folder / "pwned").exists()


def test_a_merge_driver_of_the_user_is_the_users(place, five):
    config = '[merge "own"]\n\tdriver = cp %B %A\n'
    (place.folder / "home" / ".gitconfig").write_text(config, "utf-8")
    (place.repo / ".git" / "info" / "attributes").write_text("* merge=own\n", "utf-8")
    assert together(place, *five).done == tuple(five)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pull.twohead", "ours"),
        ("branch.orchestrate/b/merged.mergeoptions", "--strategy=ours"),
        ("branch.orchestrate/b/merged.mergeoptions", "--squash"),
        ("branch.orchestrate/b/merged.mergeoptions", "--no-commit"),
        ("merge.ff", "only"),
    ],
)
def test_no_configuration_makes_a_merge_lose_what_a_task_changed(place, five, name, value):
    place.git("config", name, value)
    found = together(place, *five)
    assert (found.done, found.conflict) == (tuple(five[:2]), five[2])
    assert place.shown(BRANCH, "one") == "1"
    assert place.shown(BRANCH, "a.txt").splitlines()[2] == "two"


def test_what_a_person_once_chose_in_a_conflict_is_not_chosen_for_them(place, into, five):
    for name in ("rerere.enabled", "rerere.autoUpdate"):
        place.git("config", name, "true")
    place.git("worktree", "add", "--quiet", "--detach", str(place.folder / "x"), five[1])
    place.git("merge", five[2], at=place.folder / "x", check=False)
    place.git("checkout", "--theirs", "a.txt", at=place.folder / "x")
    place.git("commit", "--all", "--message=Chosen", at=place.folder / "x")
    assert together(place, *five).conflict == five[2]
