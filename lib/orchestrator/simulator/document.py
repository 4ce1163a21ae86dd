"""Read decoded JSON without trusting its shape."""

import json
from collections.abc import Iterable, Mapping

NOT_AN_OBJECT = "not a JSON object"
Document = dict[str, object]


def parse(body: bytes) -> Document:
    """Decode a JSON object; raises ValueError for anything else."""
    value: object = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError(NOT_AN_OBJECT)  # noqa: TRY004 - as any other text that is no document
    return value


def encode(value: object) -> bytes:
    """Encode as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def child(value: object, name: str) -> Document:
    """Return the object below a name, or an empty one."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, dict) else {}


def items(value: object, name: str) -> list[Document]:
    """Return the objects of the list below a name; other members are left out."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text(value: object, name: str) -> str:
    """Return the string below a name, or an empty one."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def whole(value: object, name: str) -> int | None:
    """Return the integer below a name, or None."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def texts(content: object, types: Iterable[str] = ("text",)) -> list[str]:
    """Return the texts of a string, or of the content blocks of the given types ('' = untyped)."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    wanted = frozenset(types)
    blocks = [block for block in content if isinstance(block, dict)]
    return [
        text(block, "text")
        for block in blocks
        if block.get("type", "") in wanted and text(block, "text")
    ]
