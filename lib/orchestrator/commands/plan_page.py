"""The page of a plan, before anything runs: what goes where, how fast, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.commands import screen
from orchestrator.commands.phrases import clock_span
from orchestrator.commands.planning import Listed, Made, Share
from orchestrator.commands.recommendation import dollars, ruled, wrapped
from orchestrator.commands.screen import Paint
from orchestrator.decide import batching
from orchestrator.records import MICRO, Json
from orchestrator.work.plan import caps_of

KINDS = {"batch": "Batch", "prd": "PRD", "swarm": "Swarm"}
MOST_ROWS = 20  # nodes that are listed one by one
HEADS = ("", "Tasks", "At once", "Batches", "Expected", "Billed", "On a plan")


def expected_s(made: Made, caps: Mapping[str, int], parallel: int) -> float:
    """Expect how long it takes: no shorter than the work shared out, nor than its longest chain."""
    everything = sum(share.seconds for share in made.shares.values())
    each = [share.seconds / _at_once(n, caps, parallel) for n, share in made.shares.items()]
    return max([made.longest_s, everything / parallel, *each])


def drawn(made: Made, header: Json, titles: Mapping[str, str], paint: Paint, columns: int) -> str:
    """Draw the page; lines fit `columns` as far as words allow."""
    caps, parallel = caps_of(header), header["parallel"]
    rule, total = ruled(columns), Share()
    rows: list[tuple[str, ...]] = [HEADS]
    for name, share in sorted(made.shares.items(), key=lambda row: -row[1].tasks):
        rows.append(_row(titles.get(name, name), share, _at_once(name, caps, parallel)))
        total = total.plus(share)
    if len(made.shares) > 1:
        rows.append((*_row("All", total, parallel)[:2], str(parallel), "", *_row("", total, 1)[4:]))
    parts = [rule, paint("bold", f"  {KINDS[header['kind']]} {header['batch']}"), rule, ""]
    parts += _table(rows, columns)
    if made.nodes <= MOST_ROWS:
        parts += ["", *(line for row in made.listed for line in _listed(row, titles, columns))]
    took = clock_span(expected_s(made, caps, parallel))
    parts += ["", *wrapped(f"Expected to take about {took} with {parallel} at once", columns)]
    told = map(screen.harmless, notes(made, header))
    parts += [row for note in told for row in wrapped(note, columns)]
    parts += ["", rule]
    return "\n".join(parts)


def notes(made: Made, header: Json) -> list[str]:
    """Say what a person should know of budgets, repositories and waiting."""
    found = []
    ceiling = header["max_cost_micro_usd"]
    if ceiling is not None:
        found.append(f"Ceiling: {dollars(ceiling / MICRO)} for all of it (--max-cost)")
    left = batching.left_micro_usd(made.world.totals)
    spans = {"day": "today", "month": "this month"}
    if left:
        told = ", ".join(f"{dollars(v / MICRO)} left {spans.get(k, k)}" for k, v in left.items())
        found.append(f"Budgets: {told}")
    billed = sum(share.billed for share in made.shares.values())
    if billed > left.get("day", billed):
        after = "the rest waits for the next day" if header["wait"] else "the rest is deferred"
        found.append(f"Note: today's budget will not do for all of it; {after}")
    if made.trees:
        found.append(f"Edits: {_some(made.trees)}: each task in a worktree of its own")
    for name, why in made.in_place:
        found.append(f"Note: {name}: {why}: edits are made in place, one task at a time")
    of_head = "uncommitted work is not in the worktrees, which are of HEAD"
    found += [f"Note: {name}: {of_head}" for name in made.dirty]
    if sum(share.unpriced for share in made.shares.values()):
        found.append("Note: some models have no price: the sum is lower than the bill")
    return found


def _at_once(name: str, caps: Mapping[str, int], parallel: int) -> int:
    return max(1, min(parallel, caps.get(name) or parallel))


def _row(title: str, share: Share, at_once: int) -> tuple[str, ...]:
    return (
        title,
        f"{share.tasks:,}",
        str(at_once),
        f"{-(-share.tasks // at_once):,}",
        clock_span(share.seconds / at_once),
        dollars(share.billed / MICRO),
        dollars(share.on_plan / MICRO),
    )


def _table(rows: list[tuple[str, ...]], columns: int) -> list[str]:
    """Set rows in columns; the last ones are left out where there is no place for them."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    wanted = [0, 1, 5, 2, 4, 6, 3]  # most important first
    kept: list[int] = []
    for at in wanted:
        if sum(widths[each] + 2 for each in [*kept, at]) <= columns:
            kept.append(at)
    kept.sort()
    lines = []
    for row in rows:
        cells = [row[at].rjust(widths[at]) if at else row[at].ljust(widths[at]) for at in kept]
        lines.append("  ".join(cells).rstrip())
    return lines


def _listed(row: Listed, titles: Mapping[str, str], columns: int) -> list[str]:
    """Write a node: who does it, and after which others."""
    after = f" (after {', '.join(row.needs)})" if row.needs else ""
    to = f"{titles.get(row.provider, row.provider)} {row.model}, {row.agent}"
    return wrapped(screen.harmless(f"  {row.name}: {row.title}: {to}{after}"), columns)


def _some(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
