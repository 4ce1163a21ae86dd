"""What a client left behind is ended by its mark, and nothing else is."""

import os
import subprocess
import sys
import time

import pytest

from orchestrator.providers import descendants, process

LEAVES = {
    "a session of its own": "setsid sleep 300 & sleep 0.2",
    "through two parents": "(setsid bash -c '(setsid sleep 300 &) ; exit' &) ; sleep 0.3",
    "with its outputs closed": "setsid sleep 300 </dev/null >/dev/null 2>&1 & sleep 0.2",
    "deaf to signals": "setsid bash -c 'trap : TERM HUP; while :; do sleep 1; done' & sleep 0.3",
    "forking": (
        "setsid bash -c 'for i in 1 2 3 4 5 6 7 8; do (sleep 300 &); sleep 0.02; done; sleep 300' "
        "& sleep 0.1"
    ),
}


def carrying(mark):
    wanted = f"{descendants.NAME}={mark}".encode()
    return [pid for pid in os.listdir("/proc") if pid.isdigit()
            and descendants._carries(int(pid), wanted)]  # fmt: skip


def client(script, folder):
    with open(os.devnull, "rb") as nothing:
        return process.Client(
            ["bash", "-c", script], str(folder), {"PATH": os.environ["PATH"]}, nothing
        )


@pytest.mark.parametrize("case", LEAVES)
def test_a_daemon_that_left_the_process_group_is_ended_with_its_client(tmp_path, case):
    running = client(LEAVES[case], tmp_path)
    running.process.wait(10)
    assert carrying(running.mark)
    running.end()
    assert carrying(running.mark) == []


def test_what_carries_another_mark_or_none_is_left_alone(tmp_path):
    other = client("setsid sleep 300 & sleep 300", tmp_path)
    plain = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        one = client("setsid sleep 300 & sleep 0.2", tmp_path)
        one.process.wait(10)
        one.end()
        assert other.process.poll() is None
        assert carrying(other.mark)
        assert plain.poll() is None
    finally:
        other.end()
        plain.kill()
        plain.wait()
    assert carrying(other.mark) == []


def test_looking_for_them_is_quick(tmp_path):
    began = time.process_time()
    descendants.end_marked(descendants.new_mark())
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    assert time.process_time() - began < 0.05 + 0.002 * processes
