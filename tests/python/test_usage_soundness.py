"""A usage file whose figures are none is refused with its path, never read as zero."""

import json

import pytest
import world

from orchestrator.errors import StorageError
from orchestrator.state import usage

HELD = {"requests": 1, "tokens": 2, "cost_micro_usd": 3, "at_ms": 4}
HELD |= {"account": "openai", "model": "m", "metered": True}
HELD |= {"booked_day": "2026-11-20", "done": [0, 0, 0]}
SEEN = {"used": 1, "own": 0, "slot": 0, "observed_at_ms": 1, "resets_at_ms": None}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("windows", {"tokens/60s": {"29": -1}}),
        ("windows", {"tokens/60s": {"29": "7"}}),
        ("windows", {"tokens/60s": {"29": 1.5}}),
        ("windows", {"tokens/60s": {"29": True}}),
        ("windows", {"tokens/60s": {"soon": 1}}),
        ("windows", {"tokens/60s": [1]}),
        ("reservations", {"a": 5}),
        ("reservations", {"a": {"requests": 1}}),
        ("reservations", {"a": HELD | {"tokens": -2}}),
        ("reservations", {"a": HELD | {"booked_day": None}}),
        ("reservations", {"a": HELD | {"done": [0, 0]}}),
        ("reservations", {"a": HELD | {"done": [0, 0, -1]}}),
        ("observations", {"tokens/60s": {"headers": SEEN | {"resets_at_ms": "soon"}}}),
        ("observations", {"tokens/60s": {"used": "much", "own": 0, "observed_at_ms": 1}}),
        ("observations", {"tokens/60s": {"used": 1}}),
    ],
)
def test_a_figure_that_is_none_is_refused(tmp_path, part, value):
    provider = next(iter(world.config().providers.values()))
    document = usage.empty(provider.name, 0) | {part: value}
    path = tmp_path / f"{provider.name}_usage.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(StorageError, match="holds figures that are none"):
        usage.load(str(tmp_path), provider, 0)


def test_sound_figures_are_read_as_they_are(tmp_path):
    provider = next(iter(world.config().providers.values()))
    document = usage.empty(provider.name, 0)
    document |= {"windows": {"cost_usd/day": {"2026-11-20": 5}}, "reservations": {"a": HELD}}
    document["observations"] = {"tokens/60s": {"headers": SEEN}}
    (tmp_path / f"{provider.name}_usage.json").write_text(json.dumps(document), "utf-8")
    assert usage.load(str(tmp_path), provider, 0) == document
