"""Values in TOML, on one line, as codex takes them in its arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def inline(value: Any) -> str:
    """Write a text, a truth, a list or a table."""
    if isinstance(value, Mapping):
        pairs = (f"{_text(name)}={inline(each)}" for name, each in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(inline, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _text(text: str) -> str:
    """Quote a text as TOML does, which knows no surrogate pairs and no bare DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
