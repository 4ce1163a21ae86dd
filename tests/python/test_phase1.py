"""What Phase 1 left, `model_usage.json`, is read once and never lost (seed 002, section 12)."""

import json
import os

import pytest
from test_suggestion import MODELS, RULES, claude
from world import config

from orchestrator import clock
from orchestrator.decide import suggestion
from orchestrator.errors import ConfigError, StorageError
from orchestrator.state import phase1, usage
from orchestrator.state.ledger import Ledger

ROW = suggestion.told_row(RULES)
AT = "2026-11-20T09:30:00Z"
RESET = "2026-11-22T00:00:00Z"


def left(folder, document):
    path = folder / usage.PHASE_1
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(path)


def read(folder, document):
    seen = phase1.read(left(folder, document), MODELS, ROW)
    return {each.model.split("-")[1]: each for each in seen}


@pytest.mark.parametrize(
    ("document", "used"),
    [
        ({"opus": 45, "sonnet": 78, "haiku": 32}, {"opus": 45, "sonnet": 78, "haiku": 32}),
        ({"timestamp": AT, "session_started": AT, "opus": 79.9}, {"opus": 79}),
        ({"opus": 80.0, "haiku": 0}, {"opus": 80, "haiku": 0}),
        ({"models": {"opus": {"percent": 45}, "haiku": 101}}, {"opus": 45, "haiku": 101}),
        ({"opus": {"used": 9, "limit": 20}}, {"opus": 45}),
        ({"sonnet": {"used": 799, "limit": 1000}}, {"sonnet": 79}),
        ({"sonnet": {"used": 0, "limit": 1000, "note": "x"}}, {"sonnet": 0}),
        ({"Claude-3-5-Sonnet-20241022": 5, "claude-opus-4": 6}, {"sonnet": 5, "opus": 6}),
    ],
)
def test_every_shape_is_read_as_percents_rounded_down(tmp_path, document, used):
    found = read(tmp_path, document)
    assert {name: seen.used for name, seen in found.items()} == used
    for name, seen in found.items():
        assert seen.model == MODELS[name]
        assert (seen.metric, seen.window_s, seen.source) == ("percent", ROW.window_s, "phase 1")


def test_moments_are_those_of_the_file_and_of_the_model_where_it_has_its_own(tmp_path):
    found = read(
        tmp_path,
        {"timestamp": AT, "resets_at": AT, "haiku": 1, "opus": {"percent": 2, "resets_at": RESET}},
    )
    assert found["haiku"].observed_at_ms == found["haiku"].resets_at_ms == clock.parse(AT)
    assert found["opus"].resets_at_ms == clock.parse(RESET)


def test_without_a_timestamp_figures_are_as_old_as_the_file(tmp_path):
    path = left(tmp_path, {"opus": 5})
    os.utime(path, (1_700_000_000, 1_700_000_000))
    (seen,) = phase1.read(path, MODELS, ROW)
    assert seen.observed_at_ms == 1_700_000_000_000
    assert seen.resets_at_ms is None


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("", "document: is not JSON"),
        ('{"opus": 45', "document: is not JSON"),
        ('{"opus": NaN}', "document: is not JSON (NaN"),
        ('{"opus": 1, "opus": 2}', "document: is not JSON (the key 'opus' is there twice)"),
        ("[45, 78, 32]", "document: is not an object: one JSON object"),
        ("{}", "document: names no model: haiku, sonnet, opus"),
        ({"timestamp": AT}, "document: names no model"),
        ({"models": {}}, "document: names no model"),
        ({"models": [1]}, "models: is not known: haiku"),
        ({"gpt": 45}, "gpt: is not known: haiku, sonnet, opus"),
        ({"opus-or-haiku": 45}, "opus-or-haiku: is not known"),
        ({"models": {"gpt": 45}}, "models.gpt: is not known"),
        ({"opus": "45"}, 'opus: is "45": a percent'),
        ({"opus": "$4.50"}, 'opus: is "$4.50": a percent'),
        ({"opus": None}, "opus: is null: a percent"),
        ({"opus": True}, "opus: is true: a percent"),
        ({"opus": -1}, "opus: is -1: a percent"),
        ({"opus": 1001}, "opus: is 1001: a percent"),
        ({"opus": {}}, "opus: is {}: a percent"),
        ({"opus": {"used": 9}}, 'opus: is {"used": 9}: a percent'),
        ({"opus": {"used": 9, "limit": 0}}, "opus: is"),
        ({"opus": {"used": "9", "limit": 10}}, "opus: is"),
        ({"models": {"opus": {"percent": []}}}, "models.opus: is"),
        ({"opus": 1, "timestamp": "yesterday"}, 'timestamp: is "yesterday": a moment such as'),
        ({"opus": 1, "timestamp": 5}, "timestamp: is 5: a moment such as"),
        ({"opus": {"percent": 1, "resets_at": "x"}}, 'opus.resets_at: is "x": a moment'),
    ],
)
def test_anything_else_is_named_with_its_path_and_stays_where_it_is(tmp_path, document, named):
    path = left(tmp_path, document)
    with pytest.raises(ConfigError) as caught:
        phase1.read(path, MODELS, ROW)
    assert str(caught.value).startswith(f"{path}: {named}")
    assert os.path.exists(path)


def test_nothing_but_a_file_of_ones_own_is_read(tmp_path):
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"opus": 1}')
    (tmp_path / usage.PHASE_1).symlink_to(elsewhere)
    with pytest.raises(StorageError):
        phase1.read(str(tmp_path / usage.PHASE_1), MODELS, ROW)


def test_a_file_that_was_taken_is_kept_whole_and_none_is_overwritten(tmp_path):
    names = []
    for percent in (1, 2, 3):
        names.append(os.path.basename(phase1.take(left(tmp_path, {"opus": percent}))))
        assert not (tmp_path / usage.PHASE_1).exists()
    assert names == [f"{usage.PHASE_1}.taken{end}" for end in ("", ".1", ".2")]
    kept = [json.loads((tmp_path / name).read_text())["opus"] for name in names]
    assert kept == [1, 2, 3]


def test_a_file_that_another_process_takes_meanwhile_is_no_trouble(tmp_path):
    path = str(tmp_path / usage.PHASE_1)
    assert phase1.read(path, MODELS, ROW) == []
    assert phase1.take(path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("document", ["{", '{"timestamp": "x"}', '{"schema": 1}', '{"opus": 45}'])
def test_the_books_never_take_it_for_a_usage_file_of_their_own(tmp_path, document):
    """Mending the books would build it anew, which is: wipe it out."""
    path = left(tmp_path, document)
    known = config(claude())
    assert [provider.name for provider in usage.everybody(str(tmp_path), known)] == ["claude"]
    Ledger(str(tmp_path), known, str(tmp_path / "logs")).mend(anew=True)
    with open(path, encoding="utf-8") as file:
        assert file.read() == document
