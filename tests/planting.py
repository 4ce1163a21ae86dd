"""Keys to plant, of every known shape and in every way to write them, and how to look for them."""

import base64
import random
import string
from typing import NamedTuple
from urllib.parse import quote

WORD = string.ascii_letters + string.digits
DASHED = WORD + "_-"
BASE64 = WORD + "+/"
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"
TRACE = 14  # characters of a key that nobody else writes


class Key(NamedTuple):
    """A key as it is planted; where any of its traces is found, it was not taken out."""

    text: str
    traces: tuple[str, ...]


def planted(count, seed=1):
    """Make as many keys; all shapes and all ways to write them come about equally often."""
    draw = random.Random(seed)
    shapes, ways = list(SHAPES), list(WAYS)
    return [_written(draw, shapes[n % len(shapes)], ways[n // len(shapes) % len(ways)])
            for n in range(count)]  # fmt: skip


def found(keys, texts):
    """List which keys are in texts, with the place."""
    whole = {place: text for place, text in texts.items() if text}
    return [(key.text[:60], place) for place, text in whole.items() for key in keys
            if any(trace in text for trace in key.traces)]  # fmt: skip


def files(*folders):
    """Read every file below folders."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_text("utf-8", "replace") for path in paths}


def _some(draw, letters, length):
    """Draw a text with a digit, a small and, where there are any, a capital letter in its end."""
    need = [c for c in (string.digits, string.ascii_lowercase, string.ascii_uppercase)
            if set(c) & set(letters)]  # fmt: skip
    while True:
        text = "".join(draw.choices(letters, k=length))
        ends = text[-1] in WORD and text[0] in WORD
        if ends and all(set(text[-12:]) & set(c) for c in need):
            return text


def _jwt(draw):
    return (
        "eyJ" + ".eyJ".join(_some(draw, WORD, 30) for _ in range(2)) + "." + _some(draw, WORD, 43)
    )


def _basic(draw):
    return base64.b64encode(f"me:{_some(draw, WORD, 20)}".encode()).decode()


def _pem(draw):
    lines = [_some(draw, BASE64, 64) for _ in range(4)] + [_some(draw, WORD, 22) + "=="]
    body = "\n".join(lines)
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"


# What is around a key, and how it is drawn.
SHAPES = {
    "openai project": ("{}", lambda d: "sk-proj-" + _some(d, DASHED, 48)),
    "openai": ("{}", lambda d: "sk-" + _some(d, WORD, 48)),
    "openai admin": ("{}", lambda d: "sk-admin-" + _some(d, DASHED, 48)),
    "anthropic": ("{}", lambda d: "sk-ant-api03-" + _some(d, DASHED, 80)),
    "anthropic admin": ("{}", lambda d: "sk-ant-admin01-" + _some(d, DASHED, 80)),
    "google": ("{}", lambda d: "AIza" + _some(d, DASHED, 35)),
    "google oauth": ("{}", lambda d: "ya29." + _some(d, DASHED, 60)),
    "github": ("{}", lambda d: f"gh{d.choice('pousr')}_" + _some(d, WORD, 36)),
    "github fine": ("{}", lambda d: "github_pat_" + _some(d, WORD, 22) + "_" + _some(d, WORD, 59)),
    "gitlab": ("{}", lambda d: "glpat-" + _some(d, DASHED, 20)),
    "aws id": ("{}", lambda d: f"{d.choice(['AKIA', 'ASIA'])}7" + _some(d, BASE32, 15)),
    "aws secret": ("aws_secret_access_key = {}", lambda d: _some(d, BASE64, 40)),
    "slack": ("{}", lambda d: f"xox{d.choice('bp')}-{d.randrange(10**11)}-" + _some(d, WORD, 24)),
    "stripe": ("{}", lambda d: f"{d.choice('sr')}k_live_" + _some(d, WORD, 24)),
    "hugging face": ("{}", lambda d: "hf_" + _some(d, WORD, 34)),
    "npm": ("{}", lambda d: "npm_" + _some(d, WORD, 36)),
    "jwt": ("{}", _jwt),
    "private key": ("{}", _pem),
    "bearer": ("Authorization: Bearer {}", lambda d: _some(d, DASHED, 40)),
    "basic": ("authorization: Basic {}", _basic),
    "address": ("https://me:{}@example.org/x.git", lambda d: _some(d, WORD, 20)),
    "assigned": ("export MY_API_KEY={}", lambda d: _some(d, WORD, 32)),
    "quoted": ('"client_secret": "{}"', lambda d: _some(d, WORD, 40)),
    "header": ("x-api-key: {}", lambda d: "7" + _some(d, HEX, 31)),
    "password": ("password={}", lambda d: _some(d, WORD, 16) + "!"),
}  # fmt: skip


def _escaped(text):
    return "".join(f"\\u{ord(c):04x}" if c in "-_." else c for c in text)


def _percent(text):
    return quote(text, safe=" =:/@\"'").replace("-", "%2D")


def _split(text):
    return f"{text[: len(text) // 2 + 3]}\n    {text[len(text) // 2 + 3 :]}"


WAYS = {
    "plain": str,
    "in json": lambda text: text.replace("\n", "\\n"),
    "escaped": _escaped,
    "in an address": _percent,
    "over lines": _split,
}


def _written(draw, shape, way):
    around, drawn = SHAPES[shape]
    key = drawn(draw)
    multi = "\n" in key
    if multi and way not in ("plain", "in json"):
        way = "plain"
    if way == "over lines" and (around != "{}" or len(key) < 30):
        way = "plain"  # half of a short one, or of one that only its name tells, is no key
    text = around.format(WAYS[way](key))
    if draw.random() < 0.3:
        text = f"ValueError: no good key: {text!r}" if not multi else text
    pieces = key.splitlines()[1:-1] if multi else [WAYS[way](key).splitlines()[-1]]
    return Key(text, tuple(piece.strip()[-TRACE:] for piece in pieces))
