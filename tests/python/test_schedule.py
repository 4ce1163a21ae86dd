"""Which node of a plan goes next; whatever happens to them, none is lost or run too soon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import schedule
from orchestrator.decide.schedule import DONE, FAILED, HELD, READY, RUNNING, WAITING, Item, Schedule

NAMES = ("codex", "gemini", "claude")


def item(provider="codex", *needs, seconds=1.0, priority=0, alone=""):
    return Item(needs, provider, seconds, priority, alone)


def made(*items, **caps):
    return Schedule(items, caps)


def taken(plan, most=None, now_ms=0):
    """Claim one node after the other, as long as there is one."""
    found = []
    while len(found) != most and (place := plan.next(now_ms)) is not None:
        plan.claimed(place)
        found.append(place)
    return found


@pytest.mark.parametrize(
    ("items", "caps", "order"),
    [
        ([], {}, []),
        ([item(), item(), item()], {}, [0, 1, 2]),
        # priority first, negative ones last
        ([item(priority=-1), item(), item(priority=5)], {}, [2, 1, 0]),
        # even before a provider that has more places free
        ([item(), item("gemini"), item(priority=1)], {"codex": 2, "gemini": 9}, [2, 1, 0]),
        # then the provider that has most places free, as a share of all that it has
        ([item(), item(), item("gemini"), item("gemini")], {}, [0, 2, 1, 3]),
        ([item()] * 3 + [item("gemini")] * 3, {"codex": 1, "gemini": 2}, [0, 3, 4]),
        ([item()] * 4 + [item("gemini")] * 3, {"codex": 4, "gemini": 2}, [0, 4, 1, 2, 5, 3]),
        # then what takes longest, with the longest chain of what waits for it
        ([item(seconds=2.0), item(seconds=5.0), item(seconds=3.0)], {}, [1, 2, 0]),
        ([item(seconds=4.0), item(), item("gemini", 1, seconds=4.0)], {}, [1, 0]),
        ([item(), item(), item("codex", 1), item("codex", 2, seconds=9.0)], {}, [1, 0]),
        # then their order
        ([item("claude"), item("gemini"), item("codex")], {}, [0, 1, 2]),
        # a cap of none, and one of nothing, hold nothing up
        ([item()] * 3, {"codex": None}, [0, 1, 2]),
        ([item()] * 3, {"codex": 0}, [0, 1, 2]),
    ],
)  # fmt: skip
def test_the_order_is_priority_then_places_free_then_the_longest_chain(items, caps, order):
    assert taken(made(*items, **caps)) == order


def test_a_chain_of_ten_thousand_is_ranked_without_recursion():
    chain = [item("codex", *([at - 1] if at else [])) for at in range(10_000)]
    plan = made(*chain, item(seconds=9_999.5), item(seconds=10_000.5))
    assert taken(plan) == [10_001, 0, 10_000]


def test_a_node_waits_until_all_that_it_needs_is_done():
    plan = made(item(), item(), item("codex", 0, 1), item("codex", 2))
    assert taken(plan) == [0, 1]
    plan.ended(1, ok=True)
    assert (plan.state[2], plan.next(0)) == (WAITING, None)
    plan.ended(0, ok=True)
    assert taken(plan) == [2]
    assert not plan.over
    plan.ended(2, ok=True)
    assert taken(plan) == [3]
    plan.ended(3, ok=True)
    assert plan.over
    assert plan.counts == dict.fromkeys(schedule.STATES, 0) | {DONE: 4}


def test_the_same_need_twice_is_one():
    plan = made(item(), item("codex", 0, 0))
    taken(plan)
    plan.ended(0, ok=True)
    assert taken(plan) == [1]


def test_behind_a_failed_node_is_all_that_can_not_run_any_more():
    plan = made(
        item(), item("codex", 0), item(), item("codex", 1, 2), item("codex", 2), item("codex", 3)
    )
    taken(plan)
    plan.ended(0, ok=False)
    assert plan.behind(0) == [1, 3, 5]
    for place in plan.behind(0):
        plan.ended(place, ok=False)
    assert plan.behind(0) == plan.behind(1) == []
    plan.ended(2, ok=True)
    assert taken(plan) == [4]
    assert not plan.over
    plan.ended(4, ok=True)
    assert plan.over


def test_what_failed_is_ready_once_more_and_so_is_what_was_skipped_for_it():
    plan = made(item(), item("codex", 0))
    taken(plan)
    plan.ended(0, ok=False)
    plan.ended(1, ok=False)
    assert plan.over
    for place in (0, 1):
        plan.reopened(place)
    assert plan.state == [READY, WAITING]
    assert taken(plan) == [0]
    plan.ended(0, ok=True)
    assert taken(plan) == [1]


def test_what_is_done_is_not_opened_again_and_counts_once_for_what_waits():
    plan = made(item(), item(), item("codex", 0, 1))
    taken(plan)
    plan.ended(0, ok=True)
    plan.ended(0, ok=True)
    plan.reopened(0)
    assert plan.state == [DONE, RUNNING, WAITING]


def test_no_more_than_a_providers_cap_run_at_once():
    plan = made(*[item()] * 5, *[item("gemini")] * 2, codex=2, gemini=9)
    assert sorted(taken(plan)) == [0, 1, 5, 6]
    assert plan.running == {"codex": 2, "gemini": 2}
    plan.returned(0)
    assert taken(plan) == [0]
    plan.held(1, 50)
    plan.ended(0, ok=False)
    assert taken(plan) == [2, 3]


def test_a_node_that_moves_counts_where_it_went_and_comes_back_there():
    plan = made(item(), item(), codex=1, gemini=1)
    assert taken(plan) == [0]
    plan.moved(0, "gemini")
    assert plan.running == {"codex": 0, "gemini": 1}
    assert taken(plan) == [1]
    plan.returned(1)
    plan.moved(1, "gemini")
    assert plan.next(0) is None
    plan.ended(0, ok=True)
    assert taken(plan) == [1]
    assert plan.running == {"codex": 0, "gemini": 1}


def test_what_is_held_is_ready_from_its_moment_on():
    plan = made(item(), item("gemini"))
    taken(plan)
    plan.held(0, 1000)
    plan.held(1, 500)
    assert (plan.next(499), plan.next_ms(499)) == (None, 500)
    assert taken(plan, now_ms=500) == [1]
    assert (plan.next(999), plan.next_ms(999)) == (None, 1000)
    assert taken(plan, now_ms=1000) == [0]
    assert plan.next_ms(1000) is None


def test_what_is_held_again_waits_for_its_new_moment():
    plan = made(item())
    for now_ms, until_ms in ((0, 100), (100, 50), (100, 300)):
        assert taken(plan, now_ms=now_ms) == [0]
        plan.held(0, until_ms)
    assert (plan.next(299), plan.next_ms(299)) == (None, 300)
    assert taken(plan, now_ms=300) == [0]


def test_a_cooling_provider_is_left_alone_for_a_while_and_the_others_are_not():
    plan = made(item(priority=9), item("gemini"))
    plan.cool["codex"] = 200
    assert taken(plan, now_ms=199) == [1]
    assert plan.next_ms(199) == 200
    assert taken(plan, now_ms=200) == [0]


def test_where_only_an_end_can_help_nobody_is_told_to_look_again_at_a_moment_that_is_over():
    plan = made(item(), item(), codex=1)
    plan.cool["codex"] = 200
    assert taken(plan, now_ms=300) == [0]
    assert plan.next(300) is None
    assert plan.next_ms(300) is None


def test_what_has_a_folder_to_itself_goes_one_after_the_other_in_their_order():
    rows = [item(alone="/a"), item("gemini", alone="/a", priority=1), item(alone="/b"), item()]
    plan = made(*rows)
    assert taken(plan) == [1, 2, 3]
    plan.returned(1)
    assert taken(plan) == [1]
    plan.ended(1, ok=False)
    assert taken(plan) == [0]
    plan.held(0, 10)
    assert plan.next(9) is None
    assert taken(plan, now_ms=10) == [0]


def test_a_folders_next_is_not_lost_when_it_changes_its_provider_meanwhile():
    plan = made(item(alone="/a"), item("gemini", alone="/a"))
    assert taken(plan) == [0]
    plan.moved(1, "claude")
    plan.ended(0, ok=True)
    assert taken(plan) == [1]
    assert plan.running["claude"] == 1


def test_what_is_left_is_summed_up():
    plan = made(item(seconds=2.0), item(seconds=3.0), item("codex", 0, seconds=4.0))
    taken(plan)
    assert plan.left_s() == 9.0
    plan.ended(0, ok=True)
    plan.ended(1, ok=False)
    assert plan.left_s() == 4.0


# Whatever happens, in whatever order: a plan is played against what has to hold.

EVENTS = ["claim", "claim", "claim", "ok", "fail", "return", "hold", "move", "cool", "tick"]
SOME = st.integers(0, 10_000)
STEPS = st.lists(st.tuples(st.sampled_from(EVENTS), SOME, SOME), max_size=80)


@st.composite
def plans(draw):
    """Draw nodes that need some of those before them, and the caps of providers."""
    count = draw(st.integers(1, 12))
    items = []
    for at in range(count):
        needs = draw(st.lists(st.integers(0, at - 1), max_size=2, unique=True)) if at else []
        items.append(
            Item(
                tuple(needs),
                draw(st.sampled_from(NAMES[: draw(st.integers(1, 3))])),
                draw(st.sampled_from([0.0, 1.0, 2.5])),
                draw(st.integers(-1, 1)),
                draw(st.sampled_from(["", "", "/a", "/b"])),
            )
        )
    order = draw(st.permutations(range(count)))  # what is needed may come later in the plan
    placed = [items[order.index(at)] for at in range(count)]
    placed = [one._replace(needs=tuple(order[need] for need in one.needs)) for one in placed]
    return placed, draw(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3)))


class Played:
    """A schedule, and what has to be true of it, known from its events alone."""

    def __init__(self, items, caps):
        self.plan, self.items, self.caps = Schedule(items, caps), items, caps
        self.running, self.until, self.over = {}, {}, {}  # place -> provider, moment, ok
        self.provider = [one.provider for one in items]
        self.now_ms, self.claims, self.left = 0, 0, 0

    def rank(self, place):
        behind = [at for at, one in enumerate(self.items) if place in one.needs]
        return self.items[place].seconds + max(map(self.rank, behind), default=0.0)

    def may_start(self):
        """List what may start now, the first first."""
        busy = {self.items[at].alone for at in self.running} - {""}
        found = []
        for at, one in enumerate(self.items):
            name = self.provider[at]
            cap, runs = self.caps.get(name) or 0, list(self.running.values()).count(name)
            waits = (
                at in self.running
                or at in self.over
                or not all(self.over.get(need) for need in one.needs)
                or self.until.get(at, 0) > self.now_ms
                or self.plan.cool.get(name, 0) > self.now_ms
                or one.alone in busy
                or (cap and runs >= cap)
            )
            if not waits:
                share = runs / (cap or len(self.items))
                found.append((-one.priority, share, -self.rank(at), at))
        return [row[-1] for row in sorted(found)]

    def claim(self, *_):
        wanted = next(iter(self.may_start()), None)
        assert self.plan.next(self.now_ms) == wanted
        assert self.plan.next(self.now_ms) == wanted  # nothing changes by asking
        if wanted is None:
            return
        self.plan.claimed(wanted)
        self.running[wanted] = self.provider[wanted]
        self.until.pop(wanted, None)
        self.claims += 1

    def leave(self, number):
        if not self.running:
            return None
        place = sorted(self.running)[number % len(self.running)]
        del self.running[place]
        self.left += 1
        return place

    def end(self, place, *, ok):
        self.plan.ended(place, ok=ok)
        self.over[place] = ok
        if not ok:  # as a plan does: what waits in vain is skipped
            for other in self.plan.behind(place):
                self.plan.ended(other, ok=False)
                self.over[other] = False

    def step(self, what, first, second):
        place = self.leave(first) if what in ("ok", "fail", "return", "hold") else None
        if what == "claim":
            self.claim()
        elif what == "tick":
            self.now_ms += first % 50
        elif what == "cool":
            self.plan.cool[NAMES[first % 3]] = self.now_ms + second % 40
        elif what == "move" and self.running:
            place, name = sorted(self.running)[first % len(self.running)], NAMES[second % 3]
            if not self.caps.get(name) or list(self.running.values()).count(name) < self.caps[name]:
                self.plan.moved(place, name)
                self.running[place] = self.provider[place] = name
        elif place is not None and what == "return":
            self.plan.returned(place)
        elif place is not None and what == "hold":
            self.until[place] = self.now_ms + second % 40
            self.plan.held(place, self.until[place])
        elif place is not None:
            self.end(place, ok=what == "ok")

    def sound(self):
        """Check what has to hold after every step."""
        plan = self.plan
        for place, one in enumerate(self.items):
            assert (plan.state[place] == RUNNING) == (place in self.running)
            assert plan.state[place] != RUNNING or all(plan.state[n] == DONE for n in one.needs)
            assert (plan.state[place] in (DONE, FAILED)) == (place in self.over)
        for name in NAMES:
            runs = list(self.running.values()).count(name)
            assert plan.running.get(name, 0) == runs
            assert not self.caps.get(name) or runs <= self.caps[name]
        folders = [self.items[at].alone for at in self.running if self.items[at].alone]
        assert len(folders) == len(set(folders))
        assert plan.counts == {name: plan.state.count(name) for name in schedule.STATES}
        assert self.claims - self.left == len(self.running)


@given(plans(), STEPS)
def test_whatever_happens_the_right_node_is_next_and_the_plan_ends(plan, steps):
    played = Played(*plan)
    for step in steps:
        played.step(*step)
        played.sound()
    for _ in range(3 * len(played.items) + 3):  # now every worker works on to the end
        played.claim()
        played.sound()
        if not played.running and not played.plan.over:
            played.now_ms = max(played.now_ms + 1, played.plan.next_ms(played.now_ms) or 0)
        elif played.running:
            played.end(played.leave(0), ok=True)
    assert played.plan.over
    assert set(played.plan.state) <= {DONE, FAILED}
    assert played.over == {at: played.plan.state[at] == DONE for at in range(len(played.items))}


@given(plans(), STEPS)
def test_where_nothing_may_start_the_clock_is_told_the_next_moment_or_none(plan, steps):
    played = Played(*plan)
    cooled = [("cool", at, 5) for at in range(len(NAMES))]
    for step in (*steps, *cooled, ("tick", 49, 0), *[("claim", 0, 0)] * len(played.items)):
        played.step(*step)
        if played.plan.next(played.now_ms) is None:
            moment = played.plan.next_ms(played.now_ms)
            assert moment is None or moment > played.now_ms
            assert moment is not None or HELD not in played.plan.state
