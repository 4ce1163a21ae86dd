"""The command and the environment of a client: no key in its arguments, one key in its hands."""

import tomllib

import pytest
import world
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.providers import command_line, toml
from orchestrator.providers.command_line import Errand
from orchestrator.records import Route

KEYS = {
    "OPENAI_API_KEY": "sk-of-openai",
    "ANTHROPIC_API_KEY": "sk-of-anthropic",
    "GEMINI_API_KEY": "key-of-google",
    "GOOGLE_API_KEY": "other-key-of-google",
    "DEEPSEEK_API_KEY": "sk-of-deepseek",
}
OTHERS = {
    "HOME": "/home/me",
    "PATH": "/nowhere",
    "LANG": "C.UTF-8",
    "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
    "CLAUDECODE": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "PYTHONPATH": "/evil",
    "LD_PRELOAD": "/evil.so",
}
PRIVATE = "/private place/x"


def ways(shipped):
    for name, provider in shipped.providers.items():
        for transport in provider.transports:
            if transport.kind == "cli":
                for access in ("read", "edit"):
                    yield name, Route(name, provider.models[0].name, transport, access, 4321)


def prepared(shipped, route, system="Be brief.", ceiling=None, **more):
    environment = KEYS | OTHERS | more
    errand = Errand("/my repo", PRIVATE, system, ceiling)
    return command_line.prepare(shipped, route, environment, errand)


def test_no_key_is_in_the_arguments_or_files_of_any_client(shipped):
    for _, route in ways(shipped):
        made = prepared(shipped, route, ceiling=1.0)
        said = [*made.argv, *made.files.values(), made.task_prefix]
        assert not [text for text in said for key in KEYS.values() if key in text]


def test_a_client_gets_the_key_of_its_provider_alone_and_on_a_subscription_none(shipped):
    own = {
        "codex": {"OPENAI_API_KEY": "sk-of-openai"},
        "claude": {"ANTHROPIC_API_KEY": "sk-of-anthropic"},
        "gemini": {"GEMINI_API_KEY": "key-of-google"},
    }
    for name, route in ways(shipped):
        child = prepared(shipped, route).environment
        given = {key: value for key, value in child.items() if value in KEYS.values()}
        assert given == ({} if route.transport.billing == "subscription" else own[name])


def test_the_second_name_of_a_key_is_given_under_its_first(shipped):
    route = next(route for name, route in ways(shipped) if name == "gemini" and
                 route.transport.billing == "metered")  # fmt: skip
    child = prepared(shipped, route, GEMINI_API_KEY="").environment
    assert child["GEMINI_API_KEY"] == "other-key-of-google"


def test_only_what_is_allowed_is_handed_on(shipped):
    for _, route in ways(shipped):
        child = prepared(shipped, route).environment
        assert (child["HOME"], child["PATH"]) == ("/home/me", "/nowhere")
        assert child["TMPDIR"] == PRIVATE
        assert not {name for name in OTHERS if name in child} - {"HOME", "PATH", "LANG"}


def holds(argv, part):
    wanted = [word.replace("{private}", PRIVATE) for word in part]
    return any(argv[at : at + len(wanted)] == wanted for at in range(len(argv)))


def test_reading_and_editing_are_different_flags(shipped):
    for name, route in ways(shipped):
        client = shipped.clients[name]
        argv = prepared(shipped, route).argv
        assert holds(argv, client["read_argv"]) is (route.access == "read")
        assert holds(argv, client["edit_argv"]) is (route.access == "edit")
        assert not [word for word in argv for bad in ("dangerous", "yolo") if bad in word]


def test_a_ceiling_is_handed_on_only_where_it_is_paid_for(shipped):
    for name, route in ways(shipped):
        argv = prepared(shipped, route, ceiling=0.5).argv
        told = name == "claude" and route.transport.billing == "metered"
        assert ("--max-budget-usd" in argv) is told
        assert ("0.500000" in argv) is told
        assert "--max-budget-usd" not in prepared(shipped, route).argv


def test_the_agents_text_goes_in_where_the_client_takes_it_else_ahead_of_the_task(shipped):
    for name, route in ways(shipped):
        made = prepared(shipped, route, "Agent text.")
        assert made.files["system.md"] == "Agent text."
        assert made.task_prefix == ("Agent text.\n\n---\n\n" if name == "gemini" else "")


def test_where_another_host_is_named_the_client_is_pointed_there(shipped):
    names = {"codex": "OPENAI_BASE_URL", "claude": "ANTHROPIC_BASE_URL"}
    names["gemini"] = "GOOGLE_GEMINI_BASE_URL"
    url = "http://127.0.0.1:8000/v1"
    for name, route in ways(shipped):
        if route.transport.billing == "metered":
            made = prepared(shipped, route, **{names[name]: url})
            assert url in " ".join(made.argv) or made.environment[names[name]] == url


def filled(template, **changes):
    client = {"command": "one", "argv": [template], "read_argv": [], "edit_argv": [], **changes}
    known = world.config(world.provider("codex", world.way("one")), clients={"one": client})
    transport = known.providers["codex"].transports[0]
    route = Route("codex", "{folder}", transport, "read", 7)
    return command_line.prepare(known, route, OTHERS, Errand("/{model}", "/p", "{private}{x}"))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{model}", "{folder}"),  # a value is no template
        ("{folder}{model}", "/{model}{folder}"),
        ("x={max_output_tokens}", "x=7"),
        ("{unknown}", "{unknown}"),
        ("{", "{"),
        ("}{", "}{"),
        ("{}", "{}"),
        ("{model", "{model"),
        ("{{model}}", "{{folder}}"),
        ('a={b="{private}"}', 'a={b="/p"}'),
        ("plain", "plain"),
    ],
)
def test_only_names_of_ours_in_braces_are_filled_in_and_only_once(template, expected):
    assert filled(template).argv[1:] == [expected]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_text_in_toml_is_read_back_as_it_was(text):
    assert tomllib.loads(f"x = {toml.inline(text)}") == {"x": text}
