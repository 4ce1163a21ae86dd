"""Which file system a folder lies on: over a network, locks may not hold."""

from __future__ import annotations

import os
from collections.abc import Iterable

TABLE = "/proc/self/mountinfo"  # proc_pid_mountinfo(5)
NETWORKS = frozenset(("9p", "afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"))


def warning(folders: Iterable[str]) -> str | None:
    """Tell in one line which of `folders` lies on a network file system, None when none does."""
    for folder in folders:
        kind = kind_of(folder)
        if kind in NETWORKS:
            return (
                f"{folder}: is on a network file system ({kind}), where locks may not hold: limits "
                "could be passed; see ORCHESTRATE_STATE and ORCHESTRATE_LOGS"
            )
    return None


def kind_of(folder: str) -> str | None:
    """Name the type of the file system a folder is on, None where nobody knows."""
    try:
        number = os.stat(folder).st_dev
        with open(TABLE, encoding="utf-8", errors="replace") as table:
            rows = [row.split() for row in table]
    except OSError:
        return None
    device = f"{os.major(number)}:{os.minor(number)}"
    return next((row[row.index("-") + 1] for row in rows if row[2] == device), None)
