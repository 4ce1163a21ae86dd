"""What Phase 1 left: `model_usage.json`, how much of each model a person said was used.

Seed 002, section 12, names the file; Phase 1 wrote percents: `{"timestamp": "...", "opus": 45,
"sonnet": 78, "haiku": 32}`. Also taken: `{"models": {...}}` around the models, and for a model
`{"percent": 45}` or `{"used": 9, "limit": 20}`, each with `resets_at` where it is known.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from orchestrator import clock
from orchestrator.config.documents import no_constant, unique
from orchestrator.errors import ConfigError
from orchestrator.records import Json, Limit, Seen
from orchestrator.state import files

TAKEN, SOURCE = ".taken", "phase 1"
MOST_PERCENT = 1000.0
_ABOUT = ("timestamp", "session_started", "resets_at")
_FORMS = 'a percent, {"percent": 45} or {"used": 9, "limit": 20}'


def read(path: str, models: Mapping[str, str], row: Limit) -> list[Seen]:
    """Read a file as figures of `row`, one for each model; raises ConfigError or StorageError.

    `models` maps the names of Phase 1 to those of today; a longer name of a model may hold one, as
    `claude-3-opus` does. Percents are rounded down: 79.9 is not yet 80. Without a timestamp the
    figures are as old as the file. None are left where another process has just taken it over.
    """
    document, at_ms = _document(path)
    if document is None:
        return []
    told = document["models"] if isinstance(document.get("models"), dict) else document
    at_ms = _moment(path, document, "timestamp", None) or at_ms
    resets_ms = _moment(path, document, "resets_at", None)
    found = []
    for name, value in told.items():
        if name in _ABOUT:
            continue
        known = [model for short, model in models.items() if short in name.lower().split("-")]
        where = name if told is document else f"models.{name}"
        if len(known) != 1:
            raise _wrong(path, where, "is not known", ", ".join((*models, "models", *_ABOUT)))
        mine_ms = _moment(path, value, "resets_at", resets_ms, f"{where}.")
        used = math.floor(round(_percent(path, where, value), 6))
        window = row.metric, row.window_s, row.period
        found.append(Seen(*window, None, used, None, SOURCE, at_ms, mine_ms, known[0]))
    if not found:
        raise _wrong(path, "document", "names no model", ", ".join(models))
    return found


def take(path: str) -> str | None:
    """Rename a file that has been taken over, so that it is not read again; see `put_away`."""
    return files.put_away(path, TAKEN)


def _document(path: str) -> tuple[Json | None, int]:
    """Read the JSON object, None when it is gone, and when the file was written."""
    with files.telling(path):
        try:
            descriptor = files.opened(path, os.O_RDONLY)
        except FileNotFoundError:
            return None, 0
        with os.fdopen(descriptor, "rb") as file:
            text, at_ms = file.read(), os.fstat(descriptor).st_mtime_ns // 1_000_000
    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "document", f"is not JSON ({error})", "one JSON object") from None
    if not isinstance(document, dict):
        raise _wrong(path, "document", "is not an object", "one JSON object")
    return document, at_ms


def _percent(path: str, where: str, value: Any) -> float:
    """Read one of the forms a share may have."""
    share = value
    if isinstance(value, dict):
        share = value.get("percent")
        if share is None and _is_number(value.get("used")) and _is_number(value.get("limit")):
            share = 100 * value["used"] / value["limit"] if value["limit"] > 0 else None
    if not _is_number(share) or not 0 <= share <= MOST_PERCENT:
        raise _wrong(path, where, f"is {json.dumps(value)}", _FORMS)
    return float(share)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _moment(path: str, value: Any, name: str, default: int | None, at: str = "") -> int | None:
    text = value.get(name) if isinstance(value, dict) else None
    if text is None:
        return default
    try:
        return max(0, clock.parse(text))
    except (AttributeError, ValueError, OverflowError):
        allowed = "a moment such as 2026-11-20T09:30:00Z"
        raise _wrong(path, f"{at}{name}", f"is {json.dumps(text)}", allowed) from None


def _wrong(path: str, where: str, wrong: str, allowed: str) -> ConfigError:
    return ConfigError([f"{path}: {where}: {wrong}: {allowed}"])
