"""The folders of batches: what is private to one is state, what people look at is beside the logs.

`.state/batches/ID/` holds the plan (`batch.json`, written last, `plan.jsonl`, `tasks.jsonl`), what
happened (`progress.jsonl`), the configuration it began with, and its locks;
`logs/batches/ID/` holds `results.jsonl` and `summary.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator import clock
from orchestrator.config import documents
from orchestrator.errors import StorageError, TryLaterError, UsageError
from orchestrator.records import Json
from orchestrator.state import files, locks, logfile

SCHEMA = 1
LATEST = "latest"
NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
LONG_AGO_S = 600.0
_CHUNK = 1024 * 1024


class Folder(NamedTuple):
    """Where a batch is."""

    batch: str
    private: str
    public: str

    @property
    def header(self) -> str:
        """Name the file that makes it a batch: without it, it was never begun."""
        return os.path.join(self.private, "batch.json")

    @property
    def plan(self) -> str:
        """Name the file with a line for each node: what the schedule needs."""
        return os.path.join(self.private, "plan.jsonl")

    @property
    def tasks(self) -> str:
        """Name the file with a line for each node: its text and options."""
        return os.path.join(self.private, "tasks.jsonl")

    @property
    def progress(self) -> str:
        """Name the log of what happened to the nodes."""
        return os.path.join(self.private, "progress.jsonl")

    @property
    def config(self) -> str:
        """Name the folder of the configuration that it began with."""
        return os.path.join(self.private, "config")

    @property
    def results(self) -> str:
        """Name the log of what came of each node."""
        return os.path.join(self.public, "results.jsonl")

    @property
    def summary(self) -> str:
        """Name the file that sums it up."""
        return os.path.join(self.public, "summary.json")


def folder(state: str, logs: str, batch: str) -> Folder:
    """Name the folders of a batch."""
    private = os.path.join(state, ".state", "batches", batch)
    return Folder(batch, private, os.path.join(logs, "batches", batch))


def new(state: str, logs: str, now_ms: int) -> Folder:
    """Make the folders of a batch that is to be planned; raises StorageError."""
    stamp = clock.iso(now_ms)[:19].replace("-", "").replace(":", "").replace("T", "-")
    made = folder(state, logs, f"{stamp}-{os.urandom(2).hex()}")
    files.ensure_folder(state)
    _sweep(state, logs)
    for path in (made.private, os.path.join(made.private, "workers"), made.config, made.public):
        files.ensure_folder(path)
    return made


def find(state: str, logs: str, named: str) -> Folder:
    """Find a batch by its name, or the `latest`; raises UsageError naming what there is."""
    if named == LATEST:
        named = next(iter(reversed(listed(state))), "")
        if not named:
            raise UsageError("there is no batch yet; scripts/batch_runner.sh --help")
    found = folder(state, logs, named)
    if not NAME.fullmatch(named) or not os.path.exists(found.header):
        raise UsageError(f"there is no batch {named!r}; 'latest' is the last one")
    return found


def listed(state: str) -> list[str]:
    """List the batches, oldest first."""
    top = os.path.join(state, ".state", "batches")
    try:
        names = sorted(filter(NAME.fullmatch, os.listdir(top)))
    except OSError:
        return []
    return [name for name in names if os.path.exists(os.path.join(top, name, "batch.json"))]


def discard(found: Folder) -> None:
    """Forget a batch that was never begun."""
    shutil.rmtree(found.private, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir(found.public)


def tidy(found: Folder) -> None:
    """Forget the texts of a batch of which nothing is left to be done."""
    with contextlib.suppress(OSError):
        os.unlink(found.tasks)
    shutil.rmtree(found.config, ignore_errors=True)


def _sweep(state: str, logs: str) -> None:
    """Forget what was never begun: whoever planned it was killed some time ago."""
    top = os.path.join(state, ".state", "batches")
    with contextlib.suppress(OSError):
        for name in filter(NAME.fullmatch, os.listdir(top)):
            found = folder(state, logs, name)
            old = time.time() - os.stat(found.private).st_mtime > LONG_AGO_S
            if old and not os.path.exists(found.header) and not is_running(found):
                discard(found)


@contextlib.contextmanager
def alone(found: Folder) -> Iterator[None]:
    """Hold a batch; raises TryLaterError when another process runs it."""
    path = os.path.join(found.private, "run.lock")
    with files.telling(path):
        descriptor = files.opened(path, os.O_RDWR | os.O_CREAT)
    try:
        if not (locks.try_flock(descriptor) or _looked_at(descriptor)):
            raise TryLaterError(f"batch {found.batch} is running; --status {found.batch} shows it")
        yield
    finally:
        os.close(descriptor)


def is_running(found: Folder) -> bool:
    """Tell whether a process runs a batch now."""
    return locks.is_held(os.path.join(found.private, "run.lock"))


def worker_lock(found: Folder, worker: str) -> int:
    """Make and hold the lock of a worker; who can share it knows that the worker is gone."""
    path = os.path.join(found.private, "workers", worker)
    with files.telling(path):
        descriptor = files.opened(path, os.O_RDWR | os.O_CREAT)
        while not locks.try_flock(descriptor):
            time.sleep(0.001)  # somebody looks at it in this instant
    return descriptor


def worker_lives(found: Folder, worker: str) -> bool:
    """Tell whether a worker holds its lock still."""
    return locks.is_held(os.path.join(found.private, "workers", worker))


def workers(found: Folder) -> list[str]:
    """List the workers that ever were, the living ones among them."""
    try:
        return os.listdir(os.path.join(found.private, "workers"))
    except OSError:
        return []


def keep_config(found: Folder, source: str) -> None:
    """Copy the configuration, so that a batch keeps what it began with; raises StorageError."""
    names = [f"{name}.json" for name in (*documents.DOCUMENTS, *documents.OVERLAYS)]
    for below, wanted in (("", names), ("agents", None), ("schema", None)):
        folder_from = os.path.join(source, below) if below else source
        folder_to = files.ensure_folder(
            os.path.join(found.config, below) if below else found.config
        )
        with files.telling(folder_from):
            for name in sorted(os.listdir(folder_from)):
                if name in wanted if wanted is not None else not name.startswith("."):
                    with open(os.path.join(folder_from, name), "rb") as file:
                        # An agent's text that is empty after a power cut is missed when it is read.
                        put = os.path.join(folder_to, name)
                        files.put(put, file.read(), fsync=below != "agents")


class Spool:
    """A file of lines that one writer fills from its beginning to its end, then makes durable."""

    def __init__(self, path: str) -> None:
        """Begin it."""
        self.path, self.size = path, 0
        self._lines: list[str] = []
        self._waiting = 0

    def add(self, row: Json) -> int:
        """Add a row as a line and return its place in bytes; raises StorageError."""
        line = json.dumps(row, ensure_ascii=False)
        if not line.isascii() and any("\ud800" <= sign <= "\udfff" for sign in line):
            line = json.dumps(row)  # a path that is no UTF-8 comes back as it was
        at, size = self.size, len(line.encode()) + 1
        self._lines.append(f"{line}\n")
        self.size += size
        self._waiting += size
        if self._waiting >= _CHUNK:
            self.flush()
        return at

    def flush(self, *, fsync: bool = False) -> None:
        """Bring what was added into the file, and onto the disk; raises StorageError."""
        logfile.add_text(self.path, "".join(self._lines))
        self._lines, self._waiting = [], 0
        if fsync:
            with files.telling(self.path):
                descriptor = files.opened(self.path, os.O_RDWR)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def begin(found: Folder, header: Json, *, fsync: bool) -> None:
    """Write the header: from now on it is a batch; raises StorageError."""
    logfile.touch(found.results)
    files.replace(found.header, {"schema": SCHEMA, **header}, fsync=fsync)


def header(found: Folder) -> Json:
    """Read the header; raises StorageError when it is not sound or a newer version's."""
    document = files.read_json(found.header) or {}
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StorageError(f"{found.header}: was written by a newer version; update")
    if schema != SCHEMA:
        raise StorageError(f"{found.header}: is no batch; start it again")
    return document


def _looked_at(descriptor: int) -> bool:
    """Take a lock that somebody only looked at: it is free a moment later."""
    time.sleep(0.05)
    return locks.try_flock(descriptor)
