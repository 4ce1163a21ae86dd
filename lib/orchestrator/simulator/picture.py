"""The images of a request, and its sampling parameters."""

import base64
from collections.abc import Iterable, Iterator

from .document import Document, child, text

BEGINNING = "data:"


def images(value: object) -> tuple[bytes, ...]:
    """Return all images below a value, in whichever dialect, in their order."""
    return tuple(_images(value))


def sampling(settings: Document, names: Iterable[str]) -> Document:
    """Return the parameters of these names that are there."""
    return {name: settings[name] for name in names if name in settings}


def _images(value: object) -> Iterator[bytes]:
    if isinstance(value, list):
        for each in value:
            yield from _images(each)
    if not isinstance(value, dict):
        return
    address = text(value, "image_url") or text(child(value, "image_url"), "url")
    inline = child(value, "inlineData") or child(value, "inline_data")
    if value.get("type") in {"input_image", "image_url"} and address.startswith(BEGINNING):
        yield base64.b64decode(address.partition(";base64,")[2])
    elif value.get("type") == "image":
        yield base64.b64decode(text(child(value, "source"), "data"))
    elif inline:
        yield base64.b64decode(text(inline, "data"))
    else:
        for each in value.values():
            yield from _images(each)
