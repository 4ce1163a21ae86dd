"""Figures from the records that clients leave of their own sessions, ours among them.

What was read is kept small: of codex the newest figure of each window, of claude the answers that
still count in a limit row, each once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from orchestrator.decide import windows
from orchestrator.errors import TryLaterError
from orchestrator.providers import claude_records, codex_records
from orchestrator.records import Config, Json, Limit, Provider, Seen, Transport
from orchestrator.state import appended, polling

AHEAD_MS = 300_000  # a line from further ahead stems from a clock that was wrong


class Records(Protocol):
    """What the lines of one client's records come to."""

    mark: bytes
    since_ms: int  # what is older counts no more

    def take(self, line: bytes) -> None:
        """Read one line."""
        ...

    def seen(self) -> list[Seen]:
        """Return the figures as of now."""
        ...

    def kept(self) -> Json:
        """Return what to remember for the next time."""
        ...


class CodexRecords:
    """The windows of a plan, as the newest event that tells of each has them."""

    mark = codex_records.MARK

    def __init__(self, limits: tuple[Limit, ...], account: str, now_ms: int, kept: Json) -> None:
        """Go on from what was kept."""
        self.account, self.now_ms = account, now_ms
        spans = [limit.window_s or 0 for limit in limits if limit.metric == "percent"]
        self.since_ms = now_ms - 1000 * max(spans, default=0)
        self.windows: dict[int, Seen] = {}
        for window_s, used, at_ms, resets_ms in kept.get("windows", ()):
            if type(used) is not int or type(at_ms) is not int:
                raise TypeError("a figure is none")
            source = codex_records.SOURCE
            self._newest(
                Seen("percent", window_s, None, account, used, 100, source, at_ms, resets_ms)
            )

    def take(self, line: bytes) -> None:
        """Read one line."""
        for seen in codex_records.figures_of(line, self.account):
            self._newest(seen)

    def seen(self) -> list[Seen]:
        """Return the windows that have not been reset since."""
        return [each for each in self.windows.values() if self._counts(each)]

    def kept(self) -> Json:
        """Return the newest figure of each window."""
        each = self.windows.values()
        return {"windows": [(s.window_s, s.used, s.observed_at_ms, s.resets_at_ms) for s in each]}

    def _newest(self, seen: Seen) -> None:
        before = self.windows.get(seen.window_s or 0)
        if seen.observed_at_ms <= self.now_ms + AHEAD_MS and (
            before is None or seen.observed_at_ms >= before.observed_at_ms
        ):
            self.windows[seen.window_s or 0] = seen

    def _counts(self, seen: Seen) -> bool:
        end_ms = seen.observed_at_ms + 1000 * (seen.window_s or 0)
        return self.now_ms < min(end_ms, seen.resets_at_ms or end_ms)


class ClaudeRecords:
    """The answers that still count in a row of requests or tokens, by message id."""

    mark = claude_records.MARK

    def __init__(
        self, limits: tuple[Limit, ...], account: str, now_ms: int, zone: str, kept: Json
    ) -> None:
        """Go on from what was kept."""
        self.account, self.now_ms = account, now_ms
        self.rows = {
            limit: windows.period_start(limit.period, now_ms, zone)
            if limit.period
            else now_ms - 1000 * (limit.window_s or 0)
            for limit in limits
            if limit.metric in ("requests", "tokens") and limit.scope != "model"
        }
        self.since_ms = min(self.rows.values(), default=now_ms)
        self.messages: dict[str, tuple[int, int]] = {}
        for name, (at_ms, tokens) in kept.get("messages", {}).items():
            self._add(claude_records.Message(name, at_ms, tokens))

    def take(self, line: bytes) -> None:
        """Read one line."""
        message = claude_records.message_of(line)
        if message is not None:
            self._add(message)

    def seen(self) -> list[Seen]:
        """Sum each row's time."""
        found = []
        for limit, start_ms in self.rows.items():
            told = [n for at_ms, n in self.messages.values() if start_ms < at_ms <= self.now_ms]
            used = len(told) if limit.metric == "requests" else sum(told)
            window = limit.metric, limit.window_s, limit.period
            source = claude_records.SOURCE
            found.append(Seen(*window, self.account, used, None, source, self.now_ms))
        return found

    def kept(self) -> Json:
        """Return the answers that may still count."""
        return {"messages": self.messages}

    def _add(self, message: claude_records.Message) -> None:
        if not self.since_ms < message.at_ms <= self.now_ms + AHEAD_MS:
            return
        at_ms, tokens = self.messages.get(message.id, (message.at_ms, 0))
        self.messages[message.id] = min(at_ms, message.at_ms), max(tokens, message.tokens)


def transport_of(config: Config, provider: Provider) -> Transport | None:
    """Find the login whose client leaves records that can be read, None where there is none."""
    for transport in provider.transports:
        client = config.clients.get(transport.client or "", {})
        if transport.billing == "subscription" and "records" in client:
            return transport
    return None


def folder_of(config: Config, transport: Transport, environment: Mapping[str, str]) -> str:
    """Name the folder of a client's records, in the home its own variable or `HOME` names."""
    spec = config.clients[transport.client or ""]["records"]
    home = environment.get("HOME") or os.path.expanduser("~")
    base = environment.get(spec["home_env"]) or spec["home"].replace("~", home, 1)
    return os.path.join(base, spec["folder"])


def read(
    config: Config,
    provider: Provider,
    login: Transport,
    environment: Mapping[str, str],
    state: str,
    now_ms: int,
) -> tuple[list[Seen], Json, str | None]:
    """Read what was added since the last time.

    Returns the figures, what to keep after them, and what could not be read; raises TryLaterError
    when nothing could.
    """
    client = login.client or ""
    spec, parser = config.clients[client]["records"], config.clients[client]["parser"]
    folder = folder_of(config, login, environment)
    before = polling.read_so_far(state, client)
    try:
        kept = before if before.get("folder") == folder else {}
        records = _records(parser, provider, login.account, now_ms, config, kept)
        if records.since_ms < kept.get("since_ms", 0):  # a longer row: what was left out counts
            kept = {}
        known = {path: _position(row) for path, row in kept.get("files", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        records, known = _records(parser, provider, login.account, now_ms, config, {}), {}
    pattern = appended.Pattern(spec["prefix"], spec["suffix"], records.mark)
    files, problems = appended.read(folder, pattern, known, records.since_ms, records.take)
    if problems and not files:
        raise TryLaterError(problems[0])
    kept = {"folder": folder, "since_ms": records.since_ms, "files": files, **records.kept()}
    return records.seen(), kept, problems[0] if problems else None


def _records(
    parser: str, provider: Provider, account: str, now_ms: int, config: Config, kept: Json
) -> Records:
    if parser == "codex":
        return CodexRecords(provider.limits, account, now_ms, kept)
    zone = str(config.settings["zone"])
    return ClaudeRecords(provider.limits, account, now_ms, zone, kept)


def _position(row: object) -> appended.Position:
    if not isinstance(row, list) or len(row) != 4 or not all(type(n) is int for n in row):
        raise TypeError("a position is none")
    return row[0], row[1], row[2], row[3]
