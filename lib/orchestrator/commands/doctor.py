"""`doctor [--json] [--provider P] [--clear ACCOUNT]`: what works, what does not, what to do.

It looks and changes nothing, but for `--clear`. It is the tool for when the configuration or the
state is broken: then it says what it can.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from orchestrator import clock
from orchestrator.commands import diagnosis, screen
from orchestrator.commands.examination import Examination
from orchestrator.config import environment
from orchestrator.errors import UsageError
from orchestrator.insight import accounts, advice
from orchestrator.state import breakers
from orchestrator.state.redaction import redact, secrets_of

VALUED = ("--provider", "--clear")


def main(arguments: list[str]) -> int:
    """Examine, or clear an account; 0 when a provider can take a task, else a start's code."""
    given = _options(arguments)
    surroundings, at = environment.surroundings(os.environ)
    examination = Examination(at, surroundings)
    if "--clear" in given:
        return _clear(given["--clear"], examination, as_json="--json" in given)
    report = examination.report(given.get("--provider"))
    report["problems"] = [problem._asdict() for problem in advice.problems(report)]
    report = _cleaned(report, secrets_of(surroundings))
    if "--json" in given:
        screen.data(report)
    else:
        paint = screen.painter(sys.stdout)
        screen.out(diagnosis.drawn(report, paint, screen.columns()), painted=True)
    return int(report["exit_code"])


def _options(arguments: list[str]) -> dict[str, str]:
    """Read the command line without help from any package: one may be missing."""
    given: dict[str, str] = {}
    words = list(arguments)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name in VALUED:
            value = value if equals or not words else words.pop(0)
            if not value:
                raise UsageError(f"{name} needs a value; see scripts/doctor.sh --help")
        elif name != "--json" or equals:
            listed = ", ".join(("--json", *VALUED))
            raise UsageError(f"unknown option {name}; there are {listed}")
        given[name] = value
    return given


def _clear(account: str, examination: Examination, *, as_json: bool) -> int:
    """Forget what is known to be wrong with an account; raises UsageError, StorageError."""
    state, now_ms = examination.at.state, clock.now_ms()
    known = accounts.described(breakers.load(state), examination.providers().values(), now_ms)
    if account not in known:
        listed = ", ".join(known) or "none is known"
        raise UsageError(f"--clear {account!r} is no account; there are {listed}")
    row = breakers.clear(state, account, fsync=examination.fsync())
    was = accounts.described_row(row, now_ms)
    told = _cleaned({"account": account, "was": was}, secrets_of(examination.environment))
    if as_json:
        screen.data(told)
    else:
        before = diagnosis.told_account(told["was"], now_ms)
        screen.out(f"{told['account']}: was {before}; now it is closed")
    return 0


def _cleaned(document: Any, secrets: Iterable[str]) -> Any:
    """Take keys and what a terminal would act on out of every text; each is one line."""
    if isinstance(document, dict):
        return {_cleaned(k, secrets): _cleaned(v, secrets) for k, v in document.items()}
    if isinstance(document, list):
        return [_cleaned(value, secrets) for value in document]
    if not isinstance(document, str):
        return document
    text = screen.harmless(redact(document, secrets))
    return text if text.isprintable() else " ".join(text.split())
