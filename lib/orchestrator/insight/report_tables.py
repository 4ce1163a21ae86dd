"""The tables of a report, each one query over the attempts and tasks that were chosen."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.insight.report_period import Period
from orchestrator.records import Json

if TYPE_CHECKING:
    import duckdb

RUN = """
SELECT
  CASE WHEN run_id IS DISTINCT FROM task_id THEN run_id END,
  session_id,
  strftime(CAST(make_timestamp(at_ms * 1000) AS DATE), '%Y-%m-%d')
FROM tasks ORDER BY at_ms DESC, task_id DESC LIMIT 1
"""
# A decision line that is there twice must not double what its attempts cost.
CHOSEN = """
CREATE TABLE chosen AS
SELECT * FROM tasks
WHERE CASE
  WHEN $run IS NOT NULL THEN run_id = $run
  WHEN $session IS NOT NULL THEN session_id = $session
  ELSE at_ms >= $from_ms AND at_ms < $to_ms END
  AND ($provider IS NULL
    OR task_id IN (SELECT task_id FROM usage WHERE provider = $provider AND task_id IS NOT NULL))
"""
ATTEMPTS = """
CREATE TABLE attempts AS
SELECT usage.*, once.agent, once.repository,
  NOT unpriced AND source IS DISTINCT FROM 'estimate'
    AND (coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0
      OR coalesce(cost, 0) + coalesce(notional, 0) = 0) AS comparable
FROM usage LEFT JOIN (
  SELECT task_id, any_value(agent) AS agent, any_value(repository) AS repository,
    any_value(run_id) AS run_id, any_value(session_id) AS session_id
  FROM tasks GROUP BY task_id
) AS once USING (task_id)
WHERE CASE
  WHEN $run IS NOT NULL THEN coalesce(once.run_id = $run, false)
  WHEN $session IS NOT NULL
    THEN coalesce(once.session_id = $session, utc_day = CAST($session_day AS DATE))
  ELSE day BETWEEN CAST($since AS DATE) AND CAST($until AS DATE) END
  AND ($provider IS NULL OR usage.provider = $provider)
"""
SUMS = """
  count(*) AS requests,
  count(DISTINCT task_id) AS tasks,
  count(*) FILTER (success) AS successful_requests,
  count(*) FILTER (NOT success) AS failed_requests,
  count(*) FILTER (fallback) AS fallbacks,
  count(*) FILTER (escalated_from IS NOT NULL) AS escalations,
  CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS input_tokens,
  CAST(coalesce(sum(cached_tokens), 0) AS BIGINT) AS cached_input_tokens,
  CAST(coalesce(sum(written_tokens), 0) AS BIGINT) AS cache_write_tokens,
  CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS output_tokens,
  coalesce(sum(cost), 0) AS cost_usd,
  coalesce(sum(notional), 0) AS cost_notional_usd,
  count(cost) = 0 AND bool_or(unpriced) AS cost_unknown,
  count(notional) = 0 AND bool_or(unpriced) AS notional_unknown,
  count(*) FILTER (unpriced) AS unpriced_requests,
  avg(latency_ms) AS average_latency_ms
FROM attempts
"""
BREAKDOWN = "SELECT {keys}, {sums} GROUP BY ALL ORDER BY {order}"
BY_COST = "cost_usd + cost_notional_usd DESC, requests DESC, KEYS"
STATUSES = "SELECT coalesce(status, '-'), count(*) FROM chosen GROUP BY ALL ORDER BY ALL"
UNPRICED = """
SELECT coalesce(provider, '-') AS provider, coalesce(model, '-') AS model, count(*) AS requests,
  CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS input_tokens,
  CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS output_tokens
FROM attempts WHERE unpriced GROUP BY ALL ORDER BY requests DESC, provider, model
"""
FELL_BACK = """
SELECT count(DISTINCT task_id), count(DISTINCT task_id) FILTER (fallback),
  count(DISTINCT task_id) FILTER (escalated_from IS NOT NULL)
FROM attempts
"""
ESCALATION_BY_TIER = """
SELECT tier, tasks, coalesce(escalated, 0) AS escalated_tasks FROM
  (SELECT tier, count(DISTINCT task_id) AS tasks FROM
    (SELECT tier, task_id FROM attempts
     UNION ALL SELECT escalated_from, task_id FROM attempts)
   WHERE tier IS NOT NULL GROUP BY ALL)
LEFT JOIN
  (SELECT escalated_from AS tier, count(DISTINCT task_id) AS escalated
   FROM attempts WHERE escalated_from IS NOT NULL GROUP BY ALL)
USING (tier) ORDER BY tier
"""
ESCALATION_BY_COMPLEXITY = """
SELECT band || '-' || (band + 1) AS complexity, count(*) AS tasks,
  count(*) FILTER (escalated) AS escalated_tasks, count(*) FILTER (delivered) AS successful_tasks
FROM (
  SELECT CAST(least(floor(max(complexity)), 9) AS INTEGER) AS band,
    bool_or(escalated_from IS NOT NULL) AS escalated, bool_or(success) AS delivered
  FROM attempts WHERE complexity IS NOT NULL AND task_id IS NOT NULL GROUP BY task_id
) GROUP BY band ORDER BY band
"""
ESTIMATES = """
SELECT coalesce(provider, '-') AS provider, count(*) AS tasks,
  sum(estimate) AS estimated_usd, sum(actual) AS actual_usd
FROM chosen
WHERE estimate IS NOT NULL AND actual IS NOT NULL AND status IN ('success', 'failed', 'interrupted')
GROUP BY ALL ORDER BY actual_usd DESC, provider
"""
SIMPLE_ON_DEARER = """
SELECT count(DISTINCT task_id), count(DISTINCT task_id) FILTER (tier IS NOT NULL AND tier <> $tier)
FROM attempts WHERE complexity < $below AND escalated_from IS NULL AND NOT fallback
"""
SPENT = """
SELECT coalesce(sum(cost) FILTER (day = CAST($today AS DATE)), 0), coalesce(sum(cost), 0)
FROM usage WHERE day BETWEEN CAST($month || '-01' AS DATE) AND CAST($today AS DATE)
"""
BY_ACCOUNT = """
SELECT coalesce(sum(cost), 0) FROM usage
WHERE account = $account AND utc_day BETWEEN CAST($since AS DATE) AND CAST($until AS DATE)
"""
NEWEST = "SELECT strftime(max(day), '%Y-%m-%d') FROM usage"


class Breakdown(NamedTuple):
    """One table by something: its key columns with their expressions, and its order."""

    keys: dict[str, str]
    order: str = BY_COST


BREAKDOWNS = {
    "by_provider": Breakdown({"provider": "provider"}),
    "by_model": Breakdown({"provider": "provider", "model": "model"}),
    "by_tier": Breakdown({"tier": "tier"}),
    "by_agent": Breakdown({"agent": "agent"}),
    "by_repository": Breakdown({"repository": "repository"}),
    "by_day": Breakdown({"day": "strftime(day, '%Y-%m-%d')"}, "KEYS"),
    "by_provider_and_role": Breakdown({"provider": "provider", "role": "role"}),
}


class Scope(NamedTuple):
    """What a report is about."""

    period: Period
    from_ms: int
    to_ms: int
    provider: str | None = None
    run: tuple[str | None, str | None, str | None] | None = None  # run_id, or session and its day


def newest_run(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[str | None, str | None, str | None] | None:
    """Find the run of the newest task: its `run_id` where it has one of its own, else its session.

    None when there is no task.
    """
    row = connection.execute(RUN).fetchone()
    return None if row is None else (row[0], None if row[0] else row[1], row[2])


def choose(connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    """Keep the tasks and attempts a report is about."""
    run, session, session_day = scope.run or (None, None, None)
    both = {"run": run, "session": session, "provider": scope.provider}
    times = {"from_ms": scope.from_ms, "to_ms": scope.to_ms}
    connection.execute(CHOSEN, {**both, **times})
    days = {"since": scope.period.since, "until": scope.period.until, "session_day": session_day}
    connection.execute(ATTEMPTS, {**both, **days})


def breakdown(connection: duckdb.DuckDBPyConnection, table: Breakdown) -> list[Json]:
    """Draw one table by something; what lines do not tell is `-`."""
    keys = ", ".join(f"coalesce({e}, '-') AS {name}" for name, e in table.keys.items())
    order = table.order.replace("KEYS", ", ".join(table.keys))
    return rows(connection, BREAKDOWN.format(keys=keys, sums=SUMS, order=order))


def totals(connection: duckdb.DuckDBPyConnection) -> Json:
    """Sum all attempts."""
    return rows(connection, f"SELECT {SUMS}")[0]


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, given: Json | None = None
) -> list[Json]:
    """Run a query and return its rows by the names of their columns."""
    done = connection.execute(query, given or {})
    names = [column[0] for column in done.description]
    return [dict(zip(names, row, strict=True)) for row in done.fetchall()]


def spent(connection: duckdb.DuckDBPyConnection, today: str) -> tuple[Decimal, Decimal]:
    """Tell what was billed today and this month, over all providers, in USD."""
    row = connection.execute(SPENT, {"today": today, "month": today[:7]}).fetchone() or (0, 0)
    return Decimal(row[0]), Decimal(row[1])


def finished(row: Json, value: Decimal) -> Json:
    """Make a row of sums what a report shows: money as USD, rates in percent.

    `value` is what all rows together are worth; what is not known at all is None, never 0.
    """
    row = dict(row)
    cost, notional = row["cost_usd"], row["cost_notional_usd"]
    unknown = row.pop("cost_unknown"), row.pop("notional_unknown")
    latency = row["average_latency_ms"]
    return {
        **row,
        "cost_usd": None if unknown[0] else usd(cost),
        "cost_notional_usd": None if unknown[1] else usd(notional),
        "share_percent": None if any(unknown) else percent(cost + notional, value),
        "success_percent": percent(row["successful_requests"], row["requests"]),
        "average_latency_ms": None if latency is None else round(latency, 1),
    }


def usd(amount: Decimal) -> float:
    """Round an amount to whole micro-USD; only here does money become a float."""
    return float(round(amount, 6))


def percent(part: float | Decimal, whole: float | Decimal) -> float | None:
    """Tell a share in percent, None of nothing."""
    return round(100 * float(part) / float(whole), 2) if whole else None
