"""Reserve, renew and settle: the only way money and rates are spent.

No reservation is granted that takes spent + reserved over a limit. Every change is made under the
one usage lock: read, check, replace.
"""

from __future__ import annotations

import os

from orchestrator import clock
from orchestrator.decide import limits
from orchestrator.decide.windows import day_of
from orchestrator.errors import NoRoomError
from orchestrator.records import Block, Config, Json, Provider, Turn
from orchestrator.state import files, usage


class Ledger:
    """The books of one state folder."""

    def __init__(self, folder: str, config: Config) -> None:
        """Keep where the usage files are and what the limits say."""
        self.folder, self.config = folder, config
        self.zone = str(config.settings["zone"])
        self.lock_folder = os.path.join(folder, ".state")

    def reserve(
        self, attempt_id: str, name: str, turn: Turn, payer: limits.Payer, *, force: bool = False
    ) -> int:
        """Hold room for one turn and return its moment; raises NoRoomError when there is none."""
        with files.usage_locked(self.lock_folder):
            now_ms, provider = clock.now_ms(), self.config.providers[name]
            document = usage.load(self.folder, provider, now_ms)
            block = limits.admit(provider, document, turn, payer, now_ms, self.zone, start=True)
            if block is not None and not force:
                told = f"{name}: {block.reason}{limits.told_retry(block)}"
                raise NoRoomError(told, block.retry_at_ms)
            document["reservations"][attempt_id] = {
                "at_ms": now_ms,
                "booked_day": day_of(now_ms, self.zone),
                "account": payer.account,
                "model": payer.model,
                "metered": payer.metered,
                "forced": force,
                "done": (0, 0, 0),  # what its turns have booked so far
                **turn._asdict(),
            }
            self._save(provider, document, now_ms)
            return now_ms

    def renew(self, attempt_id: str, name: str, done: Turn, turn: Turn) -> Block | None:
        """Book what a running call has used since the last time and hold room for one more turn.

        Returns the block when there is no room; the call must then end. What it used stays booked.
        """
        with files.usage_locked(self.lock_folder):
            now_ms, provider = clock.now_ms(), self.config.providers[name]
            document = usage.load(self.folder, provider, now_ms)
            held = document["reservations"].pop(attempt_id, None)
            if held is None:
                return Block("limit", "its reservation is gone")
            payer = _payer(held)
            document = usage.booked(
                document, provider, done, payer, now_ms, held["at_ms"], now_ms, self.zone
            )
            block = None
            if not held.get("forced"):
                block = limits.admit(
                    provider, document, turn, payer, now_ms, self.zone, start=False
                )
            keep = Turn(0, 0, 0) if block else turn
            total = [a + b for a, b in zip(held["done"], done, strict=True)]
            document["reservations"][attempt_id] = {**held, **keep._asdict(), "done": total}
            self._save(provider, document, now_ms)
            return block

    def held(self, attempt_id: str, name: str) -> Json | None:
        """Look up what is reserved for an attempt, None when nothing is."""
        with files.usage_locked(self.lock_folder):
            document = usage.load(self.folder, self.config.providers[name], clock.now_ms())
            held: Json | None = document["reservations"].get(attempt_id)
            return held

    def settle(
        self, attempt_id: str, name: str, used: Turn, sent_ms: int | None = None
    ) -> Json | None:
        """Turn a reservation into what was used; None when there is none: it is settled already.

        Returns the reservation with what was booked.
        """
        with files.usage_locked(self.lock_folder):
            now_ms, provider = clock.now_ms(), self.config.providers[name]
            document = usage.load(self.folder, provider, now_ms)
            held: Json | None = document["reservations"].pop(attempt_id, None)
            if held is None:
                return None
            document = usage.booked(
                document,
                provider,
                used,
                _payer(held),
                now_ms if sent_ms is None else sent_ms,
                held["at_ms"],
                now_ms,
                self.zone,
            )
            self._save(provider, document, now_ms)
            return {**held, **used._asdict()}

    def _save(self, provider: Provider, document: Json, now_ms: int) -> None:
        files.replace(
            usage.path_of(self.folder, provider.name),
            usage.mirrored(document, provider, now_ms, self.zone),
            fsync=bool(self.config.settings["fsync"]),
        )


def _payer(held: Json) -> limits.Payer:
    return limits.Payer(held["account"], held["model"], metered=held["metered"])
