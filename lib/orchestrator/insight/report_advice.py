"""What a report recommends, from the document it is made into (seed 001, strategies 1 to 3).

Its thresholds are those of seed 001: "troubleshooting common issues" and the detailed cost report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.decide import budgets
from orchestrator.records import MICRO, Json, Total

GOOD, WARNING = "good", "warning"
HIGH_RATE = 30.0  # percent of tasks that fell back or climbed
LEAST_CHEAP, MOST_POWERFUL = 20.0, 60.0  # percent of requests
LEAST_SAVED = 20.0  # percent
FEW = 5  # tasks: of fewer, a share says nothing


def advice(document: Json, found: Sequence[Total], tiers: Sequence[str]) -> Iterator[Json]:
    """Yield recommendations, each `{kind, level, text}`."""
    for total in found:
        yield from _budget(total, document["budgets"][total.budget.row.period])
    if document["unpriced_requests"]:
        names = ", ".join(f"{row['provider']}/{row['model']}" for row in document["unpriced"])
        text = f"{_calls(document['unpriced_requests'])} could not be priced: add {names}"
        yield _made("unpriced", WARNING, f"{text} to the prices; its cost is in no sum")
    if document["tasks_run"] >= FEW:
        yield from _rates(document)
        yield from _tiers(document, tiers)
        yield from _saved(document)


def _budget(total: Total, shown: Json) -> Iterator[Json]:
    """Tell of the last threshold that was come to, and of the next that is coming."""
    row, period = total.budget.row, total.budget.row.period
    share = budgets.percent(total.spent, row.limit)
    reached = budgets.reached(total.budget.thresholds, share)
    if reached:
        text = f"the {period}'s budget is at {share:.0f} %: {_advice(reached[-1].advice)}"
        yield _made("budget", WARNING, text)
    acting = [t for t in total.budget.thresholds if t.action != budgets.ACTIONS[0]]
    coming = [t for t in acting if share < t.percent]
    ends = budgets.percent(round(shown["projected_usd"] * MICRO), row.limit)
    if coming and ends >= coming[0].percent:
        passed = [t for t in coming if ends >= t.percent][-1]
        text = f"the {period}'s budget comes to {passed.percent:g} % before it is over"
        yield _made("projection", WARNING, f"{text}: {_advice(passed.advice)}")


def _advice(text: str) -> str:
    return text[:1].lower() + text[1:] if text else "see config/budgets.json"


def _rates(document: Json) -> Iterator[Json]:
    fallback = document["fallback_percent"] or 0.0
    if fallback > HIGH_RATE:
        worst = max(document["by_provider"], key=lambda row: row["failed_requests"])
        text = f"{fallback:.0f} % of the tasks fell back to another route"
        yield _made("fallback", WARNING, f"{text}; look at {worst['provider']} first: make doctor")
    for row in document["escalation_by_tier"]:
        if row["tasks"] >= FEW and (row["escalated_percent"] or 0.0) > HIGH_RATE:
            text = (
                f"{row['escalated_percent']:.0f} % of the tasks on the tier {row['tier']} climbed"
            )
            yield _made("escalation", WARNING, f"{text}; lower its 'below' in settings.tiers")


def _tiers(document: Json, tiers: Sequence[str]) -> Iterator[Json]:
    known = {row["tier"]: row["requests"] for row in document["by_tier"] if row["tier"] in tiers}
    whole = sum(known.values())
    if not whole or len(tiers) < 2:
        return
    share = {tier: 100 * known.get(tier, 0) / whole for tier in tiers}
    cheap, powerful = tiers[0], tiers[-1]
    if share[cheap] >= LEAST_CHEAP and share[powerful] <= MOST_POWERFUL:
        shown = ", ".join(f"{tier}: {share[tier]:.0f} %" for tier in tiers)
        yield _made("tiers", GOOD, f"good tier distribution ({shown})")
    if share[powerful] > MOST_POWERFUL:
        text = f"{share[powerful]:.0f} % of the requests went to the tier {powerful}"
        yield _made("tiers", WARNING, f"{text}; see whether complexity is overestimated: --explain")
    simple, dearer = document["simple_tasks"], document["simple_tasks_on_dearer_tiers"]
    if simple >= FEW and 100 * dearer / simple > LEAST_CHEAP:
        text = f"{dearer} of {simple} simple tasks began on a dearer tier than {cheap}"
        yield _made("tiers", WARNING, f"{text}; consider models of that tier for them")


def _saved(document: Json) -> Iterator[Json]:
    savings = document["savings"]
    if savings and savings["savings_percent"] is not None:
        saved = savings["savings_percent"]
        if saved < LEAST_SAVED:
            text = f"{saved:.0f} % was saved against {savings['baseline_model']} alone"
            yield _made("savings", WARNING, f"{text}; enable more models of the cheaper tiers")


def _made(kind: str, level: str, text: str) -> Json:
    return {"kind": kind, "level": level, "text": text}


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"
