"""Taking keys out of everything that is written or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MARK = "[redacted]"
SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_STARTS = (
    *("sk-", "AIza", "AQ.", "gh", "github_pat_", "xox", "AKIA", "ASIA", "glpat-", "eyJ"),
    "-----BEGIN ",
)
_SHAPES = (
    r"sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|AQ\.[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|github_pat_\w{40,}|xox[abprs]-[A-Za-z0-9-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}"
    r"|glpat-[A-Za-z0-9_-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
MIN_SECRET = 8


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """List the values of the variables whose names say they are secret, longest first."""
    found = {
        value
        for name, value in environment.items()
        if len(value) >= MIN_SECRET and any(part in name.upper() for part in SECRET_NAMES)
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known key shapes and the given values by a mark."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MARK)
    if not any(start in text for start in _STARTS):
        return text  # compiling the shapes costs more than a millisecond
    return re.sub(_SHAPES, MARK, text, flags=re.DOTALL)


def shortened(text: str, limit: int) -> str:
    """Cut text to `limit` bytes of UTF-8, never inside a character."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= limit else data[:limit].decode("utf-8", "ignore") + "…"
