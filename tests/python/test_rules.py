"""Which rules apply to a task, and what becomes of the choice."""

import datetime as dt

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config import environment
from orchestrator.decide import rules
from orchestrator.decide.words import words_of
from orchestrator.errors import NoRoomError, UsageError
from orchestrator.records import Hours, Rule

WEEK = range(5)
OFFICE = Hours(frozenset(WEEK), 9 * 60, 17 * 60)
NIGHT = Hours(frozenset(WEEK), 17 * 60, 9 * 60)
WEEKEND = Hours(frozenset({5, 6}), 0, 24 * 60)


def rule(name, *, automatic=True, **fields):
    """Make a rule that asks for nothing, but for what is given."""
    plain = dict.fromkeys(("words", "repositories", "branches", "hours", "prefer", "forbid"), ())
    made = {**plain, "zone": "UTC", "tier": None, "strategy": None, **fields}
    timed = bool(made["hours"] or made["branches"])
    return Rule(name=name, reason=f"because of {name}", automatic=automatic, timed=timed, **made)


def with_rules(*listed, time_rules=True, **settings):
    known = world.config(**settings)._replace(rules=listed, time_rules=time_rules)
    return environment.adjusted(known, {})


def ruled(*listed, task="", domain=None, at_ms=0, time_rules=True, **seen):
    known = with_rules(*listed, time_rules=time_rules)
    seen = world.snapshot(known)._replace(**seen)
    return rules.ruling(known, domain, words_of(task), seen, at_ms)


def ms(text, zone=dt.UTC):
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "now", "within"),
    [
        (OFFICE, "2026-11-20T09:00", True),  # a Friday
        (OFFICE, "2026-11-20T08:59", False),
        (OFFICE, "2026-11-20T16:59", True),
        (OFFICE, "2026-11-20T17:00", False),
        (OFFICE, "2026-11-21T10:00", False),  # a Saturday
        (NIGHT, "2026-11-20T17:00", True),
        (NIGHT, "2026-11-21T08:59", True),  # the night of Friday ends on Saturday
        (NIGHT, "2026-11-21T09:00", False),
        (NIGHT, "2026-11-21T18:00", False),  # no night begins on Saturday
        (NIGHT, "2026-11-23T03:00", False),  # nor did one on Sunday
        (NIGHT, "2026-11-24T03:00", True),
        (WEEKEND, "2026-11-21T00:00", True),
        (WEEKEND, "2026-11-22T23:59", True),
        (WEEKEND, "2026-11-23T00:00", False),
    ],
)
def test_hours_belong_to_the_day_they_begin_on(hours, now, within):
    found = ruled(rule("timed", hours=(hours,), tier="cheap"), at_ms=ms(now))
    assert (found.tier == "cheap") == within


@pytest.mark.parametrize(
    ("now", "within"),
    [
        ("2026-03-29T00:59", True),  # 01:59 in Berlin, the minute before it becomes 03:00
        ("2026-03-29T01:00", False),  # 03:00 in Berlin: 02:00 to 02:59 never were
        ("2026-10-25T00:30", True),  # 02:30 in Berlin, summer time
        ("2026-10-25T01:30", True),  # 02:30 in Berlin once more
        ("2026-10-25T02:00", False),
    ],
)
def test_hours_follow_the_wall_clock_of_their_zone(now, within):
    sunday = Hours(frozenset({6}), 0, 3 * 60)
    found = ruled(rule("r", hours=(sunday,), zone="Europe/Berlin", tier="cheap"), at_ms=ms(now))
    assert (found.tier == "cheap") == within


@given(st.integers(0, 4_000_000_000_000))
def test_shipped_office_and_off_hours_share_no_minute_and_leave_none_out(shipped_rules, at_ms):
    timed = [r for r in shipped_rules if r.name in ("development_hours", "off_hours")]
    assert len(ruled(*timed, at_ms=at_ms).applied) == 1


@pytest.fixture(scope="module")
def shipped_rules(shipped):
    return shipped.rules


def test_time_rules_wait_until_they_are_switched_on():
    timed = rule("timed", hours=(WEEKEND, OFFICE, NIGHT), tier="cheap")
    assert ruled(timed, at_ms=ms("2026-11-20T10:00"), time_rules=False) == rules.NOTHING


def test_a_rule_that_forbids_does_not_wait_for_them():
    timed = rule("timed", branches=("main",), forbid=("codex",))
    assert ruled(timed, branch="main", time_rules=False).forbid == {"codex": "timed"}


@pytest.mark.parametrize(
    ("conditions", "given_", "applies"),
    [
        ({"words": ("security",)}, {"task": "Check the security of login"}, True),
        ({"words": ("security",)}, {"task": "Check insecurity"}, False),
        ({"words": ("code review",)}, {"task": "Do a code review"}, True),
        ({"repositories": ("api-*",)}, {"repository": "/work/repos/api-users"}, True),
        ({"repositories": ("/work/*",)}, {"repository": "/work/repos/api-users"}, True),
        ({"repositories": ("api-*",)}, {"repository": "/api-x/web"}, False),
        (
            {"repositories": ("api-*",)},
            {"repository": "/work/api-users/web", "checkout": "/work/api-users"},
            True,
        ),
        ({"branches": ("main", "release/*")}, {"branch": "release/2"}, True),
        ({"branches": ("main",)}, {"branch": "domain"}, False),
        ({"branches": ("main",)}, {"branch": ""}, False),
        ({"words": ("login",), "branches": ("main",)}, {"task": "login", "branch": "x"}, False),
        ({"words": ("login",), "branches": ("main",)}, {"task": "login", "branch": "main"}, True),
    ],
)
def test_a_rule_applies_when_all_its_conditions_hold(conditions, given_, applies):
    assert bool(ruled(rule("r", tier="cheap", **conditions), **given_).applied) == applies


def test_a_rule_without_conditions_applies_by_its_name_alone():
    named = rule("vision", automatic=False, prefer=("gemini",))
    assert ruled(named).prefer == ()
    assert ruled(named, domain="vision").prefer == ("gemini",)


def test_the_later_rule_goes_first_and_what_is_forbidden_adds_up():
    found = ruled(
        rule("one", words=("x",), prefer=("codex", "gemini"), forbid=("a",), tier="cheap"),
        rule("two", words=("x",), prefer=("claude", "codex"), forbid=("b",), tier="medium"),
        task="x",
    )
    assert found.prefer == ("claude", "codex", "gemini")
    assert found.forbid == {"a": "one", "b": "two"}
    assert found.tier == "medium"
    assert [name for name, _, _ in found.applied] == ["one", "two"]


def decided(task, *listed, **wishes):
    return world.decide(task, with_rules(*listed), **wishes)


def test_a_preferred_provider_is_chosen_and_the_rule_is_named():
    found = decided("Implement x", rule("r", words=("implement",), prefer=("gemini",)))
    assert (found.chosen.provider, found.reason) == ("gemini", "rule r: because of r")


def test_a_preferred_provider_without_room_gives_way():
    listed = (rule("r", words=("implement",), prefer=("gemini",)),)
    known = with_rules(*listed)
    unready = {"gemini": ("not there",)}
    found = world.decide("Implement x", known, unready=unready)
    assert (found.chosen.provider, found.reason) == ("codex", "primary available")


def test_a_person_comes_before_a_rule():
    listed = rule("r", words=("implement",), prefer=("gemini",), tier="cheap", strategy="cheapest")
    found = decided("Implement x", listed, preferred_provider="claude", strategy="specialist")
    assert found.chosen.provider == "claude"
    assert found.strategy == "specialist"
    assert decided("Implement x", listed, tier="powerful").classification.tier == "powerful"
    assert decided("Implement x", listed, complexity=9).classification.tier == "powerful"
    assert decided("Implement x", listed).classification.tier == "cheap"


def test_what_is_forbidden_is_never_chosen_nor_fallen_back_to():
    found = decided("Implement x", rule("r", words=("x",), forbid=("codex",)))
    assert "codex" not in [route.provider for route in found.chain]
    state = {c.provider: c.blocks for c in found.candidates}
    assert state["codex"][0].reason == "forbidden by the rule r"


def test_asking_for_what_is_forbidden_is_refused():
    listed = rule("r", words=("x",), forbid=("codex",))
    with pytest.raises(NoRoomError, match=r"no provider matches .*forbidden by the rule r"):
        decided("Implement x", listed, provider="codex", force=True)


def test_an_unknown_domain_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="there is no rule 'cooking'; there are r"):
        decided("Implement x", rule("r", automatic=False), domain="cooking")


def test_the_branch_is_read_only_where_a_rule_in_force_asks_for_it():
    timed = rule("r", branches=("main",), tier="powerful")
    assert rules.asks_for_branch(with_rules(timed))
    assert not rules.asks_for_branch(with_rules(timed, time_rules=False))
    assert not rules.asks_for_branch(with_rules(rule("r", words=("x",))))
