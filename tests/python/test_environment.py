"""The `.env` file is parsed, never run, and never wins over the process's own environment."""

import pytest

from orchestrator.config import environment


def read(tmp_path, text, own=None, encoding="utf-8"):
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    return environment.read(str(tmp_path), own or {})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KEY=value", {"KEY": "value"}),
        ("  KEY = value  ", {"KEY": "value"}),
        ("export KEY=value", {"KEY": "value"}),
        ('KEY="two words"', {"KEY": "two words"}),
        ("KEY='two words'", {"KEY": "two words"}),
        ('KEY="it\'s"', {"KEY": "it's"}),
        ("KEY='open", {"KEY": "'open"}),
        ('KEY="', {"KEY": '"'}),
        ("KEY=a=b=c", {"KEY": "a=b=c"}),
        ("KEY=$HOME", {"KEY": "$HOME"}),
        ("KEY=$(touch pwned)", {"KEY": "$(touch pwned)"}),
        ("KEY=`id`", {"KEY": "`id`"}),
        ("KEY=a#b", {"KEY": "a#b"}),
        ("KEY=ünïcode", {"KEY": "ünïcode"}),
        ("KEY=", {}),
        ("KEY=''", {}),
        ("KEY", {}),
        ("=value", {}),
        ("# KEY=value", {}),
        ("", {}),
        ("MY KEY=value", {}),
        ("1KEY=value", {}),
        ("KEY-A=value", {}),
        ("KEY=1\nKEY=2", {"KEY": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffKEY=value", {"KEY": "value"}),
    ],
)
def test_a_line_is_read_as_text(tmp_path, line, expected):
    assert read(tmp_path, line) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, "from the file"),
        ({"KEY": "own"}, "own"),
        ({"KEY": ""}, None),  # set to nothing is a wish, too
    ],
)
def test_the_processs_own_environment_wins(tmp_path, own, expected):
    assert read(tmp_path, "KEY=from the file", own).get("KEY") == expected


def test_without_a_file_the_environment_is_the_processs_own(tmp_path):
    assert environment.read(str(tmp_path), {"A": "1", "B": ""}) == {"A": "1"}
    (tmp_path / ".env").mkdir()
    assert environment.read(str(tmp_path), {"A": "1"}) == {"A": "1"}


def test_bytes_that_are_no_text_spoil_only_their_own_line(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=\xff\nB=2\n")
    assert environment.read(str(tmp_path), {})["B"] == "2"
