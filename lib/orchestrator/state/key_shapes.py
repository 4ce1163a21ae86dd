"""What keys look like: the prefixes of known issuers, and random text where a key belongs.

Every repetition that can fail is bounded: the time a search takes grows with the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Compiling the patterns takes milliseconds: what has none of these holds none of those keys.
_ISSUED = (
    *("sk-", "k_live_", "k_test_", "whsec_", "AIza", "AQ.", "ya29.", "GOCSPX-", "AKIA", "ASIA"),
    *(
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "xapp-",
        "slack.com/",
    ),
    *("hf_", "npm_", "pypi-", "SG.", "eyJ", "PRIVATE KEY"),
)
_NAMED = ("key", "token", "secret", "passw", "passphrase", "credential", "authorization")
_BLOCK = r"[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_SHAPES = (
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{16,}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{16,}"
    r"|AIza[A-Za-z0-9_-]{30,}|AQ\.[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|GOCSPX-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|ASIA(?=[A-Z]{0,15}[0-9])[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}"
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,})"
    r"|(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
    r"|(?<=slack\.com/services/)[A-Za-z0-9/]{20,}"
    rf"|-----BEGIN {_BLOCK}(?:[^-]|-(?!----)){{0,20000}}+-----END {_BLOCK}"
    rf"|-----BEGIN {_BLOCK}(?:\s+(?:Proc-Type|DEK-Info):[ A-Za-z0-9,-]{{1,100}})*"
    rf"(?:\s+[A-Za-z0-9+/=]{{16,}}|\s+[A-Za-z0-9+/=]++(?=[\r\n\"']|\Z))*"
)
_IN_ADDRESS = r"(?<=://)[^\s/:@\"']{0,256}:[^\s/@\"']{1,256}(?=@)"
_ASSIGNED = (
    r"(?i:(?:api|access|secret|private|account|auth|encryption|signing)[_-]?key"
    r"|secret|token|passw(?:or)?d|passphrase|credentials?|authorization)"
    r"\\{0,4}[\"']?[ \t]{0,3}(?:=>|:=|[:=])[ \t]{0,3}\\{0,4}[\"'`]?"
    r"([^\s\"'`\\,;&<>(){}\[\]|]{12,512})"
)
_BORNE = r"\b(?i:bearer|basic)\s{1,3}([A-Za-z0-9._~+/-]{16,4096}={0,2})"
FEW_DIGITS = 6


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where keys are in a text, as pairs of start and end; pairs may overlap."""
    if any(start in text for start in _ISSUED):
        yield from (found.span() for found in re.finditer(_SHAPES, text))
    if "://" in text and "@" in text:
        yield from (found.span() for found in re.finditer(_IN_ADDRESS, text))
    lowered = text.lower()
    if ("=" in text or ":" in text) and any(name in lowered for name in _NAMED):
        for found in re.finditer(_ASSIGNED, text):
            is_called = text.startswith(("(", "["), found.end())
            if not is_called and _is_random(found[1]):
                yield found.span(1)
    if "bearer" in lowered or "basic " in lowered:
        for found in re.finditer(_BORNE, text):
            if found[1].endswith("=") or re.search(r"\d", found[1]):
                yield found.span(1)


def _is_random(value: str) -> bool:
    """Tell a key from what else is assigned: names, addresses, paths, words."""
    if "://" in value or value[0] in "$%@" or (value[0] in "/.~" and "." in value):
        return False
    if all(part.isidentifier() for part in value.split(".")) and "." in value:
        return False
    digits = sum(c.isdigit() for c in value)
    mixed = any(c.islower() for c in value) and any(c.isupper() for c in value)
    return (mixed and digits > 0) or (digits >= FEW_DIGITS and any(c.isalpha() for c in value))
