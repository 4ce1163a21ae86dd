"""Read the documents of the config folder and check each against its schema.

The overlays are merged into them first (RFC 7396: objects merge, null removes, anything else
replaces): `gateway.json`, which is generated, and `local.json`, which is the user's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from orchestrator.config.schema import problems
from orchestrator.records import Json

DOCUMENTS = ("providers", "keywords", "agents", "prices", "budgets", "rules")
OVERLAYS = ("gateway", "local")
OVERLAY_SCHEMA = "local"
NOTHING: Mapping[str, Json] = {}


def read(
    folder: str, overlays: tuple[str, ...] = OVERLAYS, instead: Mapping[str, Json] = NOTHING
) -> tuple[dict[str, Json], list[str]]:
    """Read all documents, merged; returns them, and every problem found.

    `instead` has overlays that are not written yet, by name.
    """
    found: list[str] = []
    laid = _laid(folder, overlays, found, instead)
    documents: dict[str, Json] = {}
    for name in DOCUMENTS:
        document = _read(folder, name, found)
        if document is not None:
            documents[name] = _merged(folder, name, document, laid, found)
    return documents, found


def read_one(folder: str, name: str) -> tuple[Json | None, list[str]]:
    """Read a document that no decision needs, merged; returns it, and every problem found."""
    found: list[str] = []
    laid = _laid(folder, OVERLAYS, found)
    document = _read(folder, name, found)
    return document and _merged(folder, name, document, laid, found), found


def _laid(
    folder: str, overlays: tuple[str, ...], found: list[str], instead: Mapping[str, Json] = NOTHING
) -> dict[str, Json]:
    """Read the overlays that are there."""
    laid: dict[str, Json] = {}
    for name in overlays:
        overlay = instead.get(name) or _read(folder, name, found, optional=True)
        if overlay is not None:
            found += complaints(folder, name, overlay, OVERLAY_SCHEMA)
            laid[name] = overlay
    return laid


def _merged(
    folder: str, name: str, document: Json, laid: dict[str, Json], found: list[str]
) -> Json:
    """Merge the overlays into a document; what is wrong only after one of them, it did."""
    patches = [(of, patch[name]) for of, patch in laid.items() if isinstance(patch.get(name), dict)]
    if not patches:
        found += complaints(folder, name, document)
        return document
    told = complaints(folder, name, document)
    for of, patch in patches:
        document = merge(document, patch)
        if not told:
            ours, its = f"config/{name}.json: ", f"config/{of}.json: {name}."
            told = [t.replace(ours, its, 1) for t in complaints(folder, name, document)]
        else:
            told = complaints(folder, name, document)
    found += told
    return document


def complaints(folder: str, name: str, document: Any, schema_of: str | None = None) -> list[str]:
    """Check one document against its schema: `file: path: what is wrong: what is allowed`."""
    file = f"schema/{schema_of or name}.schema.json"
    try:
        schema = _parse(os.path.join(folder, file))
    except (OSError, ValueError, RecursionError) as error:
        return [f"config/{file}: document: can't be read ({error}): the file from the repository"]
    return [
        f"config/{name}.json: {path or 'document'}: {wrong}: {allowed}"
        for path, wrong, allowed in problems(document, schema)
    ]


def merge(base: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396) and return the result; neither input changes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _read(folder: str, name: str, found: list[str], *, optional: bool = False) -> Json | None:
    try:
        document = _parse(os.path.join(folder, f"{name}.json"))
    except FileNotFoundError:
        if not optional:
            found.append(f"config/{name}.json: document: is missing: the file from the repository")
        return None
    except OSError as error:
        found.append(f"config/{name}.json: document: {error.strerror}: a readable file")
        return None
    except (ValueError, RecursionError) as error:
        found.append(f"config/{name}.json: document: is not JSON ({error}): one JSON object")
        return None
    if not isinstance(document, dict):
        found.append(f"config/{name}.json: document: is not an object: one JSON object")
        return None
    return document


def _parse(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        text = file.read().removeprefix("\ufeff")
    return json.loads(
        text, object_pairs_hook=unique, parse_constant=no_constant, parse_float=_number
    )


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """Make an object of its pairs; raises ValueError when a key is there twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        last = {name: at for at, (name, _) in enumerate(pairs)}
        twice = next(name for at, (name, _) in enumerate(pairs) if last[name] != at)
        raise ValueError(f"the key {twice!r} is there twice")
    return document


def _number(text: str) -> int | float:
    """Read a number with a point: 60.0 is the integer 60, and 1e999 none at all."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large a number")
    return int(value) if value.is_integer() else value


def no_constant(name: str) -> Any:
    """Refuse NaN and the infinities, which Python's JSON reader would take; raises ValueError."""
    raise ValueError(f"{name} is not a number JSON knows")
