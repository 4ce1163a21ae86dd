"""A transcript holds what was said, without keys, and no more than its size."""

import pytest

from orchestrator.state import transcript
from orchestrator.state.redaction import MARK
from orchestrator.state.transcript import Transcript

LINES = [f"{letter * 63}=" for letter in "abcdef"]


@pytest.fixture
def noted(tmp_path):
    made = Transcript(str(tmp_path), "one", ("the value of a key",))

    def said():
        with open(made.path, encoding="utf-8") as file:
            return [line.partition(" ")[2].rstrip("\n") for line in file]

    made.said = said
    return made


def test_a_private_key_that_comes_line_by_line_is_not_in_it(noted):
    begin = ("-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0")
    for line in ("before", *begin, "", *LINES, "-----END RSA PRIVATE KEY-----", "after"):
        noted.note("verify", line)
    assert noted.said() == ["verify: before", *[f"verify: {MARK}"] * 11, "verify: after"]


def test_what_others_say_meanwhile_and_what_is_no_key_is(noted):
    noted.note("verify", "-----BEGIN PRIVATE KEY-----")
    noted.note("claude", "hello")
    noted.note("verify", LINES[0])
    noted.note("verify", "two words, no key")
    noted.note("verify", "more")
    assert noted.said() == [
        f"verify: {MARK}", "claude: hello", f"verify: {MARK}", "verify: two words, no key",
        "verify: more",
    ]  # fmt: skip


def test_a_key_where_a_long_line_is_cut_is_cut_whole(noted, monkeypatch):
    monkeypatch.setattr(transcript, "MOST_NOTE", 100)
    noted.note("one", "x" * 90 + " the value of a key and more")
    assert noted.said() == [f"one: {'x' * 90} {MARK[:9]} … cut, 118 characters"]


def test_it_ends_at_its_size_and_says_so(noted, monkeypatch):
    monkeypatch.setattr(transcript, "MOST", 500)
    for _ in range(100):
        noted.note("one", "x" * 90)
    assert noted.broken == f"{noted.path}: it is over 500 characters"
    assert noted.said()[-1] == f"ended: {noted.broken}"
    assert len(noted.said()) < 7
