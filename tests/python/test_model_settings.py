"""Settings of one model: how often and how long it is tried, what its transports must honour."""

import pytest
import world

from orchestrator import records as r
from orchestrator.decide import failures
from orchestrator.errors import NoRoomError
from orchestrator.records import Failure, FallbackOn, Parameters, Route

DIALECTS = {
    "openai_chat": {"images": True, "parameters": {"temperature": "temperature"}},
    "anthropic": {"images": False, "parameters": {}},
}
CLIENTS = {"plain": {}, "able": {"image_argv": ["-i", "{image}"], "mcp_argv": ["--mcp"]}}


def step(kind, tries=1, rest=(), wait_s=None, **parameters):
    route = Route("a", "m", world.way("a"), "read", 1000, parameters=Parameters(**parameters))
    failure = Failure(kind, "it failed", wait_s)
    return failures.next_step(failure, route, rest, tries, world.SETTINGS, lambda: 1.0)


OTHER = Route("b", "n", world.way("b"), "read", 1000)


@pytest.mark.parametrize(
    ("max_retries", "tries", "again"),
    [(None, 2, True), (None, 3, False), (0, 1, False), (1, 1, True), (1, 2, False), (5, 5, True)],
)
def test_a_model_may_say_how_often_it_is_tried_again(max_retries, tries, again):
    assert bool(step(r.SERVER, tries, max_retries=max_retries).routes) == again


@pytest.mark.parametrize(("tries", "wait_s"), [(1, 2.0), (2, 4.0), (3, 8.0), (9, 30.0)])
def test_a_model_may_say_how_long_the_first_wait_is(tries, wait_s):
    assert step(r.SERVER, tries, max_retries=9, retry_delay_s=2.0).wait_s == wait_s


def test_a_first_wait_beyond_the_cap_of_all_is_kept():
    assert step(r.SERVER, 3, max_retries=9, retry_delay_s=60.0).wait_s == 60.0


def test_a_wait_of_its_own_replaces_what_the_provider_asks_for():
    own = (FallbackOn(r.RATE_LIMIT, wait_s=60.0),)
    assert step(r.RATE_LIMIT, wait_s=5.0, fallback_on=own).wait_s == 60.0
    assert step(r.SERVER, wait_s=5.0, fallback_on=own).wait_s == 5.0


def test_another_route_that_is_free_is_taken_before_any_wait():
    own = (FallbackOn(r.RATE_LIMIT, wait_s=60.0),)
    assert step(r.RATE_LIMIT, rest=(OTHER,), fallback_on=own) == ((OTHER,), 0.0)


def test_an_immediate_fallback_never_tries_the_same_route_again():
    own = (FallbackOn(r.SERVER, immediate=True),)
    assert step(r.SERVER, fallback_on=own) == ((), 0.0)
    assert step(r.SERVER, rest=(OTHER,), fallback_on=own) == ((OTHER,), 0.0)


def test_a_wait_after_a_timeout_is_kept_where_no_other_route_is_left():
    own = (FallbackOn(r.TIMEOUT, wait_s=5.0),)
    alone = step(r.TIMEOUT, fallback_on=own)
    assert (len(alone.routes), alone.wait_s) == (1, 5.0)
    assert step(r.TIMEOUT, rest=(OTHER,), fallback_on=own) == ((OTHER,), 0.0)


def test_a_timeout_ends_the_task_unless_the_model_says_to_fall_back():
    own = (FallbackOn(r.TIMEOUT, immediate=True),)
    assert step(r.TIMEOUT, rest=(OTHER,)).routes == ()
    assert step(r.TIMEOUT, rest=(OTHER,), fallback_on=own).routes == (OTHER,)


@pytest.mark.parametrize(
    ("failure", "passed", "own", "climbs"),
    [
        (None, False, (), True),
        (None, True, (), False),
        (Failure(r.TIMEOUT, "late"), True, (), True),
        (Failure(r.TIMEOUT, "late"), True, (FallbackOn(r.TIMEOUT, immediate=True),), False),
        (Failure(r.TIMEOUT, "late"), True, (FallbackOn(r.TIMEOUT, wait_s=5.0),), False),
        (Failure(r.TIMEOUT, "late"), True, (FallbackOn(r.TIMEOUT),), True),
        (Failure(r.SERVER, "down"), True, (), False),
        (Failure(r.MAX_COST, "dear"), True, (), False),
    ],
)
def test_what_climbs_is_a_failed_check_or_a_model_out_of_time(failure, passed, own, climbs):
    route = OTHER._replace(parameters=Parameters(fallback_on=own))
    assert failures.climbs(failure, route, passed=passed) == climbs


def able(*ways, parameters=(), **wishes):
    """Decide with one provider; tells the transports that are left."""
    model = world.model(
        "m", "cheap", able=("vision", "tools"), parameters=Parameters(sampling=tuple(parameters))
    )
    known = world.config(
        world.provider("codex", *ways, models=[model]), clients=CLIENTS, cheapest=NO_LAST
    )
    found = world.decide("Fix it", known._replace(dialects=DIALECTS), **wishes)
    return [(way.client or way.dialect) for way in (route.transport for route in found.chain)]


NO_LAST = {"next": 2, "reliable": 1, "last_client": ""}
PLAIN, ABLE = world.way("plain"), world.way("able")
CHAT = world.way("chat", kind="api", dialect="openai_chat")
ANTHROPIC = world.way("anthropic", kind="api", dialect="anthropic")
EVERY = (PLAIN, ABLE, CHAT, ANTHROPIC)


@pytest.mark.parametrize(
    ("parameters", "wishes", "left"),
    [
        ((), {}, ["plain", "able", "openai_chat", "anthropic"]),
        ((("temperature", 0.2),), {}, ["openai_chat"]),
        ((), {"image": ("x.png",)}, ["able", "openai_chat"]),
        ((), {"mcp_config": "mcp.json"}, ["able"]),
    ],
)
def test_only_transports_that_honour_all_of_it_are_left(parameters, wishes, left):
    assert able(*EVERY, parameters=parameters, **wishes) == left


@pytest.mark.parametrize(
    ("parameters", "wishes", "told"),
    [
        ((("temperature", 0.2), ("top_p", 1.0)), {}, "can't set the model's temperature, top_p"),
        ((), {"image": ("x.png",), "transport": "cli"}, "plain takes no images"),
        ((), {"mcp_config": "mcp.json", "transport": "api"}, "takes no MCP servers"),
    ],
)
def test_what_no_transport_can_honour_is_refused(parameters, wishes, told):
    with pytest.raises(NoRoomError, match=f"no provider matches .*{told}"):
        able(PLAIN, CHAT, parameters=parameters, **wishes)
