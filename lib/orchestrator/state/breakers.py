"""The breakers of all billing accounts, `.state/breakers.json`, shared by all processes.

They are read without a lock, and written under one of their own. A file that is not sound counts as
empty, which costs no more than knocking in vain; the next write keeps it as `.corrupt-<time>`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from orchestrator import clock
from orchestrator.decide import breakers
from orchestrator.errors import StorageError, UnsoundError
from orchestrator.records import PERSON, Block, Breaker, Json
from orchestrator.state import files, locks

SCHEMA = 1
_TYPES = {
    "failures": (int,),
    "kind": (str, type(None)),
    "since_ms": (int,),
    "retry_at_ms": (int, type(None)),
    "set_ms": (int,),
    "error": (str,),
    "provider": (str,),
}


def load(state: str) -> dict[str, Breaker]:
    """Read the rows by account; raises StorageError when a newer version wrote them."""
    try:
        return read(state)
    except UnsoundError:
        return {}


def change(
    state: str, account: str, rule: Callable[[Breaker], Breaker], *, fsync: bool
) -> tuple[Breaker, Breaker]:
    """Replace the row of an account by what a rule makes of it; returns it before and after.

    Nothing is locked or written for a rule that changes nothing. Raises StorageError.
    """
    before = load(state).get(account, breakers.CLOSED)
    if rule(before) == before:
        return before, before
    path = _path(state)
    files.ensure_folder(state)
    files.ensure_folder(os.path.dirname(path))
    with locks.flocked(f"{path.removesuffix('.json')}.lock"):
        rows = _kept(state)
        before = rows.pop(account, breakers.CLOSED)
        row = rule(before)
        if row != breakers.CLOSED:
            rows[account] = row
        if row != before:
            files.replace(path, _document(rows), fsync=fsync)
    return before, row


def claim(state: str, account: str, settings: Json, *, force: bool, fsync: bool) -> Block | None:
    """Ask to knock at an account; None when it is open or this is its one probe.

    `force` always may, and takes the probe that is due. Raises StorageError.
    """
    blocks: list[Block | None] = []

    def taken(row: Breaker) -> Breaker:
        now_ms = clock.now_ms()  # whoever had the lock before wrote a later moment than our start
        blocks[:] = [breakers.block(row, now_ms, account)]
        due = breakers.probe_is_due(row, now_ms)
        return breakers.probed(row, settings, now_ms) if due else row

    change(state, account, taken, fsync=fsync)
    return None if force else blocks[0]


def clear(state: str, account: str, *, fsync: bool) -> Breaker:
    """Forget what is known to be wrong with an account; returns that. Raises StorageError."""
    return change(state, account, lambda _: breakers.CLOSED, fsync=fsync)[0]


def _kept(state: str) -> dict[str, Breaker]:
    """Read the rows for a change; an unsound file is set aside."""
    try:
        return read(state)
    except UnsoundError:
        files.set_aside(_path(state), clock.now_ms())
        return {}


def read(state: str) -> dict[str, Breaker]:
    """Read the rows by account; raises UnsoundError, and StorageError for a newer version's."""
    path = _path(state)
    document = files.read_json(path)
    if document is None:
        return {}
    schema, rows = document.get("schema"), document.get("accounts")
    if isinstance(schema, int) and schema > SCHEMA:
        raise StorageError(f"{path}: was written by a newer version; update, or move it away")
    if schema != SCHEMA or not isinstance(rows, dict) or not all(map(_is_sound, rows.values())):
        raise UnsoundError(path, "holds breakers that are none")
    return {account: Breaker(**row) for account, row in rows.items()}


def _document(rows: dict[str, Breaker]) -> Json:
    accounts = {account: row._asdict() for account, row in sorted(rows.items())}
    return {"schema": SCHEMA, "accounts": accounts}


def _is_sound(row: object) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == _TYPES.keys()
        and all(type(row[name]) in types for name, types in _TYPES.items())
        and row["kind"] in breakers.KINDS
        and (row["retry_at_ms"] is not None or row["kind"] in (None, PERSON))
    )


def _path(state: str) -> str:
    return os.path.join(state, ".state", "breakers.json")
