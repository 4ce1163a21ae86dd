"""Measure each subject in turn, or those that are named: figures, and what is aimed at."""

from __future__ import annotations

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import bench_batch
import bench_decision
import bench_journal
import bench_ledger
import bench_memory
import bench_polling
import bench_report
import bench_selection

SUBJECTS = {
    "decision": bench_decision.run,
    "selection": bench_selection.run,
    "ledger": bench_ledger.run,
    "journal": bench_journal.run,
    "polling": bench_polling.run,
    "memory": bench_memory.run,
    "report": bench_report.run,
    "batch": bench_batch.run,
}


def main(names: list[str]) -> None:
    """Run the subjects named, all of them when none is; exits with 2 for an unknown one."""
    unknown = sorted(set(names) - SUBJECTS.keys())
    if unknown:
        print(
            f"bench: {unknown[0]} is no subject; there are {', '.join(SUBJECTS)}", file=sys.stderr
        )
        sys.exit(2)
    for name in names or SUBJECTS:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        SUBJECTS[name]()
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
