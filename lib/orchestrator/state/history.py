"""What past runs took, per route: the base of estimates (seed 002, phase 4)."""

from __future__ import annotations

import os

from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import Json
from orchestrator.state import files, locks

WEIGHT_OF_NEW = 0.3
FIGURES = ("input_overhead_tokens", "output_tokens", "seconds")


def load(state: str) -> Json:
    """Read the figures, keyed `provider/model/transport`; a broken file only costs precision."""
    try:
        return _known(state)
    except StorageError:
        return {}


def learn(state: str, key: str, figures: dict[str, float]) -> None:
    """Blend the figures of a run that delivered into the running average of its route.

    Raises StorageError or TryLaterError; what was known then stays as it was. It has a lock of its
    own and waits for no disk: the books do not wait for what only makes estimates better.
    """
    files.ensure_folder(state)
    files.ensure_folder(os.path.join(state, ".state"))
    with locks.flocked(f"{_path(state)}.lock"):
        known = _known(state)
        past = known.get(key)
        if past is None:
            known[key] = {"runs": 1, **{name: figures[name] for name in FIGURES}}
        else:
            known[key] = {"runs": past["runs"] + 1} | {
                name: round(past[name] + WEIGHT_OF_NEW * (figures[name] - past[name]), 3)
                for name in FIGURES
            }
        files.replace(_path(state), known, fsync=False)


def _known(state: str) -> Json:
    """Read the sound rows; raises StorageError when they are there and can't be read."""
    try:
        known = files.read_json(_path(state)) or {}
    except UnsoundError:
        return {}  # they are lost: begin anew
    return {key: row for key, row in known.items() if _is_sound(row)}


def _is_sound(row: object) -> bool:
    return isinstance(row, dict) and all(
        isinstance(row.get(name), (int, float)) for name in (*FIGURES, "runs")
    )


def _path(state: str) -> str:
    return os.path.join(state, ".state", "history.json")
