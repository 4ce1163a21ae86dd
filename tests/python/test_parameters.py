"""A model's own settings: in the request of each dialect under its own names, or in a client's."""

import pytest
import world

from orchestrator.providers import api, command_line
from orchestrator.providers.command_line import Errand
from orchestrator.providers.process import Deadlines
from orchestrator.providers.prompt import prompt_of
from orchestrator.records import Parameters, Route

SET = (("temperature", 0.2), ("top_p", 0.9), ("presence_penalty", -0.5))
EXPECTED = {
    "openai_responses": {"temperature": 0.2, "top_p": 0.9},
    "anthropic": {"temperature": 0.2, "top_p": 0.9},
    "openai_chat": {"temperature": 0.2, "top_p": 0.9, "presence_penalty": -0.5},
    "gemini": {"temperature": 0.2, "topP": 0.9, "presencePenalty": -0.5},
}
PROVIDERS = {
    "openai_responses": "codex",
    "anthropic": "claude",
    "openai_chat": "compatible",
    "gemini": "gemini",
}
ADDRESSES = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL")


def route_of(shipped, dialect, sampling):
    provider = shipped.providers[PROVIDERS[dialect]]
    transport = next(t for t in provider.transports if t.dialect == dialect)
    names = shipped.dialects[dialect]["parameters"]
    kept = tuple((name, value) for name, value in sampling if name in names)
    return Route(
        provider.name, "priced", transport, "none", 500, parameters=Parameters(sampling=kept)
    )


def asked(shipped, sim, dialect, sampling):
    """Make the call, and return what the upstream was asked."""
    route = route_of(shipped, dialect, sampling)
    url = f"http://127.0.0.1:{sim.port}"
    environment = dict.fromkeys(ADDRESSES, url) | {"OPENAI_COMPATIBLE_BASE_URL": url}
    prompt = prompt_of(shipped, route, environment, "Be brief.", "Hello")
    reading = api.reading_of(dialect)
    list(api.call(prompt, route.transport, environment, Deadlines(1e9, 10.0, 10.0), reading))
    assert reading.outcome().failure is None
    (request,) = sim.requests()
    return request


@pytest.mark.parametrize("dialect", EXPECTED)
def test_each_dialect_is_asked_with_the_models_settings_under_its_own_names(shipped, sim, dialect):
    request = asked(shipped, sim, dialect, SET)
    assert request["sampling"] == EXPECTED[dialect]


@pytest.mark.parametrize("dialect", EXPECTED)
def test_a_model_without_settings_is_asked_with_none(shipped, sim, dialect):
    assert asked(shipped, sim, dialect, ())["sampling"] == {}


def test_a_setting_that_a_dialect_has_no_name_for_is_never_dropped(shipped):
    route = route_of(shipped, "anthropic", ())
    strange = route._replace(parameters=Parameters(sampling=(("presence_penalty", 1.0),)))
    with pytest.raises(KeyError, match="presence_penalty"):
        prompt_of(shipped, strange, {}, "", "")


def test_a_client_that_takes_a_setting_gets_it_as_its_row_says():
    client = {
        "command": "one",
        "argv": ["run"],
        "read_argv": ["--read"],
        "edit_argv": [],
        "parameters": {"temperature": "--temperature={value}"},
    }
    known = world.config(world.provider("codex", world.way("one")), clients={"one": client})
    way = known.providers["codex"].transports[0]
    own = Parameters(sampling=(("temperature", 0.5),))
    route = Route("codex", "m", way, "read", 7, parameters=own)
    made = command_line.prepare(known, route, {}, Errand("/repo", "/p", ""))
    assert made.argv[1:] == ["run", "--temperature=0.5", "--read"]
