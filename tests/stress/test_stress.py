"""The stress scripts, each at a twentieth of its size; `make soak` runs them whole, too."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
FULL = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.mark.parametrize(
    ("script", "sizes"),
    [
        ("overspend.sh", (16, 4, 2)),
        ("rate.sh", (12, 20, 5, 1)),
        ("journal.sh", (16, 200, 16_384, 25)),
        ("batch.sh", (500, 16, 3)),
        ("prd.sh", (30, 3)),
        pytest.param("overspend.sh", (64, 20, 10), marks=FULL),
        pytest.param("rate.sh", (200, 100, 60, 20), marks=FULL),
        pytest.param("journal.sh", (64, 1000, 16_384, 500), marks=FULL),
        pytest.param("batch.sh", (10_000, 16, 20), marks=FULL),
    ],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_nothing_is_overspent_torn_or_lost_under_load_and_kills(script, sizes, capsys):
    process = subprocess.Popen(
        [FOLDER / script, *map(str, sizes)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told = process.communicate()[0]
    finally:
        if process.poll() is None:  # the time is over: its own cleaning up ends what it started
            os.killpg(process.pid, signal.SIGINT)
            process.communicate()
    with capsys.disabled():
        print(f"\n{told}", end="")
    assert process.returncode == 0, told
