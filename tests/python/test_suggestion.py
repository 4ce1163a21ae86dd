"""Which Claude model a task asks for, and which of them has room (Phase 1 of seed 002)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import NOW_MS, empty_usage, full_usage, limit, model, provider, way

from orchestrator.config import documents
from orchestrator.decide import suggestion
from orchestrator.records import Seen
from orchestrator.state import observations

HOUR_MS = 3_600_000
WEEK_S = 604_800
NONE = ("other", 0)
NAMES = ("haiku", "sonnet", "opus")
MODELS = {name: f"claude-{name}-5-5" for name in NAMES}
RULES = {
    "models": MODELS,
    "repository_tiers": {
        "production": {"points": 1, "match": ["shop", "api-*"]},
        "experimental": {"points": -1, "match": ["*/scratch/*", "toy"]},
    },
    "block_at_percent": 80,
    "told_window_s": WEEK_S,
}


@pytest.fixture(scope="session")
def shipped_rules(root):
    rules, found = documents.read_one(str(root / "config"), "suggest")
    assert not found
    return rules


def words(number):
    return " ".join(["thing"] * number)


def score_of(task, rules, tier=NONE):
    return sum(part.points for part in suggestion.scored(task, tier, rules, 32_768))


@pytest.mark.parametrize(
    ("task", "score", "wanted"),
    [
        ("Check the status", -3, "haiku"),
        ("Quick look at the list of users", -2, "haiku"),
        ("hello", -1, "haiku"),
        ("Please look at this file", 0, "haiku"),
        ("Say what the loader does", 0, "haiku"),
        ("Fix it", 0, "haiku"),
        ("Fix the bug", 0, "haiku"),
        ("Add a feature for me", 1, "sonnet"),
        ("Implement feature X in loader", 1, "sonnet"),
        ("Do a code review of the loader", 1, "sonnet"),
        ("code review", 0, "haiku"),
        ("Do a code-review of the loader", 1, "sonnet"),
        ("Review the code of the loader", 0, "haiku"),
        ("Create " + words(15), 2, "sonnet"),
        ("Design it", 2, "sonnet"),
        ("Design the whole cache layer", 3, "opus"),
        ("DESIGN, THE WHOLE CACHE LAYER!", 3, "opus"),
        ("Refactor it and fix the simple bug", 3, "opus"),
        ("Add a quick check of the status", 1, "sonnet"),
        ("Change the multi-file loader, please", 3, "opus"),
        ("Change the multi file loader, please", 3, "opus"),
        ("Rename it in a cross-repository way", 3, "opus"),
        ("Rename it across the repository now", 0, "haiku"),
        ("Plan the migration " + words(13), 4, "opus"),
        ("Plan the migration " + words(12), 3, "opus"),
        ("Show " + words(15), -1, "haiku"),
        # No part of a word counts, nor a path, nor an inflection: these are five words of nothing.
        ("Rebuild the latest designated prefix again", 0, "haiku"),
        ("Recheck the listing of shown statuses", 0, "haiku"),
        ("Look into src/design/refactor.py for me", 0, "haiku"),
        ("It tests, fixes, builds and implements", 0, "haiku"),
    ],
)
def test_a_task_asks_for_a_model(shipped_rules, task, score, wanted):
    assert score_of(task, shipped_rules) == score
    assert suggestion.ideal(score, shipped_rules) == wanted


@pytest.mark.parametrize(
    ("score", "wanted"),
    [(-4, "haiku"), (-1, "haiku"), (0, "haiku"), (1, "sonnet"), (2, "sonnet"), (3, "opus")],
)
def test_three_is_opus_and_nothing_is_haiku(shipped_rules, score, wanted):
    assert suggestion.ideal(score, shipped_rules) == wanted


@pytest.mark.parametrize(
    ("number", "points"), [(1, -1), (4, -1), (5, 0), (15, 0), (16, 1), (99, 1)]
)
def test_more_than_15_words_and_fewer_than_5_count(shipped_rules, number, points):
    assert score_of(words(number), shipped_rules) == points


@given(st.data())
def test_the_first_list_with_a_word_counts_once_whatever_else_is_there(shipped_rules, data):
    lists = [row["words"] for row in shipped_rules["words"]]
    chosen = [data.draw(st.lists(st.sampled_from(row), max_size=3)) for row in lists]
    told = [word for row in chosen for word in row]
    task = " ".join([*data.draw(st.permutations(told)), *["thing"] * (15 - sum(map(_size, told)))])
    points = [row["points"] for row in shipped_rules["words"]]
    first = next((n for n, used in zip(points, chosen, strict=True) if used), 0)
    assert score_of(task, shipped_rules) == first + (len(task.split()) > 15)


def _size(phrase):
    return len(phrase.split())


def test_the_words_that_counted_are_named(shipped_rules):
    parts = suggestion.scored("Fix the bug, test it", ("production", 1), shipped_rules, 32_768)
    assert parts == [("words", "bug, fix, test", 1), ("repository", "production", 1)]


def test_words_far_behind_are_not_looked_for(shipped_rules):
    parts = suggestion.scored(words(20) + " design", NONE, shipped_rules, 50)
    assert [part.of for part in parts] == ["length", "repository"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/shop", ("production", 1)),
        ("/home/me/api-orders", ("production", 1)),
        ("/home/me/my-api-orders", NONE),
        ("/home/shop/blog", NONE),
        ("/home/me/Shop", NONE),
        ("/home/me/scratch/shop", ("production", 1)),
        ("/home/me/scratch/blog", ("experimental", -1)),
        ("/toy", ("experimental", -1)),
        ("/", NONE),
    ],
)
def test_a_pattern_names_a_repository_or_its_path_and_the_first_tier_counts(path, expected):
    assert suggestion.tier_of(path, RULES) == expected


def test_the_tier_tips_the_scales_at_both_thresholds(shipped_rules):
    for task, points, wanted in [
        ("Design it", 1, "opus"),
        ("Design it", 0, "sonnet"),
        ("Add a feature for me", -1, "haiku"),
        ("Please look at this file", 1, "sonnet"),
    ]:
        score = score_of(task, shipped_rules, ("a tier", points))
        assert suggestion.ideal(score, shipped_rules) == wanted


# How full the models are.

PLAN = way("plan", billing="subscription")
KEY = way("key")
FIVE_HOURS = limit("percent", 18_000, amount=100, block=95.0, scope="account")
WEEK = FIVE_HOURS._replace(window_s=WEEK_S)
TOKENS = limit("tokens", WEEK_S, amount=1000, block=95.0, scope="model")


def claude(*rows, ways=(PLAN, KEY)):
    return provider("claude", *ways, limits=rows, models=[model(name) for name in MODELS.values()])


def told(used_by_model, rows=(), usage=None, resets_at_ms=None, at_ms=NOW_MS - HOUR_MS):
    """Make the books in which a person told of models."""
    row = suggestion.told_row(RULES)
    window = row.metric, row.window_s, None, None
    seen = [
        Seen(*window, used, None, "phase 1", at_ms, resets_at_ms, MODELS[name])
        for name, used in used_by_model.items()
    ]
    known = claude(*rows, row)
    return observations.noted(usage or empty_usage(), known, seen, NOW_MS, "UTC")


def uses(usage, *rows, ways=(PLAN, KEY)):
    return suggestion.uses(claude(*rows, ways=ways), usage, RULES, NOW_MS, "UTC")


def choose(wanted, percents):
    return suggestion.chosen(wanted, uses(told(percents)), 80)


def test_what_nobody_told_of_is_unknown_and_open():
    assert set(uses(empty_usage(), FIVE_HOURS, WEEK).values()) == {
        suggestion.Use(None, None, None, None, None, None)
    }


def test_a_figure_of_a_person_is_about_one_model_and_ends_with_its_window():
    used = uses(told({"opus": 85}))
    end_ms = NOW_MS - HOUR_MS + WEEK_S * 1000
    row = f"percent/{WEEK_S}s"
    assert used["opus"] == (85.0, row, "phase 1", NOW_MS - HOUR_MS, "85% used", end_ms)
    assert used["haiku"].percent is None
    assert used["haiku"].block is None
    late = told({"opus": 85}, at_ms=NOW_MS - WEEK_S * 1000)
    assert uses(late)["opus"].percent is None


@pytest.mark.parametrize(("percent", "blocked"), [(0, False), (79, False), (80, True), (130, True)])
def test_a_model_is_blocked_from_80_percent_on(percent, blocked):
    assert (uses(told({"sonnet": percent}))["sonnet"].block is not None) is blocked


def test_the_windows_of_the_plan_are_shared_and_the_fullest_row_tells():
    seen = Seen("percent", 18_000, None, None, 70, None, "client run", NOW_MS, NOW_MS + HOUR_MS)
    rows = (FIVE_HOURS, WEEK)
    usage = observations.noted(empty_usage(), claude(*rows), [seen], NOW_MS, "UTC")
    usage = told({"opus": 75, "haiku": 10}, rows, usage)
    used = uses(usage, *rows)
    assert [used[name].percent for name in NAMES] == [70.0, 70.0, 75.0]
    assert [used[name].source for name in NAMES] == ["client run", "client run", "phase 1"]


def test_a_plan_that_is_used_up_blocks_all_until_its_reset():
    seen = Seen("percent", 18_000, None, None, 92, None, "client run", NOW_MS, NOW_MS + HOUR_MS)
    usage = observations.noted(empty_usage(), claude(FIVE_HOURS), [seen], NOW_MS, "UTC")
    used = uses(usage, FIVE_HOURS)
    choice = suggestion.chosen("opus", used, 80)
    assert choice.model == "opus"  # of equals the ideal one
    assert choice.blocked
    assert used["opus"].retry_at_ms == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("ways", "account", "percent"),
    [
        ((PLAN, KEY), "plan", 92),
        ((KEY, PLAN), "plan", 92),
        ((PLAN, KEY), "key", None),
        ((KEY,), "plan", None),
    ],
)
def test_the_plan_that_counts_is_that_of_the_login(ways, account, percent):
    seen = Seen("percent", 18_000, None, account, 92, None, "client run", NOW_MS, None)
    usage = observations.noted(empty_usage(), claude(FIVE_HOURS), [seen], NOW_MS, "UTC")
    assert uses(usage, FIVE_HOURS, ways=ways)["opus"].percent == percent


def test_money_by_model_counts_where_calls_are_billed():
    row = limit("cost_usd", period="day", amount=1_000_000, scope="model")
    usage = full_usage(row, f"{row.name}#{MODELS['opus']}")
    assert uses(usage, row, ways=(KEY,))["opus"].block == "100% used"
    assert uses(usage, row, ways=(PLAN, KEY))["opus"].percent is None


def test_our_own_calls_count_in_a_row_by_model():
    usage = full_usage(TOKENS, f"{TOKENS.name}#{MODELS['opus']}", amount=799)
    used = uses(usage, TOKENS)
    assert used["opus"] == (79.9, TOKENS.name, "own calls", NOW_MS, None, None)
    assert used["haiku"] == (0.0, TOKENS.name, "own calls", NOW_MS, None, None)
    usage = full_usage(TOKENS, f"{TOKENS.name}#{MODELS['opus']}", amount=800)
    opus = uses(usage, TOKENS)["opus"]
    assert opus.block == "80% used"
    assert opus.retry_at_ms >= NOW_MS + WEEK_S * 1000


def test_two_full_rows_block_until_the_later_one_is_free():
    usage = full_usage(TOKENS, f"{TOKENS.name}#{MODELS['opus']}")
    usage = told({"opus": 90}, (TOKENS,), usage, resets_at_ms=NOW_MS + HOUR_MS)
    opus = uses(usage, TOKENS)["opus"]
    assert opus.percent == 100.0
    assert opus.retry_at_ms >= NOW_MS + WEEK_S * 1000


@pytest.mark.parametrize(
    ("wanted", "percents", "taken", "blocked"),
    [
        ("opus", (32, 78, 45), "opus", False),
        ("opus", (32, 78, 82), "haiku", False),
        ("opus", (92, 85, 82), "opus", True),
        ("sonnet", (32, 78, 45), "sonnet", False),
        ("sonnet", (50, 82, 45), "opus", False),
        ("haiku", (92, 78, 45), "opus", False),
        ("haiku", (99, 80, 81), "sonnet", True),
        ("opus", (40, 40, 80), "haiku", False),
        ("haiku", (80, 80, 80), "haiku", True),
    ],
)
def test_a_blocked_model_gives_way_to_the_least_used_open_one(wanted, percents, taken, blocked):
    choice = choose(wanted, dict(zip(NAMES, percents, strict=True)))
    assert (choice.model, choice.blocked) == (taken, blocked)
    assert (choice.reason is None) is (not blocked and wanted == taken)


def test_the_reason_says_what_is_in_the_way():
    assert choose("opus", {"opus": 82, "sonnet": 78}).reason == (
        "opus is blocked (82% used); haiku is the least used open model"
    )
    assert choose("opus", dict.fromkeys(NAMES, 90)).reason == (
        "every model is at 80% or more; opus is the least used"
    )


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 120))), st.sampled_from(NAMES))
def test_none_is_less_used_among_those_that_may_be_taken(percents, wanted):
    choice = choose(wanted, percents)
    free = [name for name in NAMES if percents[name] < 80]
    assert choice.blocked is (not free)
    if wanted in free:
        assert choice.model == wanted
    else:
        assert percents[choice.model] == min(percents[name] for name in free or NAMES)


@pytest.mark.parametrize(
    ("at_ms", "minutes"),
    [(0, 0), (-1, 0), (1, 1), (60_000, 1), (60_001, 2)],
)
def test_minutes_to_a_reset_are_rounded_up(at_ms, minutes):
    assert suggestion.minutes_until(NOW_MS + at_ms, NOW_MS) == minutes
    assert suggestion.minutes_until(None, NOW_MS) is None
