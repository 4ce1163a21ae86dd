"""The tables of a cost report as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from orchestrator.records import Json

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(tables: Mapping[str, list[Json]]) -> str:
    """Write one table, or several with a column `table` before all columns there are.

    Text that a spreadsheet would compute gets a quote before it; a missing value is empty.
    """
    several = len(tables) > 1
    columns = dict.fromkeys(name for rows in tables.values() for row in rows for name in row)
    names = ["table", *columns] if several else [*columns]
    file = io.StringIO()
    writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    for table, rows in tables.items():
        for row in rows:
            told = {name: _cell(value) for name, value in row.items()}
            writer.writerow({"table": table, **told} if several else told)
    return file.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA) and value != "-":
        return f"'{value}"
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
