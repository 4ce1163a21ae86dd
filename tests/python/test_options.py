"""What the options of a command line become, and what is refused."""

import pytest

from orchestrator.commands import options
from orchestrator.errors import UsageError


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
