"""`local.json` changes the shipped documents without anybody editing a tracked file."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.config import documents, load
from orchestrator.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config"


def loaded(tmp_path, overlay):
    folder = tmp_path / "my config"
    shutil.copytree(SHIPPED / "schema", folder / "schema")
    for name in documents.DOCUMENTS:
        shutil.copy(SHIPPED / f"{name}.json", folder)
    text = overlay if isinstance(overlay, str) else json.dumps(overlay)
    (folder / "local.json").write_text(text, "utf-8")
    return load.load(str(folder))


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}}, {"a": {"x": 3, "y": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({}, {"a": {"b": None}}, {"a": {}}),
        ([1], {"a": 1}, {"a": 1}),
        ({"a": 1}, [2], [2]),
        ({"a": 1}, "x", "x"),
    ],
)
def test_objects_merge_null_removes_and_all_else_replaces(base, patch, expected):
    """The cases of RFC 7396, appendix A."""
    before = json.dumps(base)
    assert documents.merge(base, patch) == expected
    assert json.dumps(base) == before


def test_an_overlay_changes_what_it_names_and_nothing_else(tmp_path):
    overlay = {
        "providers": {
            "settings": {"zone": "Europe/Berlin"},
            "providers": {"claude": {"title": "Mine"}, "gemini": {"enabled": False}},
        },
        "prices": {
            "models": {"gpt-5.4": {"input_usd_per_mtok": 123.0, "output_usd_per_mtok": 1}},
        },
    }
    config = loaded(tmp_path, overlay)
    assert config.settings["zone"] == "Europe/Berlin"
    assert config.settings["tie_margin"] == 0
    assert config.providers["claude"].title == "Mine"
    assert config.providers["claude"].models
    assert "gemini" not in config.providers
    assert config.prices["gpt-5.4"]["input_usd_per_mtok"] == 123


def test_a_provider_may_be_added_by_configuration_alone(tmp_path):
    shipped = json.loads((SHIPPED / "providers.json").read_text("utf-8"))
    fourth = shipped["providers"]["deepseek"] | {"enabled": True, "title": "Fourth"}
    config = loaded(tmp_path, {"providers": {"providers": {"fourth": fourth}}})
    assert config.providers["fourth"].title == "Fourth"


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"profiles": {}}, "config/local.json: profiles: is not known: providers, keywords"),
        ({"providers": []}, "config/local.json: providers: is a list: object"),
        ("{", "config/local.json: document: is not JSON ("),
        ("[]", "config/local.json: document: is not an object: one JSON object"),
        (
            {"providers": {"providers": {"codex": None, "claude": None, "gemini": {"limits": 1}}}},
            "config/local.json: providers.providers.gemini.limits: is 1: array",
        ),
        (
            {"providers": {"settings": {"zone": None}}},
            "config/local.json: providers.settings.zone: is missing: string",
        ),
    ],
)
def test_a_broken_overlay_is_told(tmp_path, overlay, told):
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, overlay)
    assert [problem for problem in refused.value.problems if problem.startswith(told)]
