"""What the options of a command line become, and what is refused."""

import pytest

from orchestrator.config import options
from orchestrator.errors import UsageError
from orchestrator.records import Wishes


def wishes(*words):
    return options.read([*words, "repo", "task"]).wishes


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--requires", "vision"), ("vision",)),
        (("--requires=vision, tools",), ("vision", "tools")),
        (("--requires", "tools", "--requires", "json_mode"), ("tools", "json_mode")),
        (("--requires", "context=200000,vision"), ("context=200000", "vision")),
    ],
)
def test_capabilities_may_be_listed_and_repeated(words, names):
    assert wishes(*words).requires == names


@pytest.mark.parametrize(
    "text", [",", "Vision", "smell", "context", "context=", "context=-1", "context=" + "9" * 5000]
)
def test_what_is_no_capability_is_refused_with_those_there_are(text):
    with pytest.raises(UsageError, match=r"allowed: vision, tools, json_mode, context=TOKENS$"):
        wishes("--requires", text)


def test_pictures_may_be_repeated_and_keep_their_names():
    assert wishes("--image", "a b.png", "--image==c,d.png").image == ("a b.png", "=c,d.png")


NAMED = options.field_names()


def told(name, value):
    return options.told_value(NAMED[name], value)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("edit", True, True),
        ("edit", False, False),
        ("complexity", 3, 3.0),
        ("complexity", "2.5", 2.5),
        ("max-cost", 0, 0.0),
        ("timeout", 10**6, 1e6),
        ("strategy", "cheapest", "cheapest"),
        ("model", "m é", "m é"),
        ("requires", "vision, tools", ("vision", "tools")),
        ("requires", ["vision", "context=9"], ("vision", "context=9")),
        ("requires", {"vision": True, "tools": False, "context": 9}, ("vision", "context=9")),
        ("requires", [], ()),
        ("requires", {}, ()),
        ("image", "a,b.png", ("a,b.png",)),
        ("image", ["a.png", "b.png"], ("a.png", "b.png")),
    ],
)
def test_a_row_of_a_queue_gives_options_as_json(name, given, value):
    assert told(name, given) == value
    assert type(told(name, given)) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("edit", 1, "edit is 1; allowed: true, false"),
        ("edit", "true", 'edit is "true"; allowed: true, false'),
        ("complexity", "high", 'complexity is "high"; allowed: a number, 0 to 10'),
        ("complexity", True, "complexity is true; allowed: a number, 0 to 10"),
        ("complexity", float("nan"), "complexity is NaN; allowed: a number, 0 to 10"),
        ("complexity", None, "complexity is null; allowed: a number, 0 to 10"),
        ("complexity", [3], "complexity is a list; allowed: a number, 0 to 10"),
        ("complexity", 10**400, "complexity is a huge number; allowed: a number, 0 to 10"),
        ("max-cost", -1, "max_cost_usd is -1; allowed: a number, 0"),
        ("max-cost", float("inf"), "max_cost_usd is Infinity; allowed: a number, 0"),
        ("timeout", 0, "timeout_s is 0; allowed: a number, 0.1"),
        ("strategy", "best", 'strategy is "best"; allowed: specialist, cheapest'),
        ("strategy", {}, "strategy is an object; allowed: specialist, cheapest"),
        ("model", 3, "model is 3; allowed: a text"),
        ("model", "", "model is empty"),
        ("verify", "a\0", "verify holds a NUL"),
        ("verify", "\ud800", "verify is not UTF-8"),
        ("image", 3, "image is 3; allowed: a text or a list of texts"),
        ("image", ["a", ["b"]], "image is a list; allowed: a text or a list of texts"),
        ("image", ["a", ""], "image is empty"),
        ("requires", 3, "requires is 3; allowed: a text or a list of texts"),
        ("requires", {"vision": "y\n"}, 'requires has "y\\n" for "vision"; allowed: true, false'),
    ],
)
def test_what_is_no_value_of_an_option_is_refused_by_its_field(name, given, why):
    with pytest.raises(UsageError) as raised:
        told(name, given)
    assert str(raised.value) == why


@pytest.mark.parametrize(
    "given",
    [
        "smell",
        ["vision", "smell"],
        {"smell": True},
        {"smell": False},
        {"smell": 3},
        {"context": -1},
    ],
)
def test_what_is_no_capability_is_refused_in_every_form(given):
    with pytest.raises(UsageError, match=r"^requires names .*context=TOKENS$"):
        told("requires", given)


def test_a_long_value_is_cut_in_what_is_said_of_it():
    with pytest.raises(UsageError) as raised:
        told("strategy", "x" * 10_000)
    assert str(raised.value) == f'strategy is "{"x" * 59}…"; allowed: specialist, cheapest'


def test_a_row_may_name_every_wish_in_each_of_its_ways_and_nothing_else():
    assert {option.field for option in NAMED.values()} == set(Wishes._fields)
    assert {"max_cost_usd", "max_cost", "max-cost", "timeout_s", "timeout"} <= set(NAMED)
    assert not {"yes", "json", "quiet", "explain", "dry_run", "dry-run"} & set(NAMED)


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.name)
def test_a_text_is_worth_the_same_on_the_command_line_and_in_a_row(option):
    if option.kind != "flag":
        text = {"number": "2", "choice": option.choices[:1], "capabilities": "tools,vision"}
        given = "".join(text.get(option.kind, "some text"))
        assert options.told_value(option, given) == options.value_of(option, given)
