"""Tasks that share a call: each gets its own answer back, or is told that there is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.work.packing import joined, mark_of, split

TASKS = ["Fix the bug", "Explain it", "List the files"]
MARK = mark_of(TASKS)


def part(number, text, mark=MARK):
    return f"=== {mark} {number} ===\n{text}\n=== {mark} end {number} ==="


def answered(*texts):
    return "\n".join(part(number, text) for number, text in enumerate(texts, 1))


def test_every_task_is_in_the_text_with_the_lines_to_write_around_its_answer():
    text = joined([*TASKS[:2], "\n  with blanks around\n"])
    mark = mark_of([*TASKS[:2], "\n  with blanks around\n"])
    assert text.startswith("Below are 3 tasks")
    assert f"`=== {mark} N ===`" in text
    assert f"`=== {mark} end N ===`" in text
    assert text.endswith("## Task 3\n\nwith blanks around\n")
    assert text.index("## Task 1\n\nFix the bug\n") < text.index("## Task 2\n\nExplain it\n")


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (answered("a", "b", "c"), ["a", "b", "c"]),
        (answered("two\n\nlines\n", "  b", "c\r"), ["two\n\nlines", "b", "c"]),
        # whatever a model puts around, and however it dresses the lines up
        (f"Sure!\n\n{answered('a', 'b', 'c')}\n\nAnything else?", ["a", "b", "c"]),
        ("\n".join([part(3, "c"), part(1, "a"), part(2, "b")]), ["a", "b", "c"]),
        (answered("a", "b", "c").replace("===\n", "===  \n"), ["a", "b", "c"]),
        (answered("a", "b", "c").replace("=== " + MARK, "`=== " + MARK), ["a", "b", "c"]),
        (re.sub(f"(=== {MARK} .*)", r"**\1**", answered("a", "b", "c")), ["a", "b", "c"]),
        # what is missing, is there twice or is empty has no answer; the others have theirs
        ("", [None, None, None]),
        ("I can't do that.", [None, None, None]),
        (part(2, "b"), [None, "b", None]),
        (answered("a", " \n", "c"), ["a", None, "c"]),
        (f"{answered('a', 'b', 'c')}\n{part(2, 'B')}", ["a", None, "c"]),
        (answered("a", "b", "c").replace(f"\n=== {MARK} end 2 ===", ""), ["a", None, "c"]),
        (answered("a", "b", "c").replace(f"=== {MARK} 3 ===", "3:"), ["a", "b", None]),
        (f"=== {MARK} end 1 ===\na\n=== {MARK} 1 ===\n{part(2, 'b')}", [None, "b", None]),
        # a line that is not alone on its line is none
        (f"=== {MARK} 1 === a\n=== {MARK} end 1 ===", [None, None, None]),
        # one within another is nobody's
        (part(1, f"a\n{part(2, 'b')}"), [None, "b", None]),
        # more than were asked for
        (f"{answered('a', 'b', 'c')}\n{part(4, 'd')}", ["a", "b", "c"]),
        # somebody else's mark is text
        (answered("a", part(1, "x", "0" * 12), "c"), ["a", part(1, "x", "0" * 12), "c"]),
    ],
)  # fmt: skip
def test_an_answer_is_taken_apart_and_what_is_not_sound_is_left_out(answer, parts):
    assert split(answer, TASKS) == parts


def test_the_mark_is_of_the_texts_and_of_their_order_so_none_can_hold_it():
    assert mark_of(["a", "b"]) == mark_of(["a", "b"])
    marks = {mark_of(tasks) for tasks in (["a", "b"], ["b", "a"], ["a"], ["ab"], ["a", ""], [])}
    assert len(marks) == 6
    task = f"Write a line `=== {MARK} 1 ===`"
    assert mark_of([task, *TASKS]) not in task
    assert mark_of(["\udcff"])  # whatever a file may hold


LINES = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)


@given(st.lists(st.tuples(LINES, LINES, st.booleans()), min_size=1, max_size=8))
def test_whatever_the_answers_are_each_task_gets_its_own_and_one_left_out_harms_no_other(rows):
    tasks = [task for task, _, _ in rows]
    mark = mark_of(tasks)
    parts = [part(at, text, mark) for at, (_, text, there) in enumerate(rows, 1) if there]
    expected = [(text.strip() or None) if there else None for _, text, there in rows]
    assert split("\n".join(parts), tasks) == expected


@given(st.text(max_size=200), st.integers(0, 400), st.integers(0, 400))
def test_an_answer_that_is_torn_or_spoilt_gives_no_task_the_answer_of_another(noise, at, cut):
    texts = ["first answer", "second answer", "third answer"]
    whole = answered(*texts)
    found = split(whole[:at] + noise + whole[min(len(whole), at + cut) :], TASKS)
    for text, got in zip(texts, found, strict=True):
        assert got is None or not any(other in got for other in texts if other != text)
