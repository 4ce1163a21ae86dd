"""`suggest [--json] REPO TASK`: which Claude model fits a task, given how much of each is used.

With `--words FD` the words come NUL-separated through a descriptor, as suggest_model.sh hands them
over: the task is never in the arguments of a process.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from orchestrator import clock
from orchestrator.commands import screen, suggested, tasks
from orchestrator.config import environment, load, locations, suggestions
from orchestrator.decide import suggestion
from orchestrator.errors import UnsoundError, UsageError
from orchestrator.records import Config, Json, Provider
from orchestrator.state import journal, redaction, usage

ALL_BLOCKED = 3
SCHEMA = 1


def main(arguments: list[str]) -> int:
    """Suggest, record and show; returns 3 when every model is blocked, 0 otherwise."""
    words, as_json = _words(arguments)
    start = _begun()
    repo = words[0] if words else _asked("REPO", "a folder, . for this one")
    repository = locations.repository(os.fsdecode(repo), start.at.workspace)
    text = words[1] if len(words) > 1 else _asked("TASK", "in one line")
    settings = start.config.settings
    task = tasks.checked(tasks.stdin_bytes(settings) if text == b"-" else text, settings)
    line = _line(start, repository, task, clock.now_ms())
    # Nothing was spent: the line need not be on the disk before the answer is on the screen.
    journal.Journal(start.at.logs, fsync=False).append(journal.SUGGESTIONS, line)
    if as_json:
        screen.data(line)
    else:
        shown, paint = screen.harmless_in(line), screen.painter(sys.stdout)
        screen.out(suggested.drawn(shown, paint, screen.columns()), painted=True)
    return ALL_BLOCKED if line["all_blocked"] else 0


def _words(arguments: list[str]) -> tuple[list[bytes], bool]:
    """Read the words of the command line and its one option; raises UsageError."""
    words = [os.fsencode(word) for word in arguments]
    if words[:1] == [b"--words"]:
        with os.fdopen(int(words[1]), "rb") as file:
            words = file.read().split(b"\0")[:-1]
    as_json = False
    while words and words[0].startswith(b"-"):
        word = words.pop(0)
        if word == b"--":
            break
        if word != b"--json":
            name = os.fsdecode(word)
            raise UsageError(f"unknown option {name}; see './suggest_model.sh --help'")
        as_json = True
    if len(words) > 2:
        raise UsageError("there are words after TASK; quote the task, and put --json before REPO")
    return words, as_json


def _asked(name: str, form: str) -> bytes:
    """Ask a person for what is missing; raises UsageError where there is no terminal to ask on."""
    if screen.is_terminal(sys.stdin):
        screen.ask(f"{name} ({form}): ")
        answer = sys.stdin.readline().rstrip("\n")
        if answer:
            return os.fsencode(answer)
    raise UsageError(f"{name} is missing; ./suggest_model.sh [--json] REPO TASK, see --help")


class Start(NamedTuple):
    """What a suggestion is made from: less than a session of tasks that run, and sooner there."""

    at: locations.Locations
    config: Config
    rules: Json
    secrets: tuple[str, ...]

    @property
    def provider(self) -> Provider:
        """The provider whose models are suggested."""
        return self.config.providers[self.rules["provider"]]


def _begun() -> Start:
    """Read the environment and the configuration; raises ConfigError."""
    given, at = environment.surroundings(os.environ)
    config = load.load(at.config)
    return Start(at, config, suggestions.load(config), redaction.secrets_of(given))


def _line(start: Start, repository: str, task: str, now_ms: int) -> Json:
    """Make the record of a suggestion."""
    rules, settings = start.rules, start.config.settings
    tier = suggestion.tier_of(repository, rules)
    parts = suggestion.scored(task, tier, rules, settings["classify_bytes"])
    score = sum(part.points for part in parts)
    known = _usage(start, now_ms)
    used = suggestion.uses(start.provider, known, rules, now_ms, settings["zone"])
    wanted = suggestion.ideal(score, rules)
    choice = suggestion.chosen(wanted, used, rules["block_at_percent"])
    retry_at_ms = used[choice.model].retry_at_ms
    logged = tasks.logged(task, settings, start.secrets)
    return {
        "schema": SCHEMA,
        "timestamp": clock.iso(now_ms),
        "repository": repository,
        "repository_tier": tier[0],
        "task_description": logged["text"],
        "task_sha256": logged["sha256"],
        "complexity_score": score,
        "complexity_parts": [part._asdict() for part in parts],
        "ideal_model": wanted,
        "ideal_available": used[wanted].block is None,
        "recommended_model": choice.model,
        "model": rules["models"][choice.model],
        "fallback_reason": choice.reason,
        "all_blocked": choice.blocked,
        "time_to_reset_minutes": suggestion.minutes_until(retry_at_ms, now_ms),
        "block_at_percent": rules["block_at_percent"],
        "usage": {
            name: _described(use, rules["models"][name], now_ms) for name, use in used.items()
        },
    }


def _described(use: suggestion.Use, model: str, now_ms: int) -> Json:
    seen_ms = use.observed_at_ms
    return {
        "model": model,
        "percent": None if use.percent is None else round(use.percent, 2),
        "row": use.row,
        "source": use.source,
        "observed_at": None if seen_ms is None else clock.iso(seen_ms),
        "age_minutes": None if seen_ms is None else (now_ms - seen_ms) // suggestion.MINUTE_MS,
        "available": use.block is None,
        "block_reason": use.block,
        "retry_at": None if use.retry_at_ms is None else clock.iso(use.retry_at_ms),
    }


def _usage(start: Start, now_ms: int) -> Json:
    """Read what is known of the provider, and first take over what Phase 1 left."""
    at, row, not_yet = start.at, suggestion.told_row(start.rules), []
    provider = start.provider._replace(limits=(*start.provider.limits, row))
    paths = [os.path.join(folder, usage.PHASE_1) for folder in dict.fromkeys((at.state, at.config))]
    left = [path for path in paths if os.path.lexists(path)]
    if left:
        from orchestrator.commands import takeover  # it is there once in a life

        not_yet = takeover.taken_over(start, provider, row, left)
    try:
        known = usage.load(at.state, provider, now_ms)
    except UnsoundError:
        from orchestrator.state.ledger import Ledger  # a look needs no lock

        Ledger(at.state, start.config, at.logs, screen.talk).mend()
        known = usage.load(at.state, provider, now_ms)
    if not_yet:
        from orchestrator.state import observations  # once in a life, too

        known = observations.noted(known, provider, not_yet, now_ms, start.config.settings["zone"])
    return known
