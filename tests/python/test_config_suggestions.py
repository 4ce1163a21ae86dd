"""Mistakes in `suggest.json` are named, all at once, and hinder nobody but ./suggest_model.sh."""

import shutil

import pytest
from test_config_load import SHIPPED, change, folder, write

from orchestrator.commands import check_config
from orchestrator.config import load, suggestions
from orchestrator.errors import ConfigError

__all__ = ["folder"]  # a fixture
AT = "config/suggest.json: "


@pytest.fixture
def place(folder):
    shutil.copy(SHIPPED / "suggest.json", folder)
    return folder


def problems(folder):
    return suggestions.problems(load.load(str(folder)))


def test_the_shipped_document_is_sound_and_names_models_of_today(place):
    config = load.load(str(place))
    assert suggestions.problems(config) == []
    rules = suggestions.load(config)
    assert rules["models"]["opus"] in [model.name for model in config.providers["claude"].models]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda d: d.update(schema=2), "schema: is 2: one of 1"),
        (lambda d: d.pop("words"), "words: is missing: array"),
        (lambda d: d["words"][0].update(points="+3"), "words[0].points: is '+3': integer"),
        (lambda d: d["words"][2]["words"].append(""), "words[2].words[14]: is too short"),
        (lambda d: d["length_rules"][0].update(below=3), "length_rules[0]: fits 2 of its forms"),
        (lambda d: d.update(block_at_percent=0), "block_at_percent: is 0: from 1 to 100"),
        (lambda d: d.update(block_at_percent=79.5), "block_at_percent: is 79.5: integer"),
        (
            lambda d: d["repository_tiers"]["active"].update(points=2),
            "repository_tiers.active.points: is 2: one of -1, 0, 1",
        ),
        (lambda d: d["models"].update(fable="x"), "models.fable: is not known: haiku, sonnet"),
        (lambda d: d["models"].update(opus="x"), "models.opus: is 'x': a model of claude: claude"),
        (
            lambda d: d["thresholds"].update(opus=0),
            "thresholds.haiku: is 0: less than thresholds.opus, 0",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(place, edit, told):
    change(place, "suggest", edit)
    (problem,) = problems(place)
    assert problem.startswith(AT + told)
    with pytest.raises(ConfigError):
        suggestions.load(load.load(str(place)))
    assert problem in check_config.faults(load.load(str(place)))


def test_all_are_named_at_once(place):
    change(place, "suggest", lambda d: d["models"].update(opus="x", haiku="y"))
    assert len(problems(place)) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1, "schema": 1}'])
def test_what_is_no_object_is_named(place, text):
    write(place, "suggest", text)
    (problem,) = problems(place)
    assert problem.startswith(AT + "document: ")


def test_a_missing_document_is_named(folder):
    assert problems(folder) == [f"{AT}document: is missing: the file from the repository"]


def test_the_overlay_changes_it_and_is_named_for_what_it_does_wrong(place):
    write(place, "local", '{"suggest": {"thresholds": {"opus": 5}}}')
    assert suggestions.load(load.load(str(place)))["thresholds"] == {"opus": 5, "haiku": 0}
    write(place, "local", '{"suggest": {"thresholds": {"opus": "5"}}}')
    (problem,) = problems(place)
    assert problem == "config/local.json: suggest.thresholds.opus: is '5': integer"


def test_without_its_provider_there_is_nothing_to_suggest_and_nothing_to_complain_of(place):
    write(place, "local", '{"providers": {"providers": {"claude": {"enabled": false}}}}')
    config = load.load(str(place))
    assert suggestions.problems(config) == []
    with pytest.raises(ConfigError) as refused:
        suggestions.load(config)
    assert "provider: is 'claude': a provider that is enabled: codex" in str(refused.value)
