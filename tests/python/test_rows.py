"""The rows of a queue: every JSON there is, in pieces of any size, and nothing that is none."""

import io
import json
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.plans import rows as module
from orchestrator.plans.rows import Problem, rows

MOST = 1_000_000
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
ROWS = st.lists(VALUES, max_size=6)
SIZES = st.integers(1, 40)
SPACES = st.sampled_from(["", " ", "\n", " \r\n\t  "])


class Pieces(io.RawIOBase):
    """A stream that never gives more than so many bytes at a time."""

    def __init__(self, data, size):
        self.file, self.size = io.BytesIO(data), size

    def read(self, most=-1):
        return self.file.read(self.size if most < 0 else min(most, self.size))


class Made(io.RawIOBase):
    """A file that is nowhere whole: so many rows of so many bytes."""

    def __init__(self, count, row, *, array):
        self.left, self.row, self.array = count, row, array
        self.behind = b"," if array else b"\n"
        self.held = b"[" if array else b""

    def read(self, most=-1):
        while self.left and len(self.held) < most:
            self.left -= 1
            end = b"]" if self.array and not self.left else self.behind
            self.held += self.row + end
        data, self.held = self.held[:most], self.held[most:]
        return data


def read(data, size=MOST, most=MOST):
    found = list(rows(Pieces(data, size), most))
    assert [index for index, _ in found] == list(range(len(found)))
    return [value for _, value in found]


def same(found, wanted):
    # 1 == True == 1.0, but not as JSON
    return json.dumps(found) == json.dumps(wanted)


@given(ROWS, SIZES, SPACES, st.booleans(), st.booleans())
@example(wanted=['\U0001f600\\"\u00e9'], size=1, space=" ", ascii_only=True, marked=True)
@example(wanted=[-1.5e300, 12345678901234567890], size=1, space="", ascii_only=False, marked=False)
def test_an_array_reads_back_as_it_was_written_in_pieces_of_any_size(
    wanted, size, space, ascii_only, marked
):
    inside = f"{space},{space}".join(json.dumps(one, ensure_ascii=ascii_only) for one in wanted)
    text = f"{space}[{space}{inside}{space}]{space}"
    assert same(read((b"\xef\xbb\xbf" if marked else b"") + text.encode(), size), wanted)


@given(ROWS.filter(lambda r: not r or type(r[0]) is not list), SIZES, st.booleans(), st.booleans())
def test_lines_read_back_as_they_were_written_in_pieces_of_any_size(
    wanted, size, ascii_only, marked
):
    lines = [json.dumps(one, ensure_ascii=ascii_only) for one in wanted]
    text = "\r\n \n".join(lines)
    assert same(read((b"\xef\xbb\xbf" if marked else b"") + text.encode(), size), wanted)


@given(st.binary(max_size=60), SIZES)
@example(b"[[", 1)
def test_any_bytes_are_rows_or_problems_and_nothing_is_raised(data, size):
    whole, pieces = read(data), read(data, size)
    assert [type(one) for one in whole] == [type(one) for one in pieces]
    assert same([one for one in whole if type(one) is not Problem],
                [one for one in pieces if type(one) is not Problem])  # fmt: skip


@given(ROWS.filter(bool), st.data())
def test_an_array_that_was_cut_anywhere_ends_with_a_problem(wanted, data):
    text = json.dumps(wanted).encode()
    cut = data.draw(st.integers(1, len(text) - 1))
    found = read(text[:cut], data.draw(SIZES))
    assert type(found[-1]) is Problem
    assert same(found[:-1], wanted[: len(found) - 1])


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t\n", b"[]", b"\n[ \n ]\n"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_where_nothing_is_there_are_no_rows(data, size):
    assert read(data, size) == []


@pytest.mark.parametrize("size", [1, 7, MOST])
@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'{"a": NaN}', "NaN is not a number JSON knows"),
        (b"-Infinity", "-Infinity is not a number JSON knows"),
        (b"1e999", "a number is too large"),
        (b"9" * 5000, "a number is too large"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b'{"a": {"b": 1, "b": 2}, "c": NaN}', "the key 'b' is there twice"),
        (b'"\xff"', "is not UTF-8"),
        (b'{"\xed\xa0\x80": 1}', "is not UTF-8"),
        (rb'"\ud800"', "is not UTF-8"),
        (rb'{"a": ["\uDFFF"]}', "is not UTF-8"),
        (b'"\\ud800\xbf"', "is not UTF-8"),
    ],
)
def test_a_row_that_holds_what_it_may_not_is_told_and_the_others_are_read(row, why, size):
    for data in (
        b'"before"\n' + row + b'\n{"it": "after"}',
        b'["before",' + row + b',{"it":"after"}]',
    ):
        before, found, after = read(data, size)
        assert (before, after) == ("before", {"it": "after"})
        assert type(found) is Problem
        assert why in found.text


@pytest.mark.parametrize("size", [1, 7, MOST])
@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'{"a" 1}', "is not JSON (Expecting ':' delimiter, character 6)"),
        (b'{"a": 1', "is not JSON (Expecting ',' delimiter, character 8)"),
        (b'"a" "b"', "is not JSON (Extra data, character 4)"),
        (b'"a\tb"', "is not JSON (Invalid control character, character 3)"),
        (b'"open', "is not JSON (Unterminated string starting, character 1)"),
        (b"tru", "is not JSON (Expecting value, character 1)"),
        (b"\xff\xfe{\0", "is not UTF-8"),
        (b"[" * 100_000, "is not JSON (Nested too deeply, character 1)"),
        (b'"' + b"x" * MOST + b'"', f"has more than {MOST} bytes"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_json_is_told_and_the_others_are_read(row, why, size):
    if len(row) > 1000 and size < 100:
        size = 1000
    assert read(b"1\n" + row + b"\r\n\n2", size) == [1, Problem(why), 2]


@pytest.mark.parametrize("size", [1, 7, MOST])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[1,]", "is not JSON (Expecting value, character 1)"),
        (b"[1,,2]", "is not JSON (Expecting value, character 1)"),
        (b"[1,2 3]", "is not JSON (Expecting ',' or ']', character 3)"),
        (b"[1,2}", "is not JSON (Expecting ',' or ']', character 2)"),
        (b"[1,\xff,2]", "is not UTF-8"),
        (b"[1] 2", "follows the end of the array"),
        (b"[1]\n[2]", "follows the end of the array"),
        (b"[1,", "is not there: the array has no end"),
        (b"[1,2", "is not there: the array has no end"),
        (b'[1,"' + b"x" * MOST + b'",2]', f"has more than {MOST} bytes"),
        (b'[1,"' + "\u00e9".encode() * (MOST // 2) + b'",2]', f"has more than {MOST} bytes"),
        (b"[1," + b"[" * 100_000, "is not JSON (Nested too deeply, character 1)"),
    ],
)
def test_broken_syntax_ends_an_array_with_the_row_it_is_in(data, why, size):
    if len(data) > 1000:
        size = max(size, 5000)
    assert read(data, size) == [1, Problem(why)]


def test_the_largest_row_that_may_be_is_read_and_one_byte_more_is_not():
    row = json.dumps("x" * 98).encode()
    for data in (row, b"[" + row + b"]", row + b"\n" + row):
        assert type(read(data, 9, 100)[-1]) is str
        assert type(read(data, 9, 99)[-1]) is Problem


@pytest.mark.parametrize("array", [True, False])
def test_no_more_is_held_than_a_row_and_a_chunk(array):
    stream = Made(2_000, json.dumps({"task": "x" * 20_000}).encode(), array=array)
    tracemalloc.start()
    try:
        assert sum(len(row["task"]) for _, row in rows(stream, MOST)) == 40_000_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("start", [b"", b"[", b'["', b"[1", b'"'])
@pytest.mark.parametrize("filler", [b" ", b"x", b"["])
def test_a_row_without_an_end_is_not_held(start, filler):
    stream = Made(500, filler * 100_000, array=False)
    stream.held, stream.behind = start, b""
    tracemalloc.start()
    try:
        problems = [row for _, row in rows(stream, MOST)]
        assert tracemalloc.get_traced_memory()[1] < 12 * MOST
    finally:
        tracemalloc.stop()
    assert [type(one) for one in problems] in ([], [Problem])


@pytest.mark.parametrize("size", range(1, 40))
def test_a_line_that_is_too_long_is_told_once_in_pieces_of_any_size(size):
    data = b"1\n" + b"x" * 37 + b"\n2\n" + b"y" * 11 + b"\n3"
    problem = Problem("has more than 10 bytes")
    assert read(data, size, 10) == [1, problem, 2, problem, 3]


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("size", [1_000, 100_000, 2_000_000])
def test_a_row_is_decoded_a_few_times_at_most_whatever_its_size(array, size, monkeypatch):
    decoded = []
    read_value = module.values.read
    monkeypatch.setattr(
        module.values, "read", lambda text, at: decoded.append(1) or read_value(text, at)
    )
    row = json.dumps({"task": "x" * size}).encode()
    assert len(list(rows(Made(20, row, array=array), 4 * MOST))) == 20
    assert len(decoded) <= 20 * 6
