"""Keys never survive in anything that is written: known shapes, and values of secret variables."""

import string
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.state.redaction import MARK, redact, secrets_of, shortened

WORD = string.ascii_letters + string.digits
DASHED = WORD + "_-"
UPPER = string.ascii_uppercase + string.digits


def shape(start, letters, length, end=""):
    text = st.text(letters, min_size=length, max_size=length + 40)
    return text.map(lambda drawn: f"{start}{drawn}{end}")


shapes = st.one_of(
    shape("sk-", DASHED, 20).map("{}7".format),
    shape("sk-7proj-", DASHED, 40),
    shape("sk-ant-api03-", DASHED, 80),
    st.text(DASHED, min_size=35, max_size=35).map("AIza{}".format),
    shape("AQ.", DASHED, 30),
    st.sampled_from("pousr").flatmap(lambda kind: shape(f"gh{kind}_", WORD, 36)),
    shape("github_pat_", WORD + "_", 60),
    st.sampled_from("abprs").flatmap(lambda kind: shape(f"xox{kind}-", WORD + "-", 24)),
    st.text(UPPER, min_size=16, max_size=16).map("AKIA{}".format),
    st.text(UPPER, min_size=15, max_size=15).map("ASIA7{}".format),
    shape("glpat-", DASHED, 20),
    st.tuples(shape("eyJ", DASHED, 12), shape("eyJ", DASHED, 12), shape("", DASHED, 20)).map(
        ".".join
    ),
    shape(
        "-----BEGIN RSA PRIVATE KEY-----\n", WORD + "+/=\n", 64, "\n-----END RSA PRIVATE KEY-----"
    ),
    shape("-----BEGIN PRIVATE KEY-----\n", WORD + "+/=\n", 64),  # cut off before its end
)
around = st.text(max_size=40)
edges = st.sampled_from(["", " ", "\n", '"', "'", "=", ":", "(", "/", ",", "Bearer ", "\\n"])


@given(shapes, around, edges, edges, around)
def test_no_known_key_shape_survives_in_any_text(key, before, left, right, after):
    assume(key[-16:] not in before + after)
    found = redact(f"{before} {left}{key}{right} {after}")
    assert MARK in found
    assert key not in found
    assert key[-16:] not in found


@given(st.lists(shapes, min_size=1, max_size=5), st.text(max_size=20))
def test_of_many_keys_none_survives(keys, between):
    text = f" {between} ".join(keys)
    found = redact(text)
    for key in keys:
        assert key not in found


@given(st.text(min_size=8, max_size=40).filter(str.strip), around, around)
def test_the_value_of_a_secret_variable_does_not_survive(value, before, after):
    secrets = secrets_of({"MY_API_KEY": value})
    assert value in secrets
    found = redact(before + value + after, secrets)
    assert value not in found.replace(MARK, "")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("OPENAI_API_KEY", True),
        ("anthropic_auth_token", True),
        ("DB_PASSWORD", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("HOME", False),
        ("PATH", False),
    ],
)
def test_a_variable_is_secret_by_its_name(name, secret):
    assert (secrets_of({name: "a value that is long"}) != ()) is secret


def test_a_value_too_short_to_tell_apart_is_left():
    assert secrets_of({"API_KEY": "1234567"}) == ()


def test_a_value_of_nothing_but_space_takes_nothing_away():
    assert redact("a\n\n        b", secrets_of({"MY_KEY": "\n\n       "})) == "a\n\n        b"


def test_the_longer_of_two_secrets_goes_first():
    secrets = secrets_of({"A_KEY": "12345678", "B_KEY": "12345678-and-more"})
    assert redact("x 12345678-and-more y 12345678 z", secrets) == f"x {MARK} y {MARK} z"


KEY = "sk-proj-4fQ8ndWq0aZ7xLr2Tb6vYk1"
RANDOM = "hT7dQ0wZ9rLk3Vb8"
IN_CONTEXT = {  # what is around a key tells it: the text, and the part that must go
    f"api_key = '{RANDOM}'": RANDOM,
    f'\\"apiKey\\": \\"{RANDOM}\\"': RANDOM,
    f"export MY_ACCESS_TOKEN={RANDOM}": RANDOM,
    "aws_secret_access_key=/wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEK": "K7MDENG",
    f"password: {RANDOM}!@x": RANDOM,
    f"Authorization: Bearer {RANDOM}": RANDOM,
    "authorization: Basic dXNlcjpodW50ZXIyMg==": "dXNlcjpodW50ZXIyMg==",
    f"https://me:{RANDOM}@example.org/x": RANDOM,
    "postgres://app:short@db:5432/app": "app:short",
    "https://hooks.slack.com/services/T0AB/B0CD/xY12zZ34aA56bB78": "xY12zZ34aA56bB78",
    "stripe rk_live_4fQ8ndWq0aZ7xLr2": "4fQ8ndWq0aZ7xLr2",
}
ESCAPED = {  # another way to write a key: the text, and what is left of it
    KEY.replace("-", "\\u002d"): MARK,
    KEY.replace("-", "\\\\u002D"): MARK,
    KEY.replace("-", "%2D"): MARK,
    f"q=1%20{KEY}%26": f"q=1%20{MARK}%26",
    f"said\\n{KEY}\\nand": f"said\\n{MARK}\\nand",
    f"{KEY[:9]}\n{KEY[9:]} and\nmore": f"{MARK} and\nmore",
    f"{KEY[:20]}\r\n   {KEY[20:]}": MARK,
    f"{KEY[:20]}\\n{KEY[20:]}": MARK,
    f"{KEY}\nfunction next": f"{MARK}\nfunction next",
    "AKIA4FQ8\nNDWQ0AZ7XLR2": MARK,
}
ORDINARY = [
    "",
    "Fix the bug in sk-learn",
    "ask-me-anything",
    "task-management-system-2-0-api and risk-assessment-of-model-3-in-detail",
    "the ghost of gh pages",
    "AIza is a prefix",
    "eyJ alone",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DHNKHfuwvY7kxvUdBeoGlODJ6",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "ASIAPACIFICMARKETANALYSIS",
    "ThisIsAVeryLongIdentifierThatNobodyWouldEverCallASecret2024",
    "token = get_token_from_header(request)",
    "const token = process.env.API_TOKEN_V2;",
    "API_KEY=os.environ['OPENAI_API_KEY']",
    "token = tokens[position_2000000]",
    "cache_key = 'user_profile_v2_settings'",
    "max_tokens=8192 token_count: 1234567890123456",
    "the token: a_word_of_the_parser2 and the secret: correct-horse-battery",
    "private_key: /etc/ssl/private/Server01.key",
    "token_url=https://auth.example.org/v2/Token123",
    "secret: ${MY_SECRET_NAME_42abc}",
    "a Bearer authentication-required answer, Basic authentication",
    "http://localhost:8080/@scope/package and git@github.com:org/repo2.git",
    "see http://a:b, or mail me@example.org",
    "100%25 of C:\\\\new\\\\temp\\nand more",
]


@pytest.mark.parametrize("text", IN_CONTEXT)
def test_a_key_is_known_by_what_is_around_it(text):
    found = redact(text)
    assert MARK in found
    assert IN_CONTEXT[text] not in found


@pytest.mark.parametrize("text", ESCAPED)
def test_a_key_is_found_however_it_is_written(text):
    assert redact(text) == ESCAPED[text]


@pytest.mark.parametrize(
    "text", ['a "quoted" 1é', "two\nlines of it", "with/slash and-dash", "back\\slash 100%"]
)
def test_the_value_of_a_secret_variable_is_found_as_json_writes_it(text):
    import json

    for ascii_only in (True, False):
        written = json.dumps(f"<{text}>", ensure_ascii=ascii_only)
        assert redact(written, [text]) == f'"<{MARK}>"'


def test_what_a_private_key_is_asked_about_stays():
    text = "What does -----BEGIN RSA PRIVATE KEY----- mean in a file? Explain it."
    assert redact(text) == f"What does {MARK} mean in a file? Explain it."


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text):
    assert redact(text) == text
    assert redact(f"{text}\n{text}") == f"{text}\n{text}"


TIRING = (
    *("sk-", "eyJ", "eyJaaaaaaaaaa.", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\n", "://a:"),
    *("token=", "token='", "bearer a", "a\n", "\\u002d", "\\", " ", "authorization:  ", "%2", "\n"),
    *("-----BEGIN PRIVATE KEY-----\n\n\n", "SG.aaaaaaaaaaaaaaaa.", "basic ", "AKIA", "xoxb-a"),
)


@pytest.mark.parametrize("unit", TIRING)
def test_the_time_grows_with_the_text_and_not_with_its_square(unit):
    def took(size):
        text, best = unit * (size // len(unit)), 9.0
        for _ in range(3):
            began = time.process_time()
            redact(text, ["a value that is nowhere"])
            best = min(best, time.process_time() - began)
        return best

    assert took(320_000) < 16 * max(took(40_000), 0.002)  # a square would be 64 times as long


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "abc\u2026"), ("ääää", 3, "ä\u2026"), ("", 0, "")],
)
def test_a_long_text_is_cut_between_characters(text, limit, expected):
    assert shortened(text, limit) == expected


@given(st.text(max_size=60), st.integers(0, 80))
def test_a_cut_text_has_at_most_as_many_bytes_as_allowed(text, limit):
    kept = shortened(text, limit).removesuffix("\u2026")
    assert len(kept.encode("utf-8", "replace")) <= limit
