"""The screen of a suggestion, drawn from its log line."""

from __future__ import annotations

from orchestrator.commands import phrases
from orchestrator.commands.recommendation import ruled, wrapped
from orchestrator.commands.screen import Paint
from orchestrator.records import Json

SHOWN = 200  # characters of the task


def drawn(line: Json, paint: Paint, columns: int) -> str:
    """Draw the short screen; lines fit `columns` as far as words allow."""
    rule = ruled(columns)
    name = line["repository"].rpartition("/")[2]
    task = " ".join(line["task_description"].split())
    task = task if len(task) <= SHOWN else f"{task[:SHOWN]}…"
    parts = [rule, paint("bold", "  Model Recommendation"), rule, ""]
    parts += wrapped(f"Repository: {name or '/'} ({line['repository_tier']})", columns)
    parts += wrapped(f"Task: {task}", columns)
    parts += wrapped(f"Complexity: {line['complexity_score']} ({_counted(line)})", columns)
    parts += ["", f"Recommended: {paint('bold', line['recommended_model'].upper())}"]
    parts += wrapped(f"  Model: {line['model']}", columns)
    if line["fallback_reason"]:
        parts += [
            paint("yellow", row) for row in wrapped(f"  ⚠️  {line['fallback_reason']}", columns)
        ]
    if line["all_blocked"]:
        parts += wrapped(f"  Reset: {_reset(line)}", columns)
    parts += ["", f"Usage and capacity (blocked at {line['block_at_percent']}%):"]
    for model, use in line["usage"].items():
        style, text = _used(model, use, line["block_at_percent"])
        parts += [paint(style, row) for row in wrapped(text, columns)]
    return "\n".join([*parts, "", rule])


def _counted(line: Json) -> str:
    """Tell what made the score, `check, status -2; 3 words -1; other repository 0`."""
    told = []
    for part in line["complexity_parts"]:
        what = f"{part['counted']} repository" if part["of"] == "repository" else part["counted"]
        told.append(f"{what} {part['points']:+d}" if part["points"] else f"{what} 0")
    return "; ".join(told)


def _used(name: str, use: Json, block_at: int) -> tuple[str, str]:
    """Return the style and the text of one model; 79.9% is not yet shown as 80%."""
    title = f"{name.title()}:".ljust(8)
    if use["percent"] is None:
        return "green", f"  {title}unknown ✅ Available (nobody told)"
    age = phrases.age(60_000 * use["age_minutes"])
    when = "now" if age == "now" else f"{age} ago"
    told = f"({phrases.row_name(use['row'])}, {use['source']}, {when})"
    share = int(use["percent"])
    if use["available"]:
        return "green", f"  {title}{share:>3}% ✅ Available, {block_at - share}% left {told}"
    until = f" until {use['retry_at']}" if use["retry_at"] else ""
    return "red", f"  {title}{share:>3}% ⛔ Blocked{until} {told}"


def _reset(line: Json) -> str:
    minutes = line["time_to_reset_minutes"]
    if minutes is None:
        return "not known"
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    span = " ".join(f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n)
    return f"in {span or '0 min'} ({line['usage'][line['recommended_model']]['retry_at']})"
