"""A plan on the disk: who takes which node, what others know of it, and what a death leaves."""

import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import clock
from orchestrator.decide.schedule import DONE, FAILED, HELD, READY, RUNNING, WAITING
from orchestrator.errors import StorageError
from orchestrator.records import Node
from orchestrator.state import batches, logfile
from orchestrator.work.plan import MOST_PACKED, Plan

NOW_MS = 1_795_212_000_000
FAR_MS = NOW_MS * 2
ROW = {
    "schema": 1,
    "status": "success",
    "outcome": "delivered",
    "answer": "Done.",
    "seconds": 1.0,
    "cost_usd": 0.25,
    "cost_notional_usd": 0.0,
    "branch": None,
    "repository": "/shop",
    "error": None,
}


def mended(plan, recovered, *, counts):
    """See to what dead workers had, with the decision lines of what was recovered."""
    plan.mend(plan.dead(), recovered, set(), counts=counts)


class Desk:
    """A batch on the disk, made of rows, and workers that live until they are told to die."""

    def __init__(self, folder, rows, caps=None, ceiling=None, spent=0):
        self.folder = batches.new(str(folder / "a state"), str(folder / "logs"), NOW_MS)
        tasks, plan = batches.Spool(self.folder.tasks), batches.Spool(self.folder.plan)
        for at, row in enumerate(rows):
            node = Node(row.get("key", ""), row.get("task", f"Do {at}"), "/shop", {})
            facts = {
                "node": f"n{at}-1",
                "key": "",
                "title": node.task,
                "at": tasks.add(node._asdict()),
                "cost_micro_usd": 10,
                "pack": "",
                "needs": [],
                "provider": "codex",
                "seconds": 1.0,
                "priority": 0,
                "alone": "",
            }
            more = {name: value for name, value in row.items() if name != "task"}
            plan.add({**facts, **more})
        for spool in (tasks, plan):
            spool.flush()
        self.header = {
            "nodes": len(rows),
            "sizes": {},
            "asked": caps or {},
            "parallel": 100,
            "providers": 1,
            "spent_micro_usd": spent,
            "max_cost_micro_usd": ceiling,
        }
        batches.begin(self.folder, self.header, fsync=False)
        self.living, self.workers = {}, 0

    def plan(self):
        return Plan(self.folder)

    def worker(self):
        """Let another worker live; returns its name."""
        self.workers += 1
        name = f"w{self.workers}"
        self.living[name] = batches.worker_lock(self.folder, name)
        return name

    def die(self, name):
        os.close(self.living.pop(name))

    def result(self, plan, place, **more):
        """Write the result of a node, as its task does, but do not tell the plan of it."""
        row = plan.row(place, "success", "") | ROW | {"task_id": f"t-{place}", **more}
        logfile.append(self.folder.results, row, fsync=False)
        return row

    def results(self):
        return [json.loads(line) for line in logfile.complete_lines(self.folder.results)]

    def end(self):
        for name in list(self.living):
            self.die(name)


@pytest.fixture
def desk(tmp_path):
    made = []

    def make(*rows, **more):
        made.append(Desk(tmp_path, rows, **more))
        return made[-1]

    yield make
    for each in made:
        each.end()


def row(plan, place, **more):
    return plan.row(place, "success", "") | ROW | {"task_id": f"t-{place}", **more}


def need(*places, **more):
    return {"needs": list(places), **more}


def every(plan, worker="w"):
    """Claim as long as there is something to claim."""
    found = []
    while taken := plan.claim(worker):
        found.append(taken)
    return found


def test_a_node_is_claimed_run_and_over_and_what_waits_for_it_is_next(desk):
    at = desk({}, need(0))
    plan = at.plan()
    assert every(plan) == [[0]]
    assert plan.progress.worker == {0: "w"}
    plan.end(0, row(plan, 0))
    assert every(plan) == [[1]]
    plan.end(1, row(plan, 1))
    assert plan.schedule.over
    assert (plan.progress.spent, plan.progress.outcome) == (
        500_000,
        {0: "delivered", 1: "delivered"},
    )


def test_two_that_look_at_one_folder_know_the_same(desk):
    at = desk({}, {}, need(0))
    first, second = at.plan(), at.plan()
    assert (first.claim("a"), second.claim("b"), first.claim("a")) == ([0], [1], [])
    first.end(0, row(first, 0))
    second.hold(1, FAR_MS, why="no room", tried=True)
    assert second.claim("b") == [2]
    for plan in (first, second, at.plan()):
        plan.follow()
        assert plan.schedule.state == [DONE, HELD, RUNNING]
        assert plan.progress.worker == {2: "b"}
        assert plan.progress.tries == [0, 1, 0]
        assert plan.schedule.next_ms(0) == FAR_MS


def test_what_is_held_is_taken_by_anybody_when_its_moment_has_come(desk):
    at = desk({})
    first, second = at.plan(), at.plan()
    assert first.claim("a") == [0]
    first.hold(0, clock.now_ms() - 1)
    assert second.claim("b") == [0]
    assert first.claim("a") == []


def test_a_node_moves_to_a_provider_that_has_a_place_and_is_ready_again_where_it_has_none(desk):
    at = desk({}, {}, {"provider": "gemini"}, caps={"codex": 2, "gemini": 2})
    plan, other = at.plan(), at.plan()
    assert every(plan) == [[0], [2], [1]]
    assert plan.move([0], "gemini")
    assert not plan.move([1], "gemini")
    other.follow()
    for each in (plan, other):
        assert each.schedule.provider == ["gemini", "gemini", "gemini"]
        assert each.schedule.state == [RUNNING, READY, RUNNING]
        assert each.claim("w") == []
    plan.give_back(0)
    assert every(other) in ([[0]], [[1]])


def test_nodes_that_share_a_call_move_together_or_not_at_all(desk):
    at = desk({"pack": "p"}, {"pack": "p"}, {"provider": "gemini"}, caps={"gemini": 1})
    plan = at.plan()
    assert sorted(every(plan)) == [[0, 1], [2]]
    assert not plan.move([0, 1], "gemini")
    assert plan.schedule.state == [READY, READY, RUNNING]
    plan.end(2, row(plan, 2))
    assert plan.claim("w") == [0, 1]
    assert plan.schedule.provider == ["gemini"] * 3


@pytest.mark.parametrize(("most", "given"), [(30, 30), (500, 100), (100, 100), (0, 0)])
def test_a_node_is_given_as_much_of_the_ceiling_as_there_is(desk, most, given):
    at = desk({}, ceiling=150, spent=50)
    plan = at.plan()
    plan.claim("w")
    assert plan.left() == 100
    assert plan.allot(0, most) == given
    assert at.plan().progress.allotted == plan.progress.allotted == {0: given}


def test_what_others_hold_is_waited_for_and_what_is_spent_is_not(desk):
    at = desk({}, {}, {}, ceiling=100)
    plan, other = at.plan(), at.plan()
    assert len(every(plan)) == 3
    assert plan.allot(0, 60) == 60
    assert other.allot(1, 60) is None
    assert other.schedule.state == [RUNNING, READY, RUNNING]
    assert other.allot(2, 40) == 40
    plan.end(0, row(plan, 0, cost_usd=0.000055))
    assert other.claim("w") == [1]
    assert other.allot(1, 6) is None
    plan.end(2, row(plan, 2, cost_usd=0.00004))
    assert other.claim("w") == [1]
    assert other.left() == 5
    assert other.allot(1, 6) == 5


CEILING = 1000
EVENTS = st.sampled_from(["run", "run", "end", "lose", "back"])
STEPS = st.lists(st.tuples(EVENTS, st.integers(0, 99), st.integers(1, 700)), max_size=40)


@settings(max_examples=40)
@given(STEPS, st.integers(0, CEILING))
def test_in_whatever_order_no_more_than_the_ceiling_is_spent_and_held(steps, spent):
    """Two processes take nodes, hold money, spend at most that, give back, and die."""
    with tempfile.TemporaryDirectory() as folder:
        at = Desk(Path(folder), [{}] * 6, ceiling=CEILING, spent=spent)
        both, held, paid = (at.plan(), at.plan()), {}, spent
        for what, number, amount in steps:
            plan = both[number % 2]
            if what == "run":
                taken = plan.claim(at.worker())
                given_ = plan.allot(taken[0], amount) if taken else None
                if given_ is not None:
                    assert given_ == min(amount, CEILING - paid - sum(held.values()))
                    held[taken[0]] = given_
            elif held:
                place = sorted(held)[number % len(held)]
                most = held.pop(place)
                cost = most if what == "lose" else min(amount, most)
                paid += cost
                if what == "end":
                    plan.end(place, row(plan, place, cost_usd=cost / 1e6))
                elif what == "back":
                    plan.give_back(place, cost_usd=cost / 1e6)
                else:  # nobody knows what it has spent: all that it held
                    plan.follow()
                    at.die(plan.progress.worker[place])
                    mended(plan, [], counts=False)
            for each in both:
                each.follow()
                assert each.progress.spent == paid
                assert each.progress.allotted == held
                assert paid + sum(held.values()) <= CEILING
        at.end()


@pytest.mark.parametrize(
    ("rows", "caps", "order"),
    [
        ([{}, {"priority": 1}, {"provider": "gemini"}], {}, [1, 2, 0]),
        ([{}] * 3 + [{"provider": "gemini"}] * 2, {"codex": 2, "gemini": 4}, [0, 3, 4, 1]),
        ([{"seconds": 3.0}, {}, {"seconds": 1.0}, need(1, seconds=9.0)], {}, [1, 0, 2]),
        ([{"alone": "/a"}, {"alone": "/a"}, {"alone": "/b"}], {}, [0, 2]),
    ],
)
def test_priority_then_places_free_then_the_longest_chain_and_one_at_a_time_in_a_folder(
    desk, rows, caps, order
):
    assert every(desk(*rows, caps=caps).plan()) == [[at] for at in order]


def test_a_provider_that_cools_down_is_left_alone_by_whoever_met_it(desk):
    at = desk({}, {"provider": "gemini"})
    plan, other = at.plan(), at.plan()
    plan.cool("codex", FAR_MS)
    assert (every(plan), every(other)) == ([[1]], [[0]])


def test_small_nodes_that_may_share_a_call_are_taken_together(desk):
    at = desk(*[{"pack": "p"}] * 10, {"pack": "q"}, {}, {"pack": "p", **need(11)})
    plan = at.plan()
    assert every(plan) == [[11], list(range(MOST_PACKED)), [8, 9], [10]]
    plan.give_back(0, single=True)
    plan.give_back(1)
    plan.end(11, row(plan, 11))
    assert sorted(every(plan)) == [[0], [1, 12]]


def test_what_shares_a_call_is_small_all_together(desk):
    at = desk(*[{"pack": "p", "task": "x" * 7000}] * 4)
    assert sorted(every(at.plan())) == [[0, 1, 2], [3]]


def test_behind_what_failed_all_is_skipped_with_a_result_that_says_why(desk):
    at = desk({"key": "a"}, need(0), need(1), {}, need(3))
    plan = at.plan()
    every(plan)
    plan.end(0, row(plan, 0, status="failed", outcome="failed"))
    assert plan.schedule.state == [FAILED, FAILED, FAILED, RUNNING, WAITING]
    assert [(r["number"], r["status"], r["error"]) for r in at.results()] == [
        (place, "skipped", "it depends on a, which was not done") for place in (2, 3)
    ]
    assert at.plan().progress.outcome == {0: "failed", 1: "skipped", 2: "skipped"}


def test_with_another_chance_what_failed_and_what_was_skipped_is_done(desk):
    at = desk({}, need(0), {})
    plan = at.plan()
    every(plan)
    plan.end(0, row(plan, 0, status="failed"))
    plan.end(2, row(plan, 2))
    assert plan.reopen_failed() == 2
    assert plan.schedule.state == [READY, WAITING, DONE]
    again = at.plan()
    assert again.claim("w") == [0]
    again.end(0, row(again, 0, task_id="t-new"))
    assert again.claim("w") == [1]
    again.end(1, row(again, 1))
    assert again.schedule.over
    assert again.reopen_failed() == 0


def test_a_result_that_the_log_lacks_is_taken_in(desk):
    at = desk({}, need(0), {})
    plan = at.plan()
    plan.claim(dead := at.worker())
    at.result(plan, 0, cost_usd=0.5)  # and then its worker was killed
    at.die(dead)
    mended(at.plan(), [], counts=True)
    plan.follow()
    assert (plan.schedule.state, plan.progress.spent) == ([DONE, READY, READY], 500_000)
    for _ in range(3):  # whoever looks again finds nothing new
        mended(at.plan(), [], counts=True)
    assert at.plan().progress.spent == 500_000


def test_the_skipped_are_told_where_a_death_came_between(desk):
    at = desk({}, need(0))
    plan = at.plan()
    plan.claim(dead := at.worker())
    at.result(plan, 0, status="failed", outcome="failed")
    at.die(dead)
    mended(plan, [], counts=True)
    assert plan.schedule.state == [FAILED, FAILED]
    assert [r["status"] for r in at.results()] == ["failed", "skipped"]


def test_a_node_of_a_dead_worker_is_ready_again_and_one_of_a_living_is_not(desk):
    at = desk({}, {})
    plan = at.plan()
    plan.claim(dead := at.worker())
    plan.claim(alive := at.worker())
    assert not plan.dead()
    at.die(dead)
    assert plan.dead()
    mended(plan, [], counts=True)
    assert (plan.schedule.state, plan.progress.worker) == ([READY, RUNNING], {1: alive})
    assert not plan.dead()


def test_what_a_dead_task_cost_is_what_its_recovery_says_else_what_it_held(desk):
    at = desk({}, {}, ceiling=1000)
    plan = at.plan()
    for _ in range(2):
        plan.claim(at.worker())
    assert [plan.allot(place, 400) for place in (0, 1)] == [400, 400]
    at.end()
    line = {
        "run_id": at.folder.batch,
        "node_id": plan.entries[0].node,
        "execution_metrics": {"cost_actual": 0.00003, "cost_notional_usd": 0.0},
    }
    others = {**line, "run_id": "another batch"}
    mended(plan, [{}, others, line], counts=True)
    assert (plan.progress.spent, plan.progress.allotted) == (430, {})


def test_a_node_that_ends_three_workers_is_not_given_to_a_fourth(desk):
    at = desk({}, need(0))
    plan = at.plan()
    for _ in range(3):
        assert plan.claim(at.worker()) == [0]
        at.end()
        mended(plan, [], counts=True)
    assert plan.schedule.state == [FAILED, FAILED]
    assert [r["error"] for r in at.results()] == [
        "its worker died 3 times",
        "it depends on n0-1, which was not done",
    ]


def test_a_node_whose_whole_batch_was_killed_any_number_of_times_is_done(desk):
    at = desk({})
    for _ in range(5):
        plan = at.plan()
        assert plan.claim(at.worker()) == [0]
        at.end()
        mended(at.plan(), [], counts=False)
    assert at.plan().schedule.state == [READY]


def test_with_another_chance_its_dead_workers_are_forgiven(desk):
    at = desk({})
    plan = at.plan()
    for _ in range(3):
        plan.claim(at.worker())
        at.end()
        mended(plan, [], counts=True)
    plan.reopen_failed()
    plan.claim(at.worker())
    at.end()
    mended(plan, [], counts=False)
    assert plan.schedule.state == [READY]


@pytest.mark.parametrize("torn", [b"{", b'{"at_ms":1,"event":"cl', '{"event": "ü'.encode()[:-1]])
def test_a_torn_last_line_never_happened_and_the_next_takes_its_place(desk, torn):
    at = desk({}, {})
    plan, other = at.plan(), at.plan()
    plan.claim("a")
    with open(at.folder.progress, "ab") as file:
        file.write(torn)
    assert at.plan().schedule.state == [RUNNING, READY]
    assert other.claim("b") == [1]
    for each in (plan, other, at.plan()):
        each.follow()
        assert each.schedule.state == [RUNNING, RUNNING]
        assert each.progress.worker == {0: "a", 1: "b"}
    with open(at.folder.progress, "rb") as file:
        assert all(json.loads(line) for line in file.read().splitlines())


SAYS_NOTHING = (
    "", "null", "[]", "{}", "\0" * 50, '{"event": "?"}', '{"event": "claimed", "place": 0}',
    '{"at_ms": 1, "event": "ended", "place": 0}', '{"at_ms": 1, "event": "reopened", "place": 99}',
)  # fmt: skip


@pytest.mark.parametrize("line", SAYS_NOTHING)
def test_a_line_that_says_nothing_is_skipped(desk, line):
    at = desk({}, {})
    at.plan().claim("a")
    with open(at.folder.progress, "ab") as file:
        file.write(line.encode() + b"\n")
    plan = at.plan()
    assert plan.claim("b") == [1]
    assert at.plan().schedule.state == [RUNNING, RUNNING]


def test_results_that_are_no_results_are_skipped(desk):
    at = desk({}, need(0))
    plan = at.plan()
    os.makedirs(os.path.dirname(at.folder.results), exist_ok=True)
    with open(at.folder.results, "ab") as file:
        file.write(b'null\n[]\n{}\n{"node_id": "of nobody", "task_id": "x"}\n{"a\n\0\n')
    at.result(plan, 0, answer="It is blue.")
    mended(plan, [], counts=True)
    assert plan.schedule.state == [DONE, READY]
    assert [r["answer"] for r in plan.answers(1)] == ["It is blue."]


def test_the_answers_a_node_builds_on_come_in_the_order_it_names_them_and_the_last_of_each(desk):
    at = desk({"key": "a"}, {}, need(1, 0))
    plan = at.plan()
    for place, answer in ((0, "first try"), (1, "b"), (0, "a")):
        at.result(plan, place, answer=answer, task_id=answer)
    assert [r["answer"] for r in plan.answers(2)] == ["b", "a"]
    assert (plan.answer_of("a"), plan.answer_of("nobody")) == ("a", "")


def test_a_node_builds_on_the_branches_of_the_nearest_that_changed_anything(desk):
    at = desk({}, need(0), need(1), {}, need(2, 3), need(4))
    plan = at.plan()
    changed = {0: "b0", 1: None, 2: None, 3: "b3"}  # what each changed is on its branch
    for place, branch in changed.items():
        assert plan.claim("w")
        plan.end(place, row(plan, place, branch=branch))
    assert plan.bases(4, "/shop") == ("b0", "b3")
    assert plan.bases(4, "/another") == ()
    assert plan.bases(0, "/shop") == ()


def test_branches_that_passed_their_check_are_listed_in_the_order_of_the_plan(desk):
    at = desk({}, {}, {}, {})
    plan = at.plan()
    for place, more in (
        (2, {"verified": "passed", "branch": "b2"}),
        (0, {"verified": "passed", "branch": "b0"}),
        (1, {"verified": "failed", "branch": "b1"}),
        (3, {"verified": "passed", "branch": "b3", "repository": "/api"}),
    ):
        at.result(plan, place, **more)
    assert plan.passed() == {"/shop": ["b0", "b2"], "/api": ["b3"]}


TEXTS = ["plain", "two\nlines\n", "ü 🙂 \u202e \x1b[2J \0 $(id) '\"\\", "\ud83d" * 2, "x" * 100_000]


def test_the_text_of_every_node_is_read_as_it_was_written(desk):
    texts = [text for text in TEXTS if text.isascii() or "\ud83d" not in text]
    at = desk(*[{"task": text} for text in texts])
    plan = at.plan()
    assert [plan.node(place).task for place in range(len(texts))] == texts


def test_a_plan_that_is_cut_off_is_refused(desk):
    at = desk({}, {})
    size = os.path.getsize(at.folder.plan)
    os.truncate(at.folder.plan, size - 1)
    with pytest.raises(StorageError, match="is cut off"):
        at.plan()
    at = desk({}, {})
    plan = at.plan()
    os.truncate(at.folder.tasks, os.path.getsize(at.folder.tasks) - 1)
    assert plan.node(0).task == "Do 0"
    with pytest.raises(StorageError, match="is cut off"):
        plan.node(1)


@pytest.mark.parametrize(
    ("schema", "told"), [(2, "newer version"), (None, "is no batch"), ("1", "is no batch")]
)
def test_a_batch_of_another_version_is_refused(desk, schema, told):
    at = desk({})
    batches.begin(at.folder, {**at.header, "schema": schema}, fsync=False)
    with pytest.raises(StorageError, match=told):
        at.plan()


NODES, THREADS, PROCESSES = 200, 8, 2


def claiming(folder, name, together):
    """Take nodes with eight threads and end them; what a process of its own does."""
    plan = Plan(batches.Folder(*folder))
    together.wait(30)
    late = time.monotonic() + 30

    def lane(number):
        while not plan.schedule.over and time.monotonic() < late:
            for place in plan.claim(f"{name}-{number}"):
                with open(f"{folder[1]}/claims-{name}-{number}", "a", encoding="ascii") as file:
                    file.write(f"{place}\n")
                time.sleep(0.001)
                plan.end(place, row(plan, place, cost_usd=0.0))

    threads = [threading.Thread(target=lane, args=(at,)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_threads_of_two_processes_take_two_hundred_nodes_each_exactly_once(desk):
    rows = [
        need(*([at - 40] if at >= 40 else []), provider=("codex", "gemini")[at % 2])
        for at in range(NODES)
    ]
    at = desk(*rows, caps={"codex": 3, "gemini": 5})
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(PROCESSES)
    started = [
        context.Process(
            target=claiming, args=(tuple(at.folder), f"p{number}", together), daemon=True
        )
        for number in range(PROCESSES)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    claims = Counter()
    for name in os.listdir(at.folder.private):
        if name.startswith("claims-"):
            with open(os.path.join(at.folder.private, name), encoding="ascii") as file:
                claims.update(map(int, file.read().split()))
    assert claims == dict.fromkeys(range(NODES), 1)
    plan = at.plan()
    assert plan.schedule.state == [DONE] * NODES
    running, most = Counter(), Counter()
    for line in logfile.complete_lines(at.folder.progress):
        record = json.loads(line)
        name = plan.schedule.items[record["place"]].provider
        running[name] += 1 if record["event"] == "claimed" else -1
        most[name] = max(most[name], running[name])
    assert most["codex"] <= 3
    assert most["gemini"] <= 5
