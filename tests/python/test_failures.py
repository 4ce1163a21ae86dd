"""What follows a failed attempt: the next free route, a wait on the same one, or the end."""

import pytest
import world

from orchestrator import records as r
from orchestrator.decide import failures
from orchestrator.records import Failure, Parameters, Route, Wishes

SETTINGS = world.SETTINGS


def route(provider, account, model="medium", kind="cli"):
    return Route(provider, model, world.way(account, kind), "read", 1000)


PLAN = route("claude", "plan")
KEY = route("claude", "key")
API = route("claude", "key", kind="api")
OTHER = route("codex", "openai")
RICHER = route("claude", "plan", model="powerful")


def next_step(kind, failed=PLAN, rest=(), tries=1, wait_s=None, draw=lambda: 1.0):
    failure = Failure(kind, "it failed", wait_s)
    return failures.next_step(failure, failed, rest, tries, SETTINGS, draw)


@pytest.mark.parametrize(
    ("kind", "failed", "rest", "left"),
    [
        (r.RATE_LIMIT, KEY, [API, OTHER], [OTHER]),  # the account is at its limit
        (r.QUOTA, KEY, [API, PLAN, OTHER], [PLAN, OTHER]),
        (r.SERVER, KEY, [API, OTHER], [OTHER]),
        (r.NETWORK, KEY, [API, OTHER], [OTHER]),
        (r.STALLED, KEY, [API, OTHER], [OTHER]),
        (r.NO_ROOM, KEY, [API, OTHER], [OTHER]),
        (r.OUTAGE, KEY, [API, OTHER], [OTHER]),  # somebody else has the probe
        (r.BUDGET, KEY, [API, OTHER], [OTHER]),
        (r.INVALID_INPUT, KEY, [API, OTHER], [OTHER]),
        (r.AUTH, PLAN, [KEY, API, OTHER], [KEY, API, OTHER]),  # the next transport
        (r.NOT_INSTALLED, KEY, [API, OTHER], [API, OTHER]),
        (r.EMPTY, KEY, [API, OTHER], [API, OTHER]),
        (r.CONTEXT_LENGTH, PLAN, [KEY, RICHER, OTHER], [RICHER, OTHER]),
        (r.TIMEOUT, PLAN, [KEY, OTHER], []),  # the deadline is that of the whole task
        (r.VERIFY_FAILED, PLAN, [KEY, OTHER], []),
        (r.INTERRUPTED, PLAN, [KEY, OTHER], []),
    ],
)
def test_a_failure_rules_out_what_would_fail_alike(kind, failed, rest, left):
    step = next_step(kind, failed, rest)
    assert (list(step.routes), step.wait_s) == (left, 0.0)


@pytest.mark.parametrize(
    ("failed_window", "windows", "left"),
    [
        (100, [50, 100, 101, 200], [101, 200]),
        (100, [100], []),
        (0, [50], [50]),  # nobody knows how large it is
        (100, [0], [0]),
    ],
)
def test_what_was_too_long_for_a_model_goes_to_a_larger_window_alone(failed_window, windows, left):
    failed = PLAN._replace(context_window=failed_window)
    rest = [OTHER._replace(context_window=window, model=f"of {window}") for window in windows]
    step = next_step(r.CONTEXT_LENGTH, failed, rest)
    assert [route.context_window for route in step.routes] == left


MODELS = [world.model(f"of {size}", context_window=size) for size in (100, 400, 200, 300)]


@pytest.mark.parametrize(
    ("kind", "window", "billing", "priced", "expected"),
    [
        (r.CONTEXT_LENGTH, 100, "metered", (200, 300, 400), "of 200"),
        (r.CONTEXT_LENGTH, 250, "metered", (200, 300, 400), "of 300"),
        (r.CONTEXT_LENGTH, 100, "metered", (400,), "of 400"),
        (r.CONTEXT_LENGTH, 100, "subscription", (), "of 200"),
        (r.CONTEXT_LENGTH, 400, "metered", (200, 300, 400), None),
        (r.CONTEXT_LENGTH, 0, "metered", (200, 300, 400), None),
        (r.SERVER, 100, "metered", (200, 300, 400), None),
    ],
)
def test_the_next_larger_model_of_the_same_provider_comes_first(
    kind, window, billing, priced, expected
):
    way = world.way("plan", billing=billing)
    failed = Route("claude", "small", way, "read", 1000, window, "medium")
    prices = {f"of {size}": world.price() for size in priced}
    known = world.config(world.provider("claude", way, models=MODELS), prices=prices)
    found = failures.wider(Failure(kind, "it failed"), failed, Wishes(), known, None, world.DAY)
    assert [route.model for route in found] == ([expected] if expected else [])
    assert all((route.transport, route.access) == (way, "read") for route in found)


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, "plain"),
        ({"requires": ("tools",)}, "able"),
        ({"image": ("a.png",)}, "seeing"),
        ({"requires": ("context=350",)}, "seeing"),
        ({"requires": ("json_mode",)}, None),
    ],
)
def test_a_larger_model_lacks_nothing_that_was_asked_for(wishes, expected):
    warm = Parameters(sampling=(("temperature", 0.5),))  # which its transport can't set
    models = [
        world.model("warm", context_window=150, parameters=warm),
        world.model("plain", context_window=200),
        world.model("able", context_window=300, able=("tools",)),
        world.model("seeing", context_window=350, able=("vision",)),
    ]
    way, dialects = world.way("plan", kind="api"), {"openai_chat": {"images": True}}
    known = world.config(world.provider("claude", way, models=models))._replace(dialects=dialects)
    failed = Route("claude", "small", way, "none", 10, 100, "medium")
    failure = Failure(r.CONTEXT_LENGTH, "it failed")
    found = failures.wider(failure, failed, Wishes(**wishes), known, None, world.DAY)
    assert [route.model for route in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("billing", "action", "expected"),
    [
        ("metered", None, "strong"),
        ("metered", "log_warning", "strong"),
        ("metered", "downgrade_tier", "long"),
        ("metered", "cheapest_only", "long"),
        ("subscription", "cheapest_only", "strong"),
    ],
)
def test_a_larger_model_that_is_paid_for_is_of_no_higher_tier_where_budgets_lower_it(
    billing, action, expected
):
    way = world.way("key", billing=billing)
    models = [world.model("strong", "powerful", 200), world.model("long", "cheap", 300)]
    known = world.config(world.provider("claude", way, models=models))
    failed = Route("claude", "small", way, "read", 10, 100, "cheap")
    failure = Failure(r.CONTEXT_LENGTH, "it failed")
    found = failures.wider(failure, failed, Wishes(), known, action, world.DAY)
    assert [route.model for route in found] == [expected]


def test_every_failure_class_has_a_rule():
    classes = {v for k, v in vars(r).items() if k == v and k.isupper()}
    assert classes == set(failures.RULES_OUT)


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        (r.RATE_LIMIT, True),
        (r.SERVER, True),
        (r.NETWORK, True),
        (r.STALLED, True),
        (r.EMPTY, True),
        (r.QUOTA, False),
        (r.AUTH, False),
        (r.NOT_INSTALLED, False),
        (r.INVALID_INPUT, False),
        (r.CONTEXT_LENGTH, False),
        (r.BUDGET, False),
        (r.NO_ROOM, False),
        (r.OUTAGE, False),
        (r.TIMEOUT, False),
        (r.OVERLOADED, False),
    ],
)
def test_only_what_passes_is_tried_again_and_only_when_nothing_else_is_free(kind, again):
    assert next_step(kind).routes == ((PLAN,) if again else ())
    assert next_step(kind, tries=3).routes == ()
    elsewhere = next_step(kind, rest=[OTHER]).routes
    assert PLAN not in elsewhere


@pytest.mark.parametrize(
    ("asked_s", "waited_s"),
    [(2, 2.0), (1.5, 1.5), (0, 0.0), (-5, 0.0), (120, 120.0), (120.1, None), (99_999_999, None)],
)
def test_what_the_provider_asks_for_is_waited_up_to_two_minutes(asked_s, waited_s):
    step = next_step(r.RATE_LIMIT, wait_s=asked_s)
    assert (step.wait_s if step.routes else None) == waited_s


@pytest.mark.parametrize(("tries", "ceiling_s"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30)])
def test_otherwise_waits_double_up_to_30_seconds_with_full_jitter(tries, ceiling_s):
    roomy = SETTINGS | {"attempts": {"per_route": 99, "total": 99}}
    failure = Failure(r.SERVER, "it failed")
    for drawn in (0.0, 0.5, 1.0):
        step = failures.next_step(failure, PLAN, (), tries, roomy, lambda drawn=drawn: drawn)
        assert step.wait_s == drawn * ceiling_s


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([r.RATE_LIMIT], 3),
        ([r.QUOTA, r.NO_ROOM, r.BUDGET], 3),
        ([r.AUTH], 4),
        ([r.AUTH, r.NOT_INSTALLED], 4),
        ([r.SERVER, r.NETWORK], 5),
        ([r.STALLED], 5),
        ([r.OUTAGE], 5),
        ([r.OVERLOADED], 5),
        ([r.OUTAGE, r.QUOTA], 5),
        ([r.TIMEOUT], 5),
        ([r.INVALID_INPUT, r.TIMEOUT], 5),
        ([r.AUTH, r.QUOTA], 3),
        ([r.INVALID_INPUT], 1),
        ([r.EMPTY, r.CONTEXT_LENGTH], 1),
        ([r.QUOTA, r.INVALID_INPUT], 1),
        ([], 1),
    ],
)
def test_the_exit_code_says_what_would_help(kinds, code):
    assert failures.exit_code(kinds) == code
