"""What is no plain file in place of state, log or lock is refused, and left as it is."""

import os
import stat

import pytest
from test_state_files import place

from orchestrator.errors import StorageError
from orchestrator.state import files, logfile

__all__ = ["place"]  # a fixture


def make_symlink(path):
    path.with_name("target").write_text("{}")
    path.symlink_to("target")


KINDS = {"symlink": make_symlink, "FIFO": os.mkfifo, "folder": os.mkdir}
WAYS = {
    "read": files.read_json,
    "replace": lambda path: files.replace(path, {"n": 1}),
    "append": lambda path: logfile.append(path, {"n": 1}),
    "touch": logfile.touch,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_plain_file_is_refused_and_left_alone(place, kind, way):
    path = place / "file.json"
    KINDS[kind](path)
    with pytest.raises(StorageError, match=r"file\.json: "):
        WAYS[way](str(path))
    assert stat.S_IFMT(path.lstat().st_mode) != stat.S_IFREG
    if kind == "symlink":
        assert (place / "target").read_text() == "{}"


@pytest.mark.parametrize("kind", ["symlink", "FIFO"])
def test_a_lock_that_is_no_plain_file_is_refused(place, kind):
    KINDS[kind](place / "log.jsonl.lock")
    with pytest.raises(StorageError):
        logfile.append(str(place / "log.jsonl"), {})
    assert not (place / "log.jsonl").exists()
