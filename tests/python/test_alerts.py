"""Alerts of budgets: once each, also when several processes tell them."""

import world
from world import MICRO, provider

from orchestrator import clock
from orchestrator.decide import limits
from orchestrator.insight import alerts
from orchestrator.records import Budget, Limit, Threshold, Turn
from orchestrator.state import logfile
from orchestrator.state.journal import ALERTS, Journal
from orchestrator.state.ledger import Ledger

PAYER = limits.Payer("account", "m", metered=True)


def budget(period):
    row = Limit("cost_usd", None, period, 10 * MICRO, 100.0, "total")
    return Budget(row, (Threshold(50.0, "log_warning", "wait"),))


def test_what_others_told_meanwhile_is_not_told_again(tmp_path):
    state, log, told = str(tmp_path / "state"), Journal(str(tmp_path / "logs"), fsync=False), []
    day, month = (
        world.config(provider("codex"))._replace(budgets=(budget(period),))
        for period in ("day", "month")
    )
    ledger = Ledger(state, day, log.folder)
    ledger.reserve("a", "codex", Turn(1, 1, 6 * MICRO), PAYER)
    ledger.settle("a", "codex", Turn(1, 1, 6 * MICRO))
    for view in (day, month, day, month):  # each knows of one budget alone
        alerts.raised(state, log, view, told.append, clock.now_ms())
    assert len(list(logfile.complete_lines(log.path(ALERTS)))) == 2
    assert [line for line in told if "budget at" in line] == [
        "⚠️  WARNING: Daily budget at 60% ($6.00 / $10.00)",
        "⚠️  WARNING: Monthly budget at 60% ($6.00 / $10.00)",
    ]
