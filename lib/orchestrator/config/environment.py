"""The environment of a start: the process's own, over what our `.env` file says."""

from __future__ import annotations

import os
from collections.abc import Mapping


def read(root: str, own: Mapping[str, str]) -> dict[str, str]:
    """Merge `.env` of the project folder under the process environment; empty means unset.

    The file is parsed, never run: `NAME=value` lines, an optional `export`, matching quotes
    removed, `#` lines ignored; nothing is expanded. The repository's own `.env` is never read.
    """
    merged = _dotenv(os.path.join(root, ".env"))
    merged.update(own)
    if "PATH" in merged:  # what is not absolute would be looked for in REPO
        folders = merged["PATH"].split(os.pathsep)
        merged["PATH"] = os.pathsep.join(folder for folder in folders if os.path.isabs(folder))
    return {name: value for name, value in merged.items() if value}


def _dotenv(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found
