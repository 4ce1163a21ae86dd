"""What is printed is text: nothing in it moves a terminal, and data stays whole as JSON."""

import contextlib
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.commands import screen

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CLEANED = {
    "a\x1b[31mred\x1b[0m": "a[31mred[0m",
    "\x1b]52;c;ZXZpbA==\x07": "]52;c;ZXZpbA==",
    "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\": "]8;;http://evil\\text]8;;\\",
    "\x9b2J\x9d0;title\x9c": "2J0;title",
    "over\rwritten\x08\x7f\x00": "overwritten",
    f"user{BIDI}name": "username",
    "two\nlines\tand a tab": "two\nlines\tand a tab",
    "emoji 👩\u200d🚀, مرحبا, İstanbul": "emoji 👩\u200d🚀, مرحبا, İstanbul",
}


@pytest.mark.parametrize("text", CLEANED)
def test_controls_go_and_text_stays(capsys, text):
    screen.out(text)
    screen.talk(text)
    assert capsys.readouterr() == (CLEANED[text] + "\n", CLEANED[text] + "\n")
    screen.error(text)
    assert capsys.readouterr().err == f"orchestrate: {CLEANED[text]}\n"
    live = screen.Live(quiet=False)
    live.terminal = True
    live.status(text)
    shown = capsys.readouterr().err.removeprefix("\r\x1b[2K")
    assert shown == CLEANED[text].replace("\n", " ")


@given(st.text())
def test_no_control_and_nothing_that_turns_text_around_is_left(text):
    for c in screen.harmless(text):
        assert c in "\n\t" or unicodedata.category(c) != "Cc"
        assert c not in BIDI


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_data_is_read_back_as_it_was_and_holds_no_control(text):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        screen.data({"result": text})
    assert json.loads(printed.getvalue()) == {"result": text}
    assert screen.harmless(printed.getvalue()) == printed.getvalue()


def test_every_text_of_a_document_is_made_harmless():
    document = {"a": "\x1b[0m", "b": [{"c": "\x9b"}, 1, None], "d": True}
    assert screen.harmless_in(document) == {"a": "[0m", "b": [{"c": ""}, 1, None], "d": True}
