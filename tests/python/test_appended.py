"""Reading files of others: only what was added, each line once, whatever happens to a file."""

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.state import appended

PATTERN = appended.Pattern("", ".jsonl", b"figure")


class Reader:
    """Reads a folder again and again, as polls do; `lines` are all that it got."""

    def __init__(self, folder, pattern=PATTERN):
        self.folder, self.pattern = folder, pattern
        self.known, self.lines, self.problems = {}, [], []

    def read(self, since_ms=0):
        before = len(self.lines)
        self.known, self.problems = appended.read(
            str(self.folder), self.pattern, self.known, since_ms, self.lines.append
        )
        return self.lines[before:]


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path)


def add(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def test_only_lines_added_since_are_read(reader, tmp_path):
    add(tmp_path / "2026/11/20/a.jsonl", b"figure 1\nnothing\nfigure 2\n")
    assert reader.read() == [b"figure 1", b"figure 2"]
    assert reader.read() == []
    add(tmp_path / "2026/11/20/a.jsonl", b"figure 3\n")
    add(tmp_path / "b.jsonl", b"figure 4\n")
    assert sorted(reader.read()) == [b"figure 3", b"figure 4"]


def test_a_torn_last_line_waits_until_it_is_whole(reader, tmp_path):
    add(tmp_path / "a.jsonl", b"figure 1\nfigu")
    assert reader.read() == [b"figure 1"]
    add(tmp_path / "a.jsonl", b"re 2")
    assert reader.read() == []
    add(tmp_path / "a.jsonl", b"\nfigure 3\n")
    assert reader.read() == [b"figure 2", b"figure 3"]


@given(
    st.lists(st.sampled_from([b"figure 1", b"figure 22", b"nothing", b"", b"\xff figure"])),
    st.lists(st.integers(0, 60), max_size=8),
    st.integers(1, 12),
)
def test_any_split_of_what_is_appended_gives_the_same_lines(tmp_path_factory, lines, cuts, chunk):
    path = tmp_path_factory.mktemp("records") / "a.jsonl"
    reader, data = Reader(path.parent), b"".join(line + b"\n" for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appended, "CHUNK", chunk)
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            add(path, data[start:end])
            reader.read()
    assert reader.lines == [line for line in lines if b"figure" in line]


@pytest.mark.parametrize("how", ["truncated", "replaced", "rewritten"])
def test_a_file_that_became_another_is_read_anew(reader, tmp_path, how):
    path = tmp_path / "a.jsonl"
    add(path, b"figure 1\nfigure 2\n")
    reader.read()
    if how == "truncated":
        path.write_bytes(b"figure 3\n")
    elif how == "replaced":
        add(tmp_path / "new", b"figure 3\nfigure 4\nfigure 5\n")
        (tmp_path / "new").rename(path)
    else:
        path.write_bytes(b"a figure 3, longer than before\n")
    assert reader.read()[0].endswith(b"figure 3" if how != "rewritten" else b"before")


def test_a_file_that_rotated_away_is_forgotten_and_its_successor_read(reader, tmp_path):
    add(tmp_path / "a.jsonl", b"figure 1\n")
    reader.read()
    (tmp_path / "a.jsonl").rename(tmp_path / "a.jsonl.1")
    add(tmp_path / "a.jsonl", b"figure 2\n")
    assert reader.read() == [b"figure 2"]
    (tmp_path / "a.jsonl").unlink()
    assert (reader.read(), reader.known) == ([], {})


def test_what_nobody_wrote_to_for_long_enough_is_left_alone(reader, tmp_path):
    add(tmp_path / "old.jsonl", b"figure 1\n")
    os.utime(tmp_path / "old.jsonl", (1000, 1000))
    assert reader.read(since_ms=1_000_001) == []
    assert reader.read(since_ms=999_999) == [b"figure 1"]


def test_nothing_but_regular_files_is_opened_and_no_link_followed(reader, tmp_path):
    add(tmp_path / "elsewhere" / "secret.txt", b"figure 1\n")
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(tmp_path / "elsewhere" / "secret.txt")
    (folder / "linked folder").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "folder.jsonl").mkdir()
    reader.folder = folder
    assert (reader.read(), reader.known, reader.problems) == ([], {}, [])


def test_a_file_that_turns_into_a_link_between_look_and_open_is_refused(tmp_path):
    add(tmp_path / "secret.txt", b"figure 1\n")
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(OSError, match="symbolic links"):
        appended._read_file(str(tmp_path / "a.jsonl"), None, b"figure", [].append)


def test_a_file_that_turns_into_a_pipe_between_look_and_open_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(OSError, match="not a regular file"):
        appended._read_file(str(tmp_path / "pipe.jsonl"), None, b"figure", [].append)


def test_one_file_that_cannot_be_read_does_not_hide_the_others(reader, tmp_path, monkeypatch):
    add(tmp_path / "a.jsonl", b"figure 1\n")
    add(tmp_path / "b.jsonl", b"figure 2\n")
    opened = os.open

    def refused(path, *rest, **options):
        if str(path).endswith("a.jsonl"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest, **options)

    monkeypatch.setattr(os, "open", refused)
    assert reader.read() == [b"figure 2"]
    assert len(reader.problems) == 1
    assert "Permission denied" in reader.problems[0]


def test_a_line_of_any_length_takes_bounded_memory_and_is_skipped_once(reader, tmp_path):
    path, huge = tmp_path / "a.jsonl", 256 * 1024 * 1024
    add(path, b"figure 1\n")
    with path.open("ab") as file:
        file.truncate(huge)  # zeros without an end of line, on a disk that stores none
    tracemalloc.start()
    try:
        assert reader.read() == [b"figure 1"]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * appended.MAX_LINE
    (position,) = reader.known.values()
    assert position[2] == huge  # it is not read again
    add(path, b" figure 2\nfigure 3\n")
    assert reader.read() == [b"figure 3"]


def test_what_comes_after_a_file_cut_off_in_a_line_too_long_is_read_whole(
    reader, tmp_path, monkeypatch
):
    monkeypatch.setattr(appended, "MAX_LINE", 100)
    path = tmp_path / "a.jsonl"
    add(path, b"x" * 500)
    reader.read()
    path.write_bytes(b"figure 1\n")
    assert reader.read() == [b"figure 1"]


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    assert Reader(tmp_path / "nothing").read() == []
