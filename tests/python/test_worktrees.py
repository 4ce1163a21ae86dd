"""Worktrees of their own for many tasks at one time, from what others changed before them."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import world
from gitted import Place, line

from orchestrator.errors import ConflictError, GitError, StorageError
from orchestrator.records import Failure, Route, Wishes
from orchestrator.state import locks
from orchestrator.work import worktree
from orchestrator.work.booking import NOTHING
from orchestrator.work.context import Dispatch
from orchestrator.work.trees import Trees

DONE, FAILED = NOTHING, NOTHING._replace(failure=Failure("SERVER", "made up"))
BATCH = "20261128-100501-ab12"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "a place")


def test_repositories_do_not_wait_for_each_other_but_worktrees_of_one_do(
    place, tmp_path, monkeypatch
):
    monkeypatch.setattr(worktree, "TIMEOUT_S", 0.05)
    other = Place(tmp_path / "other")
    shutil.copytree(other.folder / "home", place.folder / "other home")
    elsewhere = worktree.Repository(str(other.repo), str(place.folder / "state"), place.environment)
    place.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    linked = place.repository(tmp_path / "linked")
    with place.repository().locked():
        elsewhere.add("one")
        with pytest.raises(GitError, match=r"git-[0-9a-f]{64}\.lock: still locked by"):
            linked.add("two")
    linked.add("two")
    assert len(list(place.trees.glob("git-*.lock"))) == 2


def test_a_turn_is_waited_for_longer_than_a_lock_of_the_books(place, monkeypatch):
    assert worktree.TIMEOUT_S == 120
    monkeypatch.setattr(locks, "TIMEOUT_S", 0.01)
    with ThreadPoolExecutor(1) as pool:
        with place.repository().locked():
            waiting = pool.submit(place.repository().add, "one")
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        assert waiting.result().branch == "orchestrate/one"


def test_a_tree_begins_from_what_earlier_tasks_changed_and_shows_only_its_own(place):
    before = place.checkout()
    bases = [
        place.made("b/1", {"one": "1\n"}),
        place.made("b/2", line(2, "two")),
        place.made("b/3", line(17, "three")),
    ]
    repository = place.repository()
    tree = repository.add("b/4", None, bases)
    assert (tree.branch, tree.path) == ("orchestrate/b/4", str(place.trees / "b-4"))
    assert repository.changed(tree) == ""
    with open(os.path.join(tree.path, "a.txt"), encoding="utf-8") as file:
        rows = file.read().split("\n")
    assert (rows[2], rows[17]) == ("two", "three")
    with open(os.path.join(tree.path, "four"), "w", encoding="utf-8") as file:
        file.write("4\n")
    own, total = repository.changed(tree).splitlines()
    assert (own.split()[0], total) == ("four", " 1 file changed, 1 insertion(+)")
    repository.commit(tree, "Four")
    assert place.shown(tree.branch, "one") == "1"
    assert place.git("log", "-1", "--format=%s", tree.base) == (
        "Merge orchestrate/b/3 into orchestrate/b/4"
    )
    assert place.git("rev-parse", tree.branch + "^") == tree.base
    assert place.checkout() == before
    place.sound()


def test_a_tree_may_begin_from_two_that_began_from_the_same(place):
    first = place.made("b/1", {"one": "1\n"})
    second, third = place.made("b/2", {"two": "2\n"}, [first]), place.made("b/3", {}, [first])
    tree = place.repository().add("b/4", None, [second, third, first])
    assert sorted(os.listdir(tree.path)) == [".git", "a.txt", "one", "sub", "two"]


def test_it_goes_on_from_a_tree_that_has_its_bases_and_counts_all_that_is_new(place):
    bases = place.made("b/1", {"one": "1\n"}), place.made("b/2", {"two": "2\n"})
    repository = place.repository()
    below = repository.add("b/3", None, bases)
    with open(os.path.join(below.path, "three"), "w", encoding="utf-8") as file:
        file.write("3\n")
    repository.commit(below, "Three")
    tree = repository.add("b/3", below, bases, 2)
    assert (tree.branch, tree.base) == ("orchestrate/b/3-2", below.base)
    assert "three" in repository.changed(tree)
    assert "two" not in repository.changed(tree)


@pytest.mark.parametrize("third", [line(2, "other"), {"a.txt": None}])
def test_bases_that_cannot_be_merged_leave_nothing_but_the_error(place, third):
    bases = [place.made("b/1", {"one": "1\n"}), place.made("b/2", line(2, "two"))]
    tree = place.repository().add("b/3")
    if third["a.txt"] is None:
        place.git("rm", "--quiet", "a.txt", at=tree.path)
        place.git("commit", "--quiet", "--message=Remove", at=tree.path)
    else:
        (place.trees / "b-3" / "a.txt").write_text(third["a.txt"], "utf-8")
        place.repository().commit(tree, "Change")
    before, branches = place.checkout(), place.branches()
    with pytest.raises(ConflictError) as error:
        place.repository().add("b/4", None, [*bases, tree.branch])
    assert str(error.value) == (
        "orchestrate/b/3 can't be merged with orchestrate/b/1, orchestrate/b/2: "
        "conflict in a.txt; merge it yourself"
    )
    assert error.value.exit_code == 1
    assert not os.path.lexists(place.trees / "b-4")
    assert place.branches() == branches
    assert "b-4" not in place.git("worktree", "list")
    assert place.checkout() == before
    place.sound()


def test_files_in_conflict_cannot_break_the_line_and_only_some_are_named(place):
    names = ["a\nb", *(f"f{number}" for number in range(20))]
    bases = [place.made(f"b/{n}", dict.fromkeys(names, f"{n}\n")) for n in (1, 2)]
    with pytest.raises(ConflictError) as error:
        place.repository().add("b/3", None, bases)
    told = str(error.value)
    assert r'conflict in "a\nb", f0, ' in told
    assert told.endswith(" ...; merge it yourself")
    assert len(told) < 200


def test_what_git_cannot_merge_at_all_leaves_nothing_either(place):
    place.git("checkout", "--quiet", "--orphan", "orchestrate/b/2")
    place.git("commit", "--quiet", "--message=Another history")
    place.git("checkout", "--quiet", "main")
    bases = [place.made("b/1", {"one": "1\n"}), "orchestrate/b/2"]
    with pytest.raises(StorageError, match="refusing to merge unrelated histories"):
        place.repository().add("b/3", None, bases)
    assert "orchestrate/b/3" not in place.branches()
    assert not os.path.lexists(place.trees / "b-3")


def test_a_base_that_is_gone_is_named_before_anything_is_made(place):
    bases = [place.made("b/1", {"one": "1\n"}), "orchestrate/b/2"]
    with pytest.raises(StorageError, match="the branch orchestrate/b/2 is gone"):
        place.repository().add("b/3", None, bases)
    assert "orchestrate/b/3" not in place.branches()


@pytest.mark.parametrize(
    "name",
    [
        "main",
        "HEAD",
        "orchestrate",
        "orchestrate/",
        "orchestrate//x",
        "orchestrate/x/",
        "refs/heads/orchestrate/x",
        "orchestrate/x~1",
        "orchestrate/x^{tree}",
        "orchestrate/x:a.txt",
        "orchestrate/x..main",
        "orchestrate/x@{1}",
        "orchestrate/-x",
        "orchestrate/.x",
        "orchestrate/x.",
        "orchestrate/x.lock",
        "orchestrate/../main",
        "orchestrate/x y",
        "orchestrate/x\n",
        "--upload-pack=x",
        "",
    ],
)
def test_a_base_that_is_no_plain_branch_of_ours_is_refused(place, name):
    with pytest.raises(StorageError, match="is no branch of ours"):
        place.repository().add("b/3", None, [name])


@pytest.mark.parametrize("key", ["_x", "3f2a-1", "US-001", "a.b_c", "x-", "lock", "x.lock.y"])
def test_a_base_may_be_named_as_a_task_of_a_plan_is(place, key):
    base = place.made(f"{BATCH}/{key}", {"one": "1\n"})
    assert place.repository().add("b/2", None, [base]).base == place.git("rev-parse", base)


def test_a_name_that_is_taken_gets_the_next_number_and_what_was_there_is_kept(place):
    half = place.repository().add("b/1")
    (place.trees / "b-1" / "half").write_text("half\n", "utf-8")
    place.git("branch", "orchestrate/b/1-2")
    (place.trees / "b-1-3").mkdir()
    place.git("branch", "orchestrate/b/1-4/below")
    vanished = place.repository().add("b/1", None, (), 5)
    shutil.rmtree(vanished.path)
    place.git("update-ref", "-d", "refs/heads/orchestrate/b/1-5")
    tree = place.repository().add("b/1")
    assert (tree.branch, tree.path) == ("orchestrate/b/1-6", str(place.trees / "b-1-6"))
    assert (place.trees / "b-1" / "half").exists()
    assert half.branch in place.branches()


def test_an_unchanged_tree_goes_with_its_branch_whatever_the_user_has_checked_out(place):
    base = place.made("b/1", {"one": "1\n"})
    repository = place.repository()
    tree = repository.add("b/2", None, [base])
    repository.remove(tree)
    assert not os.path.lexists(tree.path)
    assert tree.branch not in place.branches()
    assert not (place.repo / ".git" / "logs" / "refs" / "heads" / tree.branch).exists()


def test_a_tree_with_a_commit_keeps_its_branch_also_when_it_is_removed(place):
    repository = place.repository()
    tree = repository.add("b/1")
    place.git("commit", "--quiet", "--allow-empty", "--message=Mine", at=tree.path)
    with pytest.raises(StorageError):
        repository.remove(tree)
    assert place.git("log", "-1", "--format=%s", tree.branch) == "Mine"


def test_what_the_user_lets_git_do_for_each_new_branch_is_not_done_for_ours(place):
    place.git("config", "branch.autoSetupMerge", "always")
    before = place.checkout()
    place.repository().add("b/2", None, [place.made("b/1", {"one": "1\n"})])
    assert place.checkout() == before


@pytest.mark.slow
def test_eight_at_once_get_trees_of_their_own_and_the_repository_stays_sound(place):
    before = place.checkout()
    bases = [place.made(f"b/base{number}", {f"base{number}": "x\n"}) for number in range(3)]
    together = threading.Barrier(8)

    def work(number):
        repository = place.repository()
        together.wait()
        for round_ in range(2):
            tree = repository.add("b/same", None, bases)
            with open(os.path.join(tree.path, f"f{number}"), "w", encoding="utf-8") as file:
                file.write(f"{round_}\n")
            assert f"f{number}" in repository.changed(tree)
            repository.commit(tree, f"Change {number}")
            repository.remove(repository.add(f"b/unchanged{number}", None, bases))
            repository.discard(repository.add("b/discarded", None, bases))
            yield tree.branch, f"f{number}"

    with ThreadPoolExecutor(8) as pool:
        made = [each for rows in pool.map(lambda n: list(work(n)), range(8)) for each in rows]
    assert len({branch for branch, _ in made}) == 16
    for branch, name in made:
        assert place.git("diff", "--name-only", f"{branch}^", branch) == name
    assert {b for b in place.branches() if "same" not in b} == {"main", *bases}
    assert len(place.git("worktree", "list").splitlines()) == 1 + 3 + 16
    assert place.checkout() == before
    place.sound()


class Told:
    """The trees of one task, and what was told."""

    def __init__(self, place, chain=("edit",), climbs=(), home=None, **more):
        self.told = []
        context = SimpleNamespace(
            environment=place.environment,
            state=str(place.folder / "state"),
            secrets=(),
            tell=self.told.append,
        )
        line_ = {"repository": str(home or place.repo), "task_description": "Fix it"}
        self.routes = [route(access) for access in chain]
        more["climbs"] = tuple((route(access),) for access in climbs)
        dispatch = Dispatch(line_, "Fix it", tuple(self.routes), Wishes(), **more)
        self.trees = Trees(context, "T", dispatch)

    def attempt(self, outcome=DONE, changes=(), which=0):
        """Make an attempt that changes files; returns its folder and what is noted of it."""
        folder = self.trees.enter(self.routes[which])
        for name in changes:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write("changed\n")
        return folder, self.trees.left(outcome)


def route(access):
    return Route("codex", "m", world.way("codex"), access, 1000)


def test_a_single_task_edits_in_place_or_with_a_fallback_on_a_branch_of_its_id(place):
    assert Told(place).attempt()[0] == str(place.repo)
    assert Told(place, ("read", "read")).attempt()[0] == str(place.repo)
    task = Told(place, ("edit", "edit"))
    assert task.attempt(FAILED, ["half"])[1]["branch"] == "orchestrate/T-1"
    assert task.attempt(DONE, ["done"])[1]["branch"] == "orchestrate/T-2"


def test_in_a_batch_an_edit_has_a_tree_also_with_one_route(place):
    (place.repo / "mine").write_text("mine\n", "utf-8")
    task = Told(place, always_tree=True, branch=f"{BATCH}/3f2a-1")
    folder, noted = task.attempt(DONE, ["made"])
    assert folder == str(place.trees / f"{BATCH}-3f2a-1")
    assert noted["branch"] == f"orchestrate/{BATCH}/3f2a-1"
    assert task.told == ["uncommitted work is not in the worktree, which starts from HEAD"]
    assert place.shown(noted["branch"], "made") == "changed"
    assert place.git("status", "--porcelain") == "?? mine"
    assert task.trees.finished(DONE)["branch"] == noted["branch"]


def test_in_a_batch_later_attempts_and_later_runs_have_the_next_numbers(place):
    task = Told(place, always_tree=True, branch="b/1")
    assert task.attempt(FAILED, ["half"])[1]["branch"] == "orchestrate/b/1"
    assert task.attempt(FAILED)[1] == {}
    assert task.attempt(DONE, ["done"])[1]["branch"] == "orchestrate/b/1-3"
    again = Told(place, always_tree=True, branch="b/1")
    assert again.attempt(DONE, ["done"])[1]["branch"] == "orchestrate/b/1-2"
    assert again.attempt(DONE, ["done"])[1]["branch"] == "orchestrate/b/1-4"
    assert (place.trees / "b-1" / "half").exists()


def test_what_was_to_have_a_tree_is_never_changed_in_place(place):
    plain = place.folder / "plain"
    plain.mkdir()
    with pytest.raises(GitError, match="not a git repository with a commit; nothing is changed"):
        Told(place, home=plain, always_tree=True, branch="b/1")


def test_without_git_an_edit_is_made_in_place(place):
    plain = place.folder / "plain"
    plain.mkdir()
    task = Told(place, ("edit", "edit"), home=plain, branch="b/1")
    assert task.attempt(DONE, ["made"]) == (str(plain), {})
    assert task.told == ["not a git repository with a commit: changes are made in place"]
    assert task.trees.finished(DONE) == {"tree": None, "branch": None, "diffstat": None}


def test_who_only_reads_sees_what_earlier_tasks_changed_and_leaves_nothing(place):
    bases = place.made("b/1", {"one": "1\n"}), place.made("b/2", {"two": "2\n"})
    for outcome in (DONE, FAILED):
        task = Told(place, ("read",), branch="b/3", bases=bases)
        folder, noted = task.attempt(outcome)
        assert (folder, noted) == (str(place.trees / "b-3"), {})
        assert task.trees.finished(outcome) == {"tree": None, "branch": None, "diffstat": None}
        assert not os.path.lexists(folder)
        assert "orchestrate/b/3" not in place.branches()


def test_who_only_reads_and_changes_files_all_the_same_commits_nothing(place):
    bases = (place.made("b/1", {"one": "1\n"}),)
    task = Told(place, ("read", "read"), branch="b/2", bases=bases)
    folder, noted = task.attempt(DONE, ["made"])
    assert noted["branch"] == "orchestrate/b/2"
    assert task.told == [f"  the tree, changed by who only reads, is kept: {folder}"]
    task.trees.stay()
    assert task.attempt(DONE)[0] == str(place.trees / "b-2-2")
    assert os.path.exists(os.path.join(folder, "made"))
    assert place.git("rev-parse", "orchestrate/b/2") == place.git("rev-parse", bases[0])


def test_who_only_reads_on_a_higher_tier_has_the_same_tree(place):
    bases = (place.made("b/1", {"one": "1\n"}),)
    task = Told(place, ("read",), ("read",), branch="b/2", bases=bases)
    folder, _ = task.attempt()
    task.trees.stay()
    assert task.attempt()[0] == folder
    task.trees.finished(DONE)
    assert place.branches() == ["main", bases[0]]


def test_who_cannot_see_files_has_no_tree(place):
    bases = (place.made("b/1", {"one": "1\n"}),)
    assert Told(place, ("none",), branch="b/2", bases=bases).attempt()[0] == str(place.repo)


def test_an_edit_on_a_higher_tier_goes_on_and_a_fallback_begins_from_all_of_it(place):
    bases = place.made("b/1", {"one": "1\n"}), place.made("b/2", {"two": "2\n"})
    task = Told(place, always_tree=True, branch="b/3", bases=bases)
    folder, _ = task.attempt(DONE, ["below"])
    task.trees.stay()
    assert task.attempt(FAILED, ["half"])[0] == folder
    last, noted = task.attempt(DONE, ["above"])
    assert sorted(os.listdir(last)) == [".git", "a.txt", "above", "below", "one", "sub", "two"]
    assert [row.split()[0] for row in noted["diffstat"].splitlines()] == ["above", "below", "2"]


def test_bases_are_not_left_out_where_git_can_not_be_used_any_more(place):
    bases = (place.made("b/1", {"one": "1\n"}),)
    place.git("config", "merge.own.driver", place.evil())
    with pytest.raises(StorageError, match=r"merge\.own\.driver; the work it begins from"):
        Told(place, ("read",), branch="b/2", bases=bases)


def test_bases_that_cannot_be_merged_are_told_by_the_attempt(place):
    bases = place.made("b/1", line(2, "one")), place.made("b/2", line(2, "two"))
    task = Told(place, always_tree=True, branch="b/3", bases=bases)
    with pytest.raises(ConflictError, match=r"conflict in a\.txt"):
        task.attempt()
