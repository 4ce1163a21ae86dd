"""Logs of a test's own, and the report that is made of them."""

import json

import world
from world import NOW_MS

from orchestrator import clock
from orchestrator.insight import report, report_period
from orchestrator.state.journal import DECISIONS, USAGE

DAY_MS = 86_400_000
OLD = (  # what lines lacked that were written before there were tiers
    "tier",
    "escalated_from",
    "cache_write_tokens",
)


def usage(task="t1", at_ms=NOW_MS, **changes):
    """Make a usage line as it is logged."""
    return {
        "schema": 1,
        "timestamp": clock.iso(at_ms),
        "attempt_id": f"{task}-1",
        "task_id": task,
        "role": None,
        "provider": "codex",
        "model": "codex-medium",
        "account": "openai",
        "billing": "metered",
        "complexity": 4.0,
        "requests": 1,
        "input_tokens": 1000,
        "output_tokens": 100,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 0.0012,
        "cost_notional_usd": 0.0,
        "cost_source": "tokens",
        "booked_day": clock.iso(at_ms)[:10],
        "latency_ms": 1500,
        "success": True,
        "fallback_used": False,
        "tier": "medium",
        "escalated_from": None,
        **changes,
    }


def plan(task="t1", usd=0.5, **changes):
    """Make a usage line of a subscription."""
    money = {"billing": "subscription", "cost_usd": 0.0, "cost_notional_usd": usd}
    return usage(task, **{**money, **changes})


def unpriced(task="t1", **changes):
    return usage(task, cost_usd=None, cost_source="unpriced", model="mystery", **changes)


def decision(task="t1", at_ms=NOW_MS, status="success", **changes):
    """Make a decision line as far as a report reads it; `changes` go to the outermost level."""
    line = {
        "schema": 1,
        "timestamp": clock.iso(at_ms),
        "session_id": f"session-{clock.iso(at_ms)[:10]}",
        "task_id": task,
        "run_id": task,
        "repository": "/home/me/project",
        "task_classification": {"complexity": 4.0, "tier": "medium", "all_scores": {"codex": 1}},
        "recommendation": {"cost_estimate": 0.002, "agent_assigned": "coder"},
        "execution_metrics": {
            "status": status,
            "provider": "codex",
            "cost_actual": 0.0012,
            "cost_notional_usd": 0.0,
        },
    }
    return {**line, **changes}


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def logs(folder, used, decided=None):
    """Write both logs; a decision line for each task when none are given."""
    tasks = dict.fromkeys(line["task_id"] for line in used if line.get("task_id"))
    write(folder / USAGE, used)
    write(folder / DECISIONS, [decision(t) for t in tasks] if decided is None else decided)
    return folder


def made(folder, days=7, config=None, now_ms=NOW_MS, **wanted):
    """Make the report of a folder."""
    config = config or world.config()
    zone = config.settings["zone"]
    period = wanted.pop("period", None) or report_period.last_days(days, now_ms, zone)
    return report.made(config, report.Wanted(str(folder), period, **wanted), now_ms)


def of(tmp_path, used, decided=None, **wanted):
    """Make the report of these lines."""
    return made(logs(tmp_path / "my logs", used, decided), **wanted)
