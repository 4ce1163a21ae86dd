"""Rows 10 to 12: kill -9 at any system call, during a call, and of the holder of a lock."""

import pytest
from sweeping import EVERY, Sweep

# Where the task dies from whose files the recovery begins: the step is not made.
SECOND_OUTCOME, LAST_LINE = 8, 12
WORKS = {"a task": ("run", None), "a call to settle": ("recover", SECOND_OUTCOME),
         "a line to write": ("recover", LAST_LINE)}  # fmt: skip
FAULTS = {
    "kill -9": "signal=SIGKILL",
    "no space": "error=ENOSPC",
    "an I/O error": "error=EIO",
}
ALL = [pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(1800)], id="every call")]


@pytest.mark.parametrize("every", [pytest.param(EVERY, id="every 20th call"), *ALL])
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("fault", FAULTS)
def test_rows_01_12_a_call_that_fails_loses_nothing(tmp_path, server, driver, fault, work, every):
    sweep = Sweep(tmp_path, server, driver, *WORKS[work])
    wrong = [
        f"{name} number {k}: {told}"
        for name, k in sweep.points(every=every)
        if (told := sweep.wrong(FAULTS[fault], name, k))
    ]
    assert not wrong, "\n".join(wrong)
