"""Reserve, renew and settle: the only way money and rates are spent.

No reservation is granted that takes spent + reserved over a limit. Every change is made under the
one usage lock: read, check, replace.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from orchestrator import clock
from orchestrator.decide import budgets, limits
from orchestrator.decide.windows import day_of
from orchestrator.errors import NoRoomError, UnsoundError
from orchestrator.records import Block, Config, Json, Provider, Seen, Total, Turn
from orchestrator.state import files, locks, observations, repair, usage


class Ledger:
    """The books of one state folder."""

    def __init__(
        self,
        folder: str,
        config: Config,
        logs: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Keep where the usage files are and what the limits say.

        With the folder of the logs, a usage file that is not sound is built anew from them, and
        `tell` hears of it.
        """
        self.folder, self.config, self.logs, self.tell = folder, config, logs, tell
        self.zone = str(config.settings["zone"])
        self.lock_folder = os.path.join(folder, ".state")

    def reserve(
        self, attempt_id: str, name: str, turn: Turn, payer: limits.Payer, *, force: bool = False
    ) -> int:
        """Hold room for one turn and return its moment; raises NoRoomError when there is none."""
        with self._opened(name) as (provider, document, now_ms):
            # Books built anew just now hold it already, from its own note: it is no other's.
            document["reservations"].pop(attempt_id, None)
            block = self._block(provider, document, turn, payer, now_ms, now_ms, start=True)
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

    def renew(self, attempt_id: str, name: str, so_far: Turn, turn: Turn) -> Block | None:
        """Book what a running call has used since the last time and hold room for one more turn.

        `so_far` is all it has used: what of that is booked, the books know best, which may have
        been built anew in between. Returns the block when there is no room; the call must then end.
        What it used stays booked.
        """
        with self._opened(name) as (provider, before, now_ms):
            held = before["reservations"].pop(attempt_id, None)
            if held is None:
                return Block("limit", "its reservation is gone")
            payer = _payer(held)
            done, day = _rest(so_far, held), held["booked_day"]
            document = usage.booked(before, provider, done, payer, now_ms, day, now_ms, self.zone)
            block = None
            if not held.get("forced"):
                booked_ms = held["at_ms"]  # the call is paid by its first day, past midnight too
                block = self._block(provider, document, turn, payer, now_ms, booked_ms, start=False)
            keep = Turn(0, 0, 0) if block else turn
            total = [a + b for a, b in zip(held["done"], done, strict=True)]
            document["reservations"][attempt_id] = {**held, **keep._asdict(), "done": total}
            self._save(provider, document, now_ms)
            return block

    def held(self, attempt_id: str, name: str) -> Json | None:
        """Look up what is reserved for an attempt, None when nothing is."""
        with self._opened(name) as (_, document, _):
            held: Json | None = document["reservations"].get(attempt_id)
            return held

    def settle(
        self,
        attempt_id: str,
        name: str,
        used: Turn,
        counted_ms: int | None = None,
        seen: Sequence[Seen] = (),
    ) -> Json | None:
        """Turn a reservation into what was used; None when there is none: it is settled already.

        `used` is all that the call used, what its turns have booked so far included. `counted_ms`
        is the last moment at which the provider may have counted the call, now when nobody knows:
        it leaves the windows so long after. `seen` is what the answer told of the provider's
        limits. Returns the reservation with what was used.
        """
        with self._opened(name) as (provider, before, now_ms):
            held: Json | None = before["reservations"].pop(attempt_id, None)
            if held is None:
                return None
            document = usage.booked(
                before,
                provider,
                _rest(used, held),
                _payer(held),
                now_ms if counted_ms is None else min(counted_ms, now_ms),
                held["booked_day"],
                now_ms,
                self.zone,
            )
            document = observations.noted(document, provider, seen, now_ms, self.zone)
            self._save(provider, document, now_ms)
            return {**held, **used._asdict()}

    def observe(self, name: str, seen: Sequence[Seen]) -> None:
        """Note figures from outside (see `observations`); raises StorageError or TryLaterError."""
        with self._opened(name) as (provider, before, now_ms):
            document = observations.noted(before, provider, seen, now_ms, self.zone)
            self._save(provider, document, now_ms)

    def mend(self, *, anew: bool = False) -> dict[str, tuple[Json, Json]]:
        """Build the files anew that are not sound, or all of them.

        Returns by provider what its file holds now and what the log tells: the same, unless calls
        run. A long log takes its time, so it is read without the lock where nothing is written.
        """
        found = {}
        for provider in usage.everybody(self.folder, self.config):
            with locks.usage_locked(self.lock_folder):
                now_ms = clock.now_ms()
                document = self._load(provider, now_ms)
                if anew:
                    document = self._told(provider, now_ms)
                    self._save(provider, document, now_ms)
            found[provider.name] = (document, self._told(provider, now_ms))
        return found

    def _told(self, provider: Provider, now_ms: int) -> Json:
        return repair.rebuilt(self.folder, self.logs or "", provider, now_ms, self.zone)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[tuple[Provider, Json, int]]:
        """Lock the books and read those of a provider; set aside and rebuilt when unsound."""
        with locks.usage_locked(self.lock_folder):
            now_ms, provider = clock.now_ms(), self.config.providers.get(name) or usage.nobody(name)
            yield provider, self._load(provider, now_ms), now_ms

    def _load(self, provider: Provider, now_ms: int) -> Json:
        """Read the books of a provider; those that are gone or unsound are built from the log."""
        path, trouble = usage.path_of(self.folder, provider.name), ""
        try:
            if self.logs is None or os.path.lexists(path):
                return usage.load(self.folder, provider, now_ms)
        except UnsoundError as error:
            if self.logs is None:
                raise
            aside = files.set_aside(path, now_ms)
            trouble = f"{error.what}: kept as {aside}, and built anew from the log"
        document = repair.rebuilt(self.folder, self.logs, provider, now_ms, self.zone)
        self._save(provider, document, now_ms)
        if trouble:
            self.tell(trouble)
        return document

    def _block(
        self,
        provider: Provider,
        document: Json,
        turn: Turn,
        payer: limits.Payer,
        now_ms: int,
        booked_ms: int,
        *,
        start: bool,
    ) -> Block | None:
        """Tell which row of the provider or which budget has no room.

        Days and months are those of `booked_ms`: it is they that the turn is booked on.
        """
        block = limits.admit(
            provider, document, turn, payer, now_ms, self.zone, start=start, booked_ms=booked_ms
        )
        if block is not None or not payer.metered:
            return block
        found = self._totals(now_ms, booked_ms, {provider.name: document})
        return budgets.admit(found, turn.cost_micro_usd, booked_ms, self.zone, start=start)

    def _totals(self, now_ms: int, booked_ms: int, known: Mapping[str, Json]) -> tuple[Total, ...]:
        if not self.config.budgets:
            return ()
        books = list(known.values())
        books += [
            self._load(provider, now_ms)
            for provider in usage.everybody(self.folder, self.config)
            if provider.name not in known
        ]
        return budgets.totals(self.config.budgets, books, booked_ms, self.zone)

    def _save(self, provider: Provider, document: Json, now_ms: int) -> None:
        files.replace(
            usage.path_of(self.folder, provider.name),
            usage.mirrored(document, provider, now_ms, self.zone),
            fsync=bool(self.config.settings["fsync"]),
        )


def _rest(used: Turn, held: Json) -> Turn:
    """Take off what the turns of a call have booked so far, never below nothing."""
    return Turn(*(max(0, a - b) for a, b in zip(used, held["done"], strict=True)))


def _payer(held: Json) -> limits.Payer:
    return limits.Payer(held["account"], held["model"], metered=held["metered"])
