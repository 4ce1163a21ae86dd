"""The cost report (seed 001): a face for `lib cost-report`, with the project's packages found.

python3 lib/cost_report.py report|summary|provider-breakdown ...
from lib.cost_report import CostReportGenerator
"""

import glob
import os
import sys
from importlib.util import find_spec

_LIB = os.path.dirname(os.path.abspath(__file__))
_VENV = os.path.join(os.path.dirname(_LIB), ".venv")
_PYTHON = os.path.join(_VENV, "bin", "python")

if not (find_spec("click") and find_spec("duckdb")):
    ours = os.path.realpath(sys.prefix) == os.path.realpath(_VENV)
    if __name__ == "__main__" and not ours and os.access(_PYTHON, os.X_OK):
        words = [_PYTHON, "-I", "-X", "utf8", os.path.abspath(__file__), *sys.argv[1:]]
        os.execv(_PYTHON, words)  # noqa: S606 no shell is wanted
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sys.path += glob.glob(os.path.join(glob.escape(_VENV), "lib", version, "site-packages"))
sys.path.insert(0, _LIB)

from orchestrator.commands import console  # noqa: E402 found just now
from orchestrator.commands.cost_report import CostReport, CostReportGenerator  # noqa: E402

__all__ = ["CostReport", "CostReportGenerator"]

if __name__ == "__main__":
    console(["cost-report", *sys.argv[1:]])
