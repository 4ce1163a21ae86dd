"""The logs as two tables in memory, `usage` and `tasks`; the only code that opens DuckDB.

Money is DECIMAL with twelve digits behind the point, read from the text of the number: sums of it
are exact. A line that is unsound ends the report, also one of a day that was not asked for.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.decide.lines import SCHEMA
from orchestrator.errors import StorageError, UnsoundLogError
from orchestrator.insight import report_log
from orchestrator.insight.report_fields import FIELDS, MOST_COUNT, MOST_USD
from orchestrator.state.journal import DECISIONS, USAGE
from orchestrator.state.logfile import MAX_LINE

if TYPE_CHECKING:
    import duckdb

MOST_THREADS = 4  # each holds a buffer of twice the longest line
MEMORY = "160MB"  # beyond that tables go to a temporary folder
TRIES = 3

TABLES = """
ATTACH ':memory:' AS books (COMPRESS);
USE books;
CREATE TABLE usage (
  at_ms BIGINT, day DATE, utc_day DATE, task_id VARCHAR, role VARCHAR, provider VARCHAR,
  model VARCHAR, tier VARCHAR, escalated_from VARCHAR, account VARCHAR, billing VARCHAR,
  complexity DOUBLE, requests BIGINT, input_tokens BIGINT, output_tokens BIGINT,
  cached_tokens BIGINT, written_tokens BIGINT, cost DECIMAL(18,12), notional DECIMAL(18,12),
  source VARCHAR, unpriced BOOLEAN, latency_ms DOUBLE, success BOOLEAN, fallback BOOLEAN
);
CREATE TABLE tasks (
  at_ms BIGINT, task_id VARCHAR, run_id VARCHAR, session_id VARCHAR, repository VARCHAR,
  agent VARCHAR, complexity DOUBLE, tier VARCHAR, provider VARCHAR, status VARCHAR,
  estimate DECIMAL(18,12), actual DECIMAL(18,12)
);
"""
USAGE_ROWS = """
INSERT INTO usage
SELECT
  epoch_ms(CAST(timestamp AS TIMESTAMP)),
  coalesce(
    CAST(booked_day AS DATE),
    CAST(timezone($zone, timezone('UTC', CAST(timestamp AS TIMESTAMP))) AS DATE)
  ) AS day,
  CAST(CAST(timestamp AS TIMESTAMP) AS DATE),
  task_id, role, provider, model, tier, escalated_from, account, billing,
  CAST(CAST(complexity AS VARCHAR) AS DOUBLE),
  whole(requests), whole(input_tokens), whole(output_tokens),
  whole(cached_input_tokens), whole(cache_write_tokens),
  usd(cost_usd), usd(cost_notional_usd), cost_source,
  coalesce(cost_source = 'unpriced', false)
    OR (cost_usd IS NULL AND coalesce(usd(cost_notional_usd), 0) = 0),
  CAST(CAST(latency_ms AS VARCHAR) AS DOUBLE),
  coalesce(success, false), coalesce(fallback_used, false)
FROM {lines}
WHERE CASE WHEN {unsound} THEN error('unsound') ELSE day >= CAST($from_day AS DATE) END
"""
TASK_ROWS = """
INSERT INTO tasks
SELECT
  epoch_ms(CAST(timestamp AS TIMESTAMP)) AS at_ms,
  task_id, run_id, session_id, repository, recommendation.agent_assigned,
  CAST(CAST(task_classification.complexity AS VARCHAR) AS DOUBLE), task_classification.tier,
  execution_metrics.provider, execution_metrics.status,
  usd(recommendation.cost_estimate),
  CASE WHEN coalesce(whole(execution_metrics.unpriced_attempts), 0) = 0
    THEN usd(execution_metrics.cost_actual)
      + coalesce(usd(execution_metrics.cost_notional_usd), 0) END
FROM {lines}
WHERE CASE WHEN {unsound} THEN error('unsound') ELSE at_ms >= $from_ms END
"""
MACROS = """
CREATE MACRO whole(number) AS CAST(CAST(CAST(number AS VARCHAR) AS DOUBLE) AS BIGINT);
CREATE MACRO usd(number) AS CAST(CAST(number AS VARCHAR) AS DECIMAL(18,12));
CREATE MACRO outside(number, most) AS number IS NOT NULL
  AND NOT coalesce(TRY_CAST(CAST(number AS VARCHAR) AS DOUBLE) BETWEEN 0 AND most, false);
"""
TYPES = {"moment": "VARCHAR", "day": "VARCHAR", "text": "VARCHAR", "flag": "BOOLEAN"}
UNSOUND = {
    "schema": f"outside({{0}}, {SCHEMA})",
    "moment": "TRY_CAST({0} AS TIMESTAMP) IS NULL",
    "day": "({0} IS NOT NULL AND TRY_CAST({0} AS DATE) IS NULL)",
    "number": f"outside({{0}}, {MOST_COUNT})",
    "count": f"outside({{0}}, {MOST_COUNT})",
    "money": f"outside({{0}}, {MOST_USD})",
}


@contextlib.contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory with both tables; nothing of it stays.

    Raises StorageError without DuckDB.
    """
    try:
        import duckdb  # 70 ms: only a report pays
    except ImportError as error:
        raise StorageError("the Python package duckdb is missing; run 'make setup'") from error

    with tempfile.TemporaryDirectory(prefix="orchestrate-report-") as spill:
        settings = {
            "threads": str(max(1, min(MOST_THREADS, os.cpu_count() or 1))),
            "memory_limit": MEMORY,
            "temp_directory": spill,
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        with duckdb.connect(config=settings) as connection:  # type: ignore[arg-type]
            connection.execute(TABLES + MACROS)
            yield connection


def usage(connection: duckdb.DuckDBPyConnection, path: str, zone: str, from_day: str) -> list[str]:
    """Read the attempts booked on a day or later; returns the files read.

    Raises UsageError when the log has no line, UnsoundLogError and StorageError.
    """
    read = _log(connection, path, USAGE, USAGE_ROWS, {"zone": zone, "from_day": from_day})
    if not read:
        raise report_log.missing(path)
    return read


def tasks(connection: duckdb.DuckDBPyConnection, path: str, from_ms: int) -> list[str]:
    """Read the tasks decided at a moment or later; returns the files read, none where none is.

    Raises UnsoundLogError and StorageError.
    """
    return _log(connection, path, DECISIONS, TASK_ROWS, {"from_ms": from_ms})


def _log(
    connection: duckdb.DuckDBPyConnection, path: str, log: str, rows: str, given: dict[str, object]
) -> list[str]:
    with report_log.parts(path) as parts:
        for part in parts:
            _part(connection, part, log, rows, given)
        return [part.path for part in parts]


def _part(
    connection: duckdb.DuckDBPyConnection,
    part: report_log.Part,
    log: str,
    rows: str,
    given: dict[str, object],
) -> None:
    """Read one file; once more when its last line was being written."""
    import duckdb

    text = rows.format(lines=_lines(log), unsound=_unsound(log))
    given = {**given, "file": part.opened, "compression": part.compression}
    reason = ""
    for _ in range(TRIES):
        try:
            connection.execute(text, given)
            return
        except duckdb.Error as error:
            reason = " ".join(str(error).partition("\n")[0].split())
        report_log.look_for_fault(log, part)
    raise UnsoundLogError(f"{part.path}: can't be read ({reason}); move it away")


def _lines(log: str) -> str:
    """Write the table function that reads the fields of a log, and nothing else of its lines."""
    columns: dict[str, str] = {}
    for path, kind in FIELDS[log].items():
        outer, _, inner = path.rpartition(".")
        column = f"{inner} {TYPES.get(kind, 'JSON')}" if outer else TYPES.get(kind, "JSON")
        name = outer or inner
        columns[name] = f"{columns[name]}, {column}" if name in columns else column
    listed = ", ".join(
        f"{name}: '{f'STRUCT({types})' if ' ' in types else types}'"
        for name, types in columns.items()
    )
    return (
        f"read_ndjson($file, columns={{{listed}}}, compression=$compression, "
        f"maximum_object_size={MAX_LINE})"
    )


def _unsound(log: str) -> str:
    """Write the condition that holds for a line with a value that may not be there."""
    tests = (UNSOUND[kind].format(path) for path, kind in FIELDS[log].items() if kind in UNSOUND)
    return "\n  OR ".join(tests)
