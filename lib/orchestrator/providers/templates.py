"""Templates of the configuration: `{name}` stands for a value."""

from __future__ import annotations

from collections.abc import Mapping


def filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{name}` of ours in one pass, so that no value is read as a template.

    Names in braces that are not ours stay as they are.
    """
    parts = template.split("{")
    result = parts[0]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        result += values[name] + rest if brace and name in values else "{" + part
    return result
