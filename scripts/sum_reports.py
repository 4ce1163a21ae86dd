"""Sum the reports of the test phases into one line, "N passed, N failed".

Each argument is STATUS:REPORT, the exit status of a phase and its report's path (or nothing).
A phase that failed without a report, or with one that names no failed test, counts as one failure:
the line never says "0 failed" after a failed phase.
"""

import re
import sys
from typing import NamedTuple
from xml.etree import ElementTree as ET


class Count(NamedTuple):
    """How many tests of a phase passed, and how many failed; skipped ones count as neither."""

    passed: int
    failed: int


def read_junit(path: str) -> Count:
    """Count the test cases of pytest's report; ParseError when it was cut off."""
    passed = failed = 0
    for case in ET.parse(path).iter("testcase"):  # noqa: S314  # written by our own test run
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" not in outcomes:
            passed += 1
    return Count(passed, failed)


def read_tap(path: str) -> Count:
    """Count the result lines of bats (testanything.org); planned tests without one have failed."""
    passed = failed = skipped = planned = 0
    with open(path, encoding="utf-8", errors="replace") as report:
        for line in report:
            if plan := re.match(r"1\.\.(\d+)$", line):
                planned = int(plan[1])
            elif re.match(r"not ok \d+ ", line):
                failed += 1
            elif re.match(r"ok \d+ .*# skip\b", line):
                skipped += 1
            elif re.match(r"ok \d+ ", line):
                passed += 1
    return Count(passed, failed + max(0, planned - passed - failed - skipped))


def count_phase(status: int, path: str) -> Count:
    """Count one phase; its exit status has the last word on whether it failed."""
    count = Count(0, 0)
    unreadable = False
    if path:
        try:
            count = read_tap(path) if path.endswith(".tap") else read_junit(path)
        except (OSError, ET.ParseError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            unreadable = True
    if (status or unreadable) and not count.failed:
        return count._replace(failed=1)
    return count


def main(arguments: list[str]) -> int:
    """Print the line; 1 when anything failed."""
    phases = [argument.split(":", 1) for argument in arguments]
    counts = [count_phase(int(status), path) for status, path in phases]
    failed = sum(count.failed for count in counts)
    print(f"{sum(count.passed for count in counts)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
