"""Whether the folders of state and logs can be used, without writing to them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from orchestrator.errors import StorageError
from orchestrator.records import Json
from orchestrator.state import files, mounts


def described(folder: str, names: Iterable[str]) -> Json:
    """Tell of a folder and of the files a start writes there; sizes in bytes.

    One that is not there yet is made by the first start: then the folder above it counts.
    """
    above = folder
    while not os.path.lexists(above) and above != os.path.dirname(above):
        above = os.path.dirname(above)
    found = os.statvfs(above) if os.path.exists(above) else None
    return {
        "path": folder,
        "exists": os.path.isdir(folder),
        "problem": _trouble(above) or _file_trouble(folder, names),
        "free_bytes": found.f_bavail * found.f_frsize if found else None,
        "file_system": mounts.kind_of(above),
        "warning": mounts.warning([above]),
    }


def _trouble(folder: str) -> str | None:
    try:
        files.check_folder(folder)
    except StorageError as error:
        return str(error)
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder}: can't be written to; make it writable, or use another"
    return None


def _file_trouble(folder: str, names: Iterable[str]) -> str | None:
    for name in names:
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            continue
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return f"{path}: is not a regular file; move it away"
        if not os.access(path, os.R_OK | os.W_OK):
            return f"{path}: can't be read and written; make it writable, or move it away"
    return None
