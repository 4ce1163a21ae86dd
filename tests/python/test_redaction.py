"""Keys never survive in anything that is written: known shapes, and values of secret variables."""

import string

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
    shape("sk-", DASHED, 20),
    shape("sk-proj-", DASHED, 40),
    shape("sk-ant-api03-", DASHED, 80),
    st.text(DASHED, min_size=35, max_size=35).map("AIza{}".format),
    shape("AQ.", DASHED, 30),
    st.sampled_from("pousr").flatmap(lambda kind: shape(f"gh{kind}_", WORD, 36)),
    shape("github_pat_", WORD + "_", 60),
    st.sampled_from("abprs").flatmap(lambda kind: shape(f"xox{kind}-", WORD + "-", 24)),
    st.text(UPPER, min_size=16, max_size=16).map("AKIA{}".format),
    st.text(UPPER, min_size=16, max_size=16).map("ASIA{}".format),
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


@given(st.text(min_size=8, max_size=40), around, around)
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


def test_the_longer_of_two_secrets_goes_first():
    secrets = secrets_of({"A_KEY": "12345678", "B_KEY": "12345678-and-more"})
    assert redact("x 12345678-and-more y 12345678 z", secrets) == f"x {MARK} y {MARK} z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fix the bug in sk-learn",
        "ask-me-anything",
        "the ghost of gh pages",
        "AIza is a prefix",
        "eyJ alone",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert redact(text) == text


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
