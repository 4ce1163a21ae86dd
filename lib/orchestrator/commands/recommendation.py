"""The screen of a decision, drawn from its log line (seed 002, section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.commands.screen import Paint
from orchestrator.records import Json

NARROWEST, WIDEST = 44, 80
FEW = 1.0
QUEUED = "queued: scripts/run_deferred.sh runs it when there is room"


def drawn(line: Json, titles: Mapping[str, str], paint: Paint, columns: int) -> str:
    """Draw the short screen; lines fit `columns` as far as words allow."""
    rule = ruled(columns)
    classes, chosen = line["task_classification"], line["recommendation"]
    states = line["provider_state_at_recommendation"]
    parts = [rule, paint("bold", "  Multi-Provider Recommendation"), rule, ""]
    parts += ["Task Classification:", *_classification(classes, titles), ""]
    provider = chosen["provider"]
    parts.append(f"Recommended Provider: {paint('bold', provider.upper())}")
    style, available = _availability(provider, line)
    parts += [paint(style, row) for row in wrapped(f"  {available}", columns)]
    parts += wrapped(f"  {_way(chosen)}", columns)
    if chosen["provider_reason"] != "primary available":
        parts += wrapped(f"  Why: {chosen['provider_reason']}", columns)
    parts += ["", *_money(chosen, states[provider])]
    parts += [*_budgets(line["budgets"], columns), ""]
    if chosen["alternatives"]:
        parts += ["Alternatives:", *_alternatives(chosen, states, titles, columns), ""]
    agent, about = chosen["agent_assigned"], chosen["agent_specialization"]
    selected = "\n".join(wrapped(f"Agent Selected: {agent} (specialization: {about})", columns))
    parts.append(selected.replace(agent, paint("bold", agent), 1))
    for note in chosen["notes"]:
        parts += [paint("yellow", row) for row in wrapped(f"Note: {note}", columns)]
    parts += ["", rule]
    return "\n".join(parts)


def explained(line: Json, task: str, titles: Mapping[str, str], columns: int) -> str:
    """Tell which words counted where, and which candidates fell out and why."""
    classes, parts = line["task_classification"], ["Words that counted:"]
    for match in classes["matched"]:
        row, column = _place(task, match["start"])
        word = "" if match["word"] == match["keyword"] else f" (as {match['keyword']})"
        points = f"{match['points']:+d} {titles.get(match['provider'], match['provider'])}"
        parts.append(f"  {row}:{column:<4} {match['word']}{word}: {match['kind']}, {points}")
    if not classes["matched"]:
        parts.append("  none")
    raw = ", ".join(f"{titles.get(n, n)} {v:+d}" for n, v in classes["raw_scores"].items())
    parts.append(f"Raw scores, length rules included: {raw}")
    parts.append(f"Complexity {classes['complexity']:g} of 10: tier {classes['tier']}")
    chosen = line["recommendation"]
    parts += [f"Rule {r['name']}: {r['effect']}, {r['reason']}" for r in chosen["rules"]]
    parts.append(f"Strategy {chosen['strategy']}: model {chosen['model']}, tier {chosen['tier']}")
    parts.append("Candidates:")
    for name, state in line["provider_state_at_recommendation"].items():
        why = "in" if state["available"] else f"out, {state['block_reason']}"
        until = f", until {state['retry_at']}" if state["retry_at"] else ""
        parts.append(f"  {titles.get(name, name)}: {why}{until}")
    parts.append(f"Chosen: {chosen['provider']}, {chosen['provider_reason']}")
    parts.append(f"Agent: {chosen['agent_assigned']}, {chosen['agent_reason']}")
    return "\n".join(row for part in parts for row in wrapped(part, columns))


def question(line: Json, titles: Mapping[str, str]) -> str:
    """Ask whether to go on."""
    chosen = line["recommendation"]
    name = titles.get(chosen["provider"], chosen["provider"])
    return f"Proceed with {name} via {chosen['agent_assigned']} agent? (y/n): "


def dollars(amount: float | None) -> str:
    """Write money for people: cents, or four digits where cents would hide it."""
    if amount is None:
        return "unpriced"
    return f"${amount:.4f}" if 0 < amount < 0.01 else f"${amount:.2f}"


def ruled(columns: int) -> str:
    """Draw the rule above and below a screen."""
    return "═" * max(NARROWEST, min(columns - 1, WIDEST))


def wrapped(line: str, columns: int) -> list[str]:
    """Break a line at spaces so that it fits, what follows indented by four."""
    rows = []
    while len(line) >= columns:
        at = line.rfind(" ", 6, columns - 1)
        if at < 0:
            break
        rows.append(line[:at])
        line = "    " + line[at + 1 :]
    return [*rows, line]


def _classification(classes: Json, titles: Mapping[str, str]) -> list[str]:
    def scored(name: str) -> str:
        return f"{titles.get(name, name)} ({classes['all_scores'][name]}%)"

    unclear = "" if classes["clear_match"] else ", no clear match"
    lines = [f"  Primary:    {scored(classes['primary_provider'])}{unclear}"]
    if classes["fallback_chain"]:
        lines.append("  Fallbacks:  " + ", ".join(scored(n) for n in classes["fallback_chain"]))
    return lines


def _availability(provider: str, line: Json) -> tuple[str, str]:
    """Return the style and the text."""
    state = line["provider_state_at_recommendation"][provider]
    if state["available"]:
        return "green", f"✅ Available ({capacity(state)})"
    if state["block_kind"] == "readiness":
        return "yellow", f"⚠️  Not ready: {state['block_reason']}"
    until = f", until {state['retry_at']}" if state["retry_at"] else ""
    return "red", f"⛔ Blocked: {state['block_reason']}{until}"


def capacity(state: Json) -> str:
    """Write the fullest of a provider's rates, `72% capacity`."""
    known = [p for p in (state["requests_percent"], state["tokens_percent"]) if p is not None]
    fullest = max(known, default=0.0)
    return f"{fullest:.1f}% capacity" if 0 < fullest < FEW else f"{fullest:.0f}% capacity"


def _way(chosen: Json) -> str:
    access = {"none": "cannot see files", "read": "read-only", "edit": "may edit files"}
    way = f", {chosen['transport']}, {access[chosen['access']]}" if chosen["transport"] else ""
    return f"Model: {chosen['model']} ({chosen['tier']}{way})"


def _money(chosen: Json, state: Json) -> list[str]:
    plan = " (on your plan, nothing billed)" if chosen["billing"] == "subscription" else ""
    lines = [f"Cost Estimate: {dollars(chosen['cost_estimate'])}{plan}"]
    budget = state["daily_budget"]
    if budget is not None:
        share = 100 * state["cost_today"] / budget if budget else 100
        lines.append(f"Daily Budget: {dollars(state['cost_today'])} / ${budget:.2f} ({share:.1f}%)")
    return lines


def _budgets(budgets: Json, columns: int) -> list[str]:
    """Write what is spent of the budgets over all providers."""
    spans = {"day": "today", "month": "this month"}
    parts = [
        f"{dollars(row['spent_usd'])} / ${row['limit_usd']:.2f} {spans[period]}"
        for period, row in budgets.items()
    ]
    return wrapped(f"All Providers: {', '.join(parts)}", columns) if parts else []


def _alternatives(chosen: Json, states: Json, titles: Mapping[str, str], columns: int) -> list[str]:
    rows, several = chosen["alternatives"], chosen["strategy"] == "cheapest"
    names = [titles.get(row["provider"], row["provider"]) for row in rows]
    if several:  # models of one provider
        names = [f"{n} {row['model'] or ''}".rstrip() for n, row in zip(names, rows, strict=True)]
    width = max(map(len, names))
    lines = []
    for name, row in zip(names, rows, strict=True):
        state = states[row["provider"]]
        why = capacity(state) if row["available"] else row["reason"]
        cost = dollars(row["cost"]) if row["model"] else "-"
        lines += wrapped(f"  {name:<{width}}  {cost:>8}  ({why})", columns)
    return lines


def _place(task: str, offset: int) -> tuple[int, int]:
    before = task[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
