"""Where things are: configuration, state, logs and the workspace."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from orchestrator.errors import UsageError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Locations(NamedTuple):
    """The folders of one start."""

    root: str
    config: str
    state: str
    logs: str
    workspace: str | None


def locate(environment: Mapping[str, str]) -> Locations:
    """Find the folders; an installed wheel keeps state and logs under `$XDG_STATE_HOME`."""
    packaged = os.path.join(_PACKAGE, "_config")
    if os.path.isdir(packaged):
        root = os.path.join(
            environment.get("XDG_STATE_HOME")
            or os.path.join(os.path.expanduser("~"), ".local", "state"),
            "orchestrate",
        )
        config, state = packaged, os.path.join(root, "state")
    else:
        root = os.path.dirname(os.path.dirname(_PACKAGE))
        config = state = os.path.join(root, "config")
    if environment.get("ORCHESTRATE_CONFIG"):
        config = os.path.abspath(environment["ORCHESTRATE_CONFIG"])
        state = config if not os.path.isdir(packaged) else state
    if environment.get("ORCHESTRATE_STATE"):
        state = os.path.abspath(environment["ORCHESTRATE_STATE"])
    logs = os.path.abspath(environment.get("ORCHESTRATE_LOGS") or os.path.join(root, "logs"))
    return Locations(root, config, state, logs, environment.get("ORCHESTRATE_WORKSPACE") or None)


def repository(named: str, workspace: str | None) -> str:
    """Resolve REPO, a folder or a name under the workspace; raises UsageError saying why not.

    With a workspace set, nothing outside it is accepted, not even through a symlink.
    """
    if not named:
        raise UsageError("REPO is empty; give a folder, '.' for this one")
    path = named
    if workspace is not None and not os.path.isabs(named) and named != ".":
        path = os.path.join(workspace, named)
    path = os.path.realpath(path)
    if not os.path.isdir(path):
        where = f" under {workspace}" if workspace else ""
        raise UsageError(f"REPO {named!r} is not a folder{where}; give a path that exists")
    if workspace is not None and not is_within(path, os.path.realpath(workspace)):
        raise UsageError(f"REPO {named!r} is outside the workspace {workspace}")
    if not os.access(path, os.R_OK | os.X_OK):
        raise UsageError(f"REPO {named!r} can't be read; check its permissions")
    return path


def is_within(path: str, folder: str) -> bool:
    """Tell whether a resolved path is a resolved folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


@contextlib.contextmanager
def pinned(folder: str) -> Iterator[str]:
    """Hold a folder open, and yield a path that leads to it and nowhere else meanwhile.

    Raises OSError when the folder is gone, or when its path leads elsewhere than it says: one of
    its parts was exchanged for a symlink since it was resolved.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    here = f"/proc/self/fd/{descriptor}"
    try:
        if os.readlink(here) != folder:
            raise OSError(errno.ELOOP, "its path leads elsewhere now", folder)
        yield here
    finally:
        os.close(descriptor)
