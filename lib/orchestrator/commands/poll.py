"""`poll`: renew the usage figures of the providers, or note what a person knows.

Silent when all went well and nobody looks: cron mails what is printed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import click

from orchestrator import clock
from orchestrator.commands import phrases, screen
from orchestrator.commands.clicks import options_of
from orchestrator.commands.session import Session
from orchestrator.decide import figures
from orchestrator.errors import TryLaterError, UsageError
from orchestrator.records import MICRO, Json, Limit, Provider, Seen
from orchestrator.state.observations import PERSON
from orchestrator.state.redaction import redact
from orchestrator.work.polling import Polled, Poller

MOST_PERCENT, MOST_USD = 1000.0, 1e9
SCHEMA = 1


@click.command(add_help_option=False)
@click.option("--provider")
@click.option("--force", is_flag=True)
@click.option("--manual", is_flag=True)
@click.option("--set", "settings", multiple=True)
@click.option("--json", "as_json", is_flag=True)
def _options(**given: object) -> Json:
    return dict(given)


def main(arguments: list[str]) -> int:
    """Poll, or note figures; raises UsageError, and TryLaterError when nothing could be read."""
    given = options_of(_options, arguments, "scripts/poll_usage.sh")
    session = Session()
    names = _chosen(session, given["provider"])
    ledger = session.ledger(screen.talk)
    told = [_setting(session, text) for text in given["settings"]]
    if given["manual"]:
        told += _asked(session, names)
    polled: list[Polled] = []
    for name, seen in told:
        ledger.observe(name, seen)
    if not told and not given["manual"]:
        poller = Poller(session.config, session.environment, session.at.state, ledger)
        polled = poller.poll(names, force=given["force"])
        for each in polled:
            if each.problem is not None:
                why = screen.harmless(" ".join(redact(each.problem, session.secrets).split()))
                screen.error(f"{each.provider}: {each.source}: {why}")
    _show(session, names, polled, as_json=given["as_json"])
    if polled and not any(each.read for each in polled):
        raise TryLaterError("no source could be read; what was known before still counts")
    return 0


def _chosen(session: Session, name: str | None) -> list[str]:
    names = list(session.config.providers)
    if name is None:
        return names
    if name not in names:
        raise UsageError(f"--provider {name!r} is not known; one of {', '.join(names)}")
    return [name]


def _setting(session: Session, text: str) -> tuple[str, list[Seen]]:
    """Read `claude.tokens_percent=72`."""
    target, equals, value = text.partition("=")
    name, _, figure = target.partition(".")
    if not equals or name not in session.config.providers:
        known = ", ".join(session.config.providers)
        raise UsageError(f"--set {text!r}: write PROVIDER.FIGURE=NUMBER; providers: {known}")
    known_figures = dict(_figures(session.config.providers[name]))
    if figure not in known_figures:
        listed = ", ".join(known_figures)
        raise UsageError(f"--set {text!r}: {name} has no figure {figure!r}; one of {listed}")
    return name, _seen(known_figures[figure], _number(figure, value), session, name)


def _asked(session: Session, names: list[str]) -> list[tuple[str, list[Seen]]]:
    """Ask a person for each figure; raises UsageError when stdin is no terminal."""
    if not screen.is_terminal(sys.stdin):
        raise UsageError("--manual asks on a terminal, stdin is none; use --set in a script")
    found = []
    for name in names:
        for figure, limits in _figures(session.config.providers[name]):
            unit = "USD" if figure == "cost_today" else "percent"
            screen.ask(f"{name} {figure} ({unit}, empty if you don't know): ")
            answer = sys.stdin.readline().strip()
            if answer:
                found.append((name, _seen(limits, _number(figure, answer), session, name)))
    return found


def _figures(provider: Provider) -> Iterator[tuple[str, list[Limit]]]:
    """Name the figures a person can tell of a provider, with the rows each is about."""
    rows = [limit for limit in provider.limits if limit.scope != "model"]
    for metric in ("requests", "tokens"):
        about = [limit for limit in rows if limit.metric == metric]
        if about:
            yield f"{metric}_percent", about
    for limit in rows:
        if limit.metric == "cost_usd" and limit.period == "day":
            yield "cost_today", [limit]
        elif limit.metric == "percent":
            yield f"percent_{limit.period or f'{limit.window_s}s'}", [limit]


def _number(figure: str, text: str) -> float:
    most = MOST_USD if figure == "cost_today" else MOST_PERCENT
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise UsageError(f"{figure} is {text!r}; allowed: a number from 0 to {most:g}")
    return value


def _seen(limits: list[Limit], value: float, session: Session, name: str) -> list[Seen]:
    """Make a person's figure of each row it is about; a plan's window is that of its account."""
    now_ms, found = clock.now_ms(), []
    transports = session.config.providers[name].transports
    plans = dict.fromkeys(t.account for t in transports if t.billing == "subscription")
    for limit in limits:
        used = round(value * MICRO)
        if limit.metric != "cost_usd":
            used = math.ceil(round(limit.limit * value / 100, 6))
        for account in plans if limit.metric == "percent" else (None,):
            window = limit.metric, limit.window_s, limit.period
            found.append(Seen(*window, account, used, None, PERSON, now_ms))
    return found


def _show(session: Session, names: list[str], polled: list[Polled], *, as_json: bool) -> None:
    if not as_json and not screen.is_terminal(sys.stdout):
        return
    now_ms = clock.now_ms()
    known = session.rows(session.world(now_ms), now_ms)
    rows = {name: known[name] for name in names}
    if as_json:
        document = {
            "schema": SCHEMA,
            "timestamp": clock.iso(now_ms),
            "polled": [each._asdict() for each in polled],
            "providers": rows,
        }
        screen.data(document)
        return
    screen.out("\n".join(_table(rows, now_ms)))


def _table(rows: dict[str, list[Json]], now_ms: int) -> list[str]:
    """Draw a line for each row and the source that decides, and the others where they differ."""
    lines = [("provider", "row", "used", "source", "age")]
    for name, listed in rows.items():
        for row in listed:
            first = (name, phrases.row_name(row["row"]))
            told = sorted(row["sources"], key=lambda each: -each["used"])
            if row["used"] is None:
                lines.append((*first, "-", "unknown", "-"))
            elif not row["differ"]:
                told = [each for each in told if each["source"] != figures.OWN][:1] or told[:1]
            for each in told:
                age = phrases.age(now_ms - clock.parse(each["observed_at"]))
                lines.append((*first, _used(row, each), each["source"], age))
                first = ("", "")
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    ]


def _used(row: Json, figure: Json) -> str:
    if row["row"].startswith("cost_usd"):
        return f"${figure['used']:.2f}"
    return f"{figure['percent']:.0f}%"
