"""Rows 27 to 30: a symlink, a FIFO, a device or what everybody may write to, in place of ours."""

import os
import stat

import pytest
from disks import refused
from support import finished

FILES = {
    "the usage file": "state/codex_usage.json",
    "another's usage file": "state/claude_usage.json",
    "the usage lock": "state/.state/usage.lock",
    "the usage log": "logs/provider_usage.jsonl",
    "the decision log": "logs/provider_recommendations.jsonl",
    "the lock of a log": "logs/provider_usage.jsonl.lock",
}
FOLDERS = ("state", "state/.state", "state/.state/inflight", "logs", "logs/runs")


def symlink(path):
    target = path.with_name("target")
    target.write_text("mine", encoding="ascii")
    path.symlink_to(target)


def device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # /dev/null by another name
    except PermissionError:
        pytest.skip("only root may make a device")


def writable(path):
    path.touch()
    path.chmod(0o666)


KINDS = {"symlink": symlink, "FIFO": os.mkfifo, "device": device, "writable": writable}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", FILES)
def test_rows_27_30_a_stranger_in_place_of_a_file_is_refused_and_left_alone(
    place, simulator, disturbed, what, kind
):
    path = place.folder / FILES[what]
    path.parent.mkdir(parents=True, mode=0o700)
    KINDS[kind](path)
    before = path.lstat()
    refused(finished(disturbed(), 20), simulator, path)
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_size) == (
        before.st_ino,
        before.st_mode,
        before.st_size,
    )
    if kind == "symlink":
        assert path.with_name("target").read_text(encoding="ascii") == "mine"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "writable"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_rows_27_30_a_stranger_in_place_of_a_folder_is_refused_and_left_alone(
    place, simulator, disturbed, folder, kind
):
    path = place.folder / folder
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    KINDS[kind](path)
    before = path.lstat().st_mode
    refused(finished(disturbed(), 20), simulator, path)
    assert path.lstat().st_mode == before


@pytest.mark.parametrize("folder", FOLDERS)
def test_rows_27_30_a_folder_everybody_may_write_to_is_refused(place, simulator, disturbed, folder):
    path = place.folder / folder
    path.mkdir(parents=True, mode=0o700)
    path.chmod(0o777)
    refused(finished(disturbed()), simulator, f"{path}: everybody may write to it")
    assert list(path.iterdir()) == []
    path.chmod(0o1777)  # nobody can swap another's files there
    assert finished(disturbed()).code == 0


@pytest.mark.parametrize("folder", ["state", "logs"])
def test_rows_27_30_a_symlink_to_a_folder_of_ones_own_is_followed(place, disturbed, folder):
    target = place.folder / "elsewhere"
    target.mkdir(mode=0o700)
    (place.folder / folder).symlink_to(target)
    assert finished(disturbed()).code == 0
    assert list(target.iterdir())


def test_rows_27_30_what_stands_in_place_of_a_dead_tasks_file_is_refused(
    place, simulator, disturbed
):
    folder = place.state / ".state" / "inflight"
    folder.mkdir(parents=True, mode=0o700)
    os.mkfifo(folder / "task--coder.jsonl")
    refused(finished(disturbed(), 20), simulator, "task--coder.jsonl")
