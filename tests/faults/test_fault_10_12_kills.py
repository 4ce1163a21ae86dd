"""Rows 10 to 12: kill -9 at any system call, during a call, and of the holder of a lock."""

import shutil

import pytest
from killing import upstream
from sweeping import EVERY, Driver, Sweep

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


@pytest.fixture(scope="module")
def server():
    with upstream() as made:
        yield made


@pytest.fixture(scope="module")
def driver(server):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls can't be made to fail")
    made = Driver(server.server_port)
    yield made
    made.end()


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
