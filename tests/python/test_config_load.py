"""Reading the configuration: all problems at once, each with its file, place and remedy."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.config import documents, load
from orchestrator.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture
def folder(tmp_path):
    """Copy the documents into a folder whose name has a space."""
    made = tmp_path / "my config"
    shutil.copytree(SHIPPED / "schema", made / "schema")
    for name in documents.DOCUMENTS:
        shutil.copy(SHIPPED / f"{name}.json", made)
    return made


def write(folder, name, text):
    (folder / f"{name}.json").write_text(text, "utf-8")


def change(folder, name, edit):
    document = json.loads((folder / f"{name}.json").read_text("utf-8"))
    edit(document)
    write(folder, name, json.dumps(document))


def problems(folder):
    with pytest.raises(ConfigError) as refused:
        load.load(str(folder))
    return refused.value.problems


def codex(document):
    return document["providers"]["codex"]


def test_the_shipped_configuration_is_sound(folder):
    config = load.load(str(folder))
    assert list(config.providers)[:3] == ["codex", "gemini", "claude"]
    assert config.folder == str(folder)


def test_all_problems_of_all_files_are_told_at_once(folder):
    def spoil(document):
        codex(document)["limits"][0]["block_at_percent"] = 101
        codex(document)["enabled"] = "maybe"
        del codex(document)["title"]
        document["settings"]["colour"] = "red"

    change(folder, "providers", spoil)
    write(folder, "keywords", "{")
    (folder / "prices.json").unlink()
    write(folder, "agents", "[]")
    found = problems(folder)
    assert all(len(problem.split(": ", 3)) == 4 for problem in found)
    at = "config/providers.json: "
    assert f"{at}providers.codex.limits[0].block_at_percent: is 101: from 1 to 100" in found
    assert f"{at}providers.codex.enabled: is 'maybe': one of true, false, 'auto'" in found
    assert f"{at}providers.codex.title: is missing: string" in found
    assert any(
        problem.startswith(f"{at}settings.colour: is not known: zone, ") for problem in found
    )
    assert "config/prices.json: document: is missing: the file from the repository" in found
    assert "config/agents.json: document: is not an object: one JSON object" in found
    assert any(p.startswith("config/keywords.json: document: is not JSON (") for p in found)
    assert len(found) == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ('{"schema": 1, "schema": 1}', "the key 'schema' is there twice"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "the key 'b' is there twice"),
        ('{"schema": NaN}', "NaN is not a number JSON knows"),
        ('{"schema": -Infinity}', "-Infinity is not a number JSON knows"),
        ('{"schema": 1e999}', "1e999 is too large a number"),
        ('{"schema": 1,}', "is not JSON"),
        ("null", "is not an object"),
        ("[" * 100_000, "is not JSON"),
        ('{"schema": 1} x', "is not JSON"),
    ],
)
def test_what_is_no_sound_json_object_is_told(folder, text, told):
    write(folder, "agents", text)
    assert [p for p in problems(folder) if told in p and p.startswith("config/agents.json: ")]


def test_bytes_that_are_no_text_are_told(folder):
    (folder / "agents.json").write_bytes(b'{"schema": "\xff"}')
    assert "is not JSON" in problems(folder)[0]


def test_a_byte_order_mark_is_no_problem(folder):
    text = (folder / "agents.json").read_text("utf-8")
    (folder / "agents.json").write_text(text, "utf-8-sig")
    assert load.load(str(folder)).agents


def test_a_folder_in_place_of_a_file_is_told(folder):
    (folder / "agents.json").unlink()
    (folder / "agents.json").mkdir()
    assert problems(folder) == ["config/agents.json: document: Is a directory: a readable file"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{")])
def test_a_schema_that_can_not_be_read_is_a_problem_too(folder, spoil):
    spoil(folder / "schema" / "agents.schema.json")
    assert problems(folder)[0].startswith("config/schema/agents.schema.json: document: can't be")


def test_a_future_schema_is_refused(folder):
    change(folder, "providers", lambda d: d.update(schema=2))
    assert problems(folder) == ["config/providers.json: schema: is 2: one of 1"]


def test_whole_numbers_may_be_written_with_a_point(folder):
    change(folder, "providers", lambda d: codex(d)["limits"][0].update(window_s=60.0, limit=10.0))
    row = load.load(str(folder)).providers["codex"].limits[0]
    assert (row.name, row.limit, type(row.window_s)) == ("requests/60s", 10, int)


def test_money_is_counted_in_millionths_of_a_dollar(folder):
    def cheapen(document):
        row = next(r for r in codex(document)["limits"] if r["metric"] == "cost_usd")
        row["limit"] = 0.1 + 0.2

    change(folder, "providers", cheapen)
    row = next(r for r in load.load(str(folder)).providers["codex"].limits if r.period == "day")
    assert row.limit == 300_000


def test_a_provider_that_is_off_is_left_out(folder):
    change(folder, "providers", lambda d: codex(d).update(enabled=False))
    assert "codex" not in load.load(str(folder)).providers
