"""The report of the doctor: all that can be seen of providers and state, in one document."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from orchestrator import clock
from orchestrator.commands import check_config
from orchestrator.commands.session import Session
from orchestrator.config import load
from orchestrator.config.locations import Locations
from orchestrator.errors import (
    ConfigError,
    CredentialsError,
    NoRoomError,
    OrchestratorError,
    StorageError,
    TryLaterError,
    UsageError,
)
from orchestrator.insight import accounts, checkup, folders, successes
from orchestrator.providers import programs, readiness
from orchestrator.records import Breaker, Candidate, Json, Provider, Snapshot, Transport, Wishes
from orchestrator.state import breakers, deferred, inflight
from orchestrator.state.journal import DECISIONS, USAGE, Journal

SCHEMA = 1
PACKAGES = ("filelock", "requests", "click", "duckdb")
STOPPED = (StorageError.exit_code, ConfigError.exit_code)


class Seen(NamedTuple):
    """What the configuration lets be seen; `code` is the exit code a start would have.

    `never` says why no task could be taken at any time.
    """

    code: int
    providers: Json
    budgets: Json
    never: str | None


class Examination:
    """One look at everything, with whatever part of the configuration can be read."""

    def __init__(self, at: Locations, environment: Mapping[str, str]) -> None:
        """Load the configuration, without the user's overlay if need be, else none."""
        self.at, self.environment = at, environment
        self.session: Session | None = None
        self.problems: list[str] = []
        self.troubles: checkup.Troubles = []
        try:
            self.session = Session()
        except ConfigError as error:
            self.problems = error.problems
            try:
                self.session = Session(load.without_overlay)
            except ConfigError:
                return
        silent = readiness.silent(self.session.all_providers, self.session.environment)
        self.session.unready = {
            name: tuple(why or unheard for why, unheard in zip(ways, silent[name], strict=True))
            for name, ways in self.session.unready.items()
        }

    def providers(self) -> dict[str, Provider]:
        """List the providers of the configuration; none where it can't be read."""
        return self.session.all_providers.providers if self.session else {}

    def fsync(self) -> bool:
        """Tell whether what is written is to be on the disk."""
        return self.session is None or bool(self.session.config.settings["fsync"])

    def report(self, only: str | None) -> Json:
        """Look at everything, or at one provider; raises UsageError for one that is not known."""
        known = self.providers()
        if only is not None and known and only not in known:
            raise UsageError(f"--provider {only!r} is not known; one of {', '.join(known)}")
        chosen = {name: each for name, each in known.items() if only in (None, name)}
        session = self.session
        now_ms, state, log = clock.now_ms(), self.at.state, Journal(self.at.logs)
        checkup.look_at_shared(state, self.troubles)
        closed: dict[str, Breaker] = {}
        rows = checkup.tried(partial(breakers.read, state), closed, self.troubles)
        nobody: list[deferred.Entry] = []
        waiting = checkup.tried(partial(deferred.pending, log), nobody, self.troubles)
        code, described, budgets, never = Seen(ConfigError.exit_code, {}, {}, None)
        if session is not None:
            code, described, budgets, never = self._described(session, chosen, only, now_ms)
        ways = [(n, t.kind, t.account) for n, each in chosen.items() for t in each.transports]
        nothing = successes.Successes({}, whole=True)
        worked = checkup.tried(partial(successes.last, log, ways), nothing, self.troubles)
        missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        places = {
            "state": folders.described(self.at.state, ()),
            "logs": folders.described(self.at.logs, (DECISIONS, USAGE)),
        }
        ends = [trouble["what"] for trouble in self.troubles if trouble["ends"]]
        ends += [place["problem"] for place in places.values() if place["problem"]]
        if ends or missing:
            code = StorageError.exit_code
        if self.problems:
            code = ConfigError.exit_code
        left = inflight.left_behind(state)
        return {
            "schema": SCHEMA,
            "timestamp": clock.iso(now_ms),
            "exit_code": code,
            "ready": [n for n, row in described.items() if row["ready"] and code not in STOPPED],
            "config": {
                "folder": self.at.config,
                "problems": self.problems,
                "faults": check_config.faults(session.all_providers) if session else [],
                "overlay_left_out": bool(self.problems) and session is not None,
            },
            "providers": described,
            "last_successes": [
                {"provider": name, "transport": kind, "account": account, **row}
                for (name, kind, account), row in worked.found.items()
                if only in (None, name)
            ],
            "log_read_whole": worked.whole,
            "accounts": accounts.described(rows, chosen.values(), now_ms, others=only is None),
            "budgets": budgets,
            "deferred": {"pending": len(waiting), "due": sum(e.is_due(now_ms) for e in waiting)},
            "in_flight": {
                "running": sum(inflight.busy_agents(state).values()) - left,
                "left_behind": left,
            },
            "folders": places,
            "never": never,
            "state_troubles": self.troubles,
            "packages_missing": missing,
            "programs": self._programs(),
        }

    def _described(
        self, session: Session, chosen: Mapping[str, Provider], only: str | None, now_ms: int
    ) -> Seen:
        """Tell the exit code a start would have, and describe providers and budgets."""
        config, zone = session.all_providers, str(session.config.settings["zone"])
        usages = checkup.books(self.at.state, config, now_ms, self.troubles)
        unread = {trouble["provider"] for trouble in self.troubles}
        try:
            world = session.seen(usages, now_ms)
        except StorageError:  # breakers of a newer version: noted, and a start ends on them
            return Seen(StorageError.exit_code, {}, {}, None)
        candidates: dict[str, Candidate] = {}
        never = None
        try:
            code, candidates = _decided(session, world, only, now_ms)
        except OrchestratorError as error:
            code, never = error.exit_code, str(error).rpartition("; ")[0]
        described = {}
        for name, provider in chosen.items():
            weighed = candidates.get(name)
            usage, known = usages[name], name not in unread
            described[name] = {
                "title": provider.title,
                "optional": provider.optional,
                "ready": weighed is not None and not weighed.blocks,
                "blocks": checkup.blocks(weighed.blocks if weighed else ()),
                "transports": [
                    self._way(session, transport, why)
                    for transport, why in zip(
                        provider.transports, session.unready[name], strict=True
                    )
                ],
                "limits": checkup.rows(provider, usage, config.settings, now_ms, known=known),
            }
        return Seen(code, described, checkup.money(world.totals, now_ms, zone), never)

    def _way(self, session: Session, transport: Transport, unready: str | None) -> Json:
        """Describe one way to a provider; never a key, only the variable that holds it."""
        client = session.config.clients[transport.client] if transport.client else None
        on_plan = client is not None and transport.billing == "subscription"
        return {
            "kind": transport.kind,
            "account": transport.account,
            "billing": transport.billing,
            "client": client and client["command"],
            "install": client and client["install"],
            "login": readiness.logged_in(client, self.environment) if client and on_plan else None,
            "key_variables": list(transport.key_env),
            "key_set": next((n for n in transport.key_env if self.environment.get(n)), None),
            "unready": unready,
        }

    def _programs(self) -> Json:
        """Tell of the interpreter, the clients and the tools, by command."""
        config = self.session.all_providers if self.session else None
        asked = programs.versions(config, self.environment)
        version = ".".join(map(str, sys.version_info[:3]))
        return {
            "python": {"path": sys.executable, "version": version, "problem": None},
            **{name: program._asdict() for name, program in asked.items()},
        }


def _decided(
    session: Session, world: Snapshot, only: str | None, now_ms: int
) -> tuple[int, dict[str, Candidate]]:
    """Decide as for a task; returns the exit code a start would have, and what was weighed.

    Raises OrchestratorError when no task could be taken at any time.
    """
    if only is not None and only not in session.config.providers:
        return CredentialsError.exit_code, {}  # an optional one without its key
    found = session.decide("-", Wishes(provider=only), now_ms, world=world)
    weighed = {candidate.provider: candidate for candidate in found.candidates}
    if found.ready:
        return 0, weighed
    if not found.no_room:
        return CredentialsError.exit_code, weighed
    return (TryLaterError if found.outage else NoRoomError).exit_code, weighed
