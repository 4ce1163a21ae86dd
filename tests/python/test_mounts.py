"""Which file system a folder lies on, and one line for those where locks may not hold."""

import os

import pytest
from killing import House, upstream

from orchestrator.state import mounts

NETWORKS = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"]
LOCAL = ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.gocryptfs", "zfs"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Say that the test's folder is on a file system of a type."""

    def say(kind, folder):
        number = os.stat(folder).st_dev
        device = f"{os.major(number)}:{os.minor(number)}"
        rows = [
            "22 1 0:999 / /elsewhere rw shared:1 - nfs4 server:/ rw",
            f"36 22 {device} / /a\\040place rw,noatime shared:1 master:2 - {kind} server:/x rw",
        ]
        path = tmp_path / "mountinfo"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        monkeypatch.setattr(mounts, "TABLE", str(path))

    return say


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_folder_on_a_network_file_system_is_told_by_name_and_kind(tmp_path, table, kind):
    table(kind, tmp_path)
    told = mounts.warning(["/proc", str(tmp_path)])
    assert f"{tmp_path}: is on a network file system ({kind})" in told
    assert "\n" not in told


@pytest.mark.parametrize("kind", LOCAL)
def test_a_folder_of_this_machine_is_worth_no_word(tmp_path, table, kind):
    table(kind, tmp_path)
    assert mounts.warning([str(tmp_path)]) is None


def test_what_nobody_knows_is_worth_no_word(tmp_path, monkeypatch):
    assert mounts.warning([str(tmp_path / "missing")]) is None
    monkeypatch.setattr(mounts, "TABLE", str(tmp_path / "missing"))
    assert mounts.warning([str(tmp_path)]) is None


def test_this_machine_tells_the_kinds_of_its_own_mounts():
    assert mounts.kind_of("/proc") == "proc"


def test_a_task_warns_once_before_it_spends_anything(tmp_path, table, capsys):
    with upstream() as server:
        house = House(tmp_path / "my place", server)
        table("nfs4", tmp_path)
        house.run()
    told = capsys.readouterr().out
    assert told.count("network file system (nfs4)") == 1
    assert told.index("network file system") < told.index("codex: priced")
