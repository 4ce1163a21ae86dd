"""Where things are, and which folder REPO may name."""

import os

import pytest

from orchestrator.config import locations
from orchestrator.errors import UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Make a workspace with two repositories, a way out of it, and a folder outside."""
    home = tmp_path / "work space"
    for name in ("one", "two words", "-x"):
        (home / name).mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (home / "file").write_text("")
    (home / "inside").symlink_to("one")
    (home / "escape").symlink_to("../outside")
    (home / "broken").symlink_to("nowhere")
    (home / "loop").symlink_to("loop")
    monkeypatch.chdir(home / "one")
    return home


@pytest.mark.parametrize(
    ("named", "workspace", "expected"),
    [
        (".", False, "one"),
        ("../two words", False, "two words"),
        ("..", False, "."),  # without a workspace every folder may be named
        (".", True, "one"),
        ("one", True, "one"),
        ("two words", True, "two words"),
        ("-x", True, "-x"),
        ("inside", True, "one"),
        ("one/../two words", True, "two words"),
        ("{home}/one", True, "one"),
        ("{home}", True, "."),
    ],
)
def test_a_folder_of_the_workspace_is_accepted(place, named, workspace, expected):
    found = locations.repository(named.format(home=place), str(place) if workspace else None)
    assert found == os.path.realpath(place / expected)


@pytest.mark.parametrize(
    ("named", "workspace", "told"),
    [
        ("", True, "REPO is empty"),
        ("..", True, "outside the workspace"),
        ("../outside", True, "outside the workspace"),
        ("one/../../outside", True, "outside the workspace"),
        ("escape", True, "outside the workspace"),
        ("{home}/../outside", True, "outside the workspace"),
        ("{home}/../work space 2", True, "outside the workspace"),
        ("/", True, "outside the workspace"),
        ("missing", True, "is not a folder under"),
        ("file", True, "is not a folder under"),
        ("broken", True, "is not a folder under"),
        ("loop", True, "is not a folder under"),
        ("missing", False, "is not a folder; give a path that exists"),
        ("-x", False, "is not a folder"),
        ("", False, "REPO is empty"),
    ],
)
def test_anything_else_is_refused_with_the_reason(place, named, workspace, told):
    (place.parent / "work space 2").mkdir()
    with pytest.raises(UsageError, match=told):
        locations.repository(named.format(home=place), str(place) if workspace else None)


@pytest.mark.parametrize("ending", ["", "/", "/."])
def test_a_workspace_may_be_written_with_a_slash_at_its_end(place, ending):
    assert locations.repository("one", f"{place}{ending}") == os.path.realpath(place / "one")


def test_the_whole_machine_may_be_the_workspace(place):
    assert locations.repository(str(place), "/") == os.path.realpath(place)


@pytest.mark.parametrize(
    ("environment", "config", "state", "logs"),
    [
        ({}, "{root}/config", "{root}/config", "{root}/logs"),
        ({"ORCHESTRATE_CONFIG": "/c"}, "/c", "/c", "{root}/logs"),
        ({"ORCHESTRATE_STATE": "/s"}, "{root}/config", "/s", "{root}/logs"),
        (
            {"ORCHESTRATE_CONFIG": "/c", "ORCHESTRATE_STATE": "/s", "ORCHESTRATE_LOGS": "/l"},
            "/c",
            "/s",
            "/l",
        ),
        (
            {"ORCHESTRATE_CONFIG": "", "ORCHESTRATE_STATE": "", "ORCHESTRATE_LOGS": ""},
            "{root}/config",
            "{root}/config",
            "{root}/logs",
        ),
        ({"ORCHESTRATE_LOGS": "my logs"}, "{root}/config", "{root}/config", "{cwd}/my logs"),
    ],
)
def test_the_environment_moves_the_folders(root, place, environment, config, state, logs):
    found = locations.locate(environment)
    names = {"root": root, "cwd": place / "one"}
    expected = [text.format(**names) for text in (config, state, logs)]
    assert [found.config, found.state, found.logs] == expected


@pytest.mark.parametrize(
    ("given", "expected"), [({}, None), ({"ORCHESTRATE_WORKSPACE": "/w"}, "/w")]
)
def test_there_is_a_workspace_only_when_it_is_named(given, expected):
    assert locations.locate(given).workspace == expected
