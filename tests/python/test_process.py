"""A client is heard to its end, whoever reads slowly, and what it left behind is not waited for."""

import os
import time

import pytest

from orchestrator.providers import process


def lines_of(script, folder, *, slowly_s=0.0):
    with open(os.devnull, "rb") as nothing:
        client = process.Client(
            ["bash", "-c", script], folder, {"PATH": os.environ["PATH"]}, nothing
        )
    try:
        until = process.Deadlines(time.monotonic() + 30, 30, 30)
        for line in client.lines(until):
            if slowly_s:
                time.sleep(slowly_s)
            yield line
    finally:
        client.end()


def test_what_a_client_said_before_it_ended_is_read_however_long_that_takes(tmp_path):
    script = "for i in {1..300}; do printf '%02000d\\n' $i; done"
    said = [line.text for line in lines_of(script, str(tmp_path), slowly_s=0.005)]
    assert [int(text) for text in said if text] == list(range(1, 301))


@pytest.mark.parametrize(
    "daemon", ["sleep 300", "while :; do sleep 0.05; echo still here; done", "yes"]
)
def test_what_it_left_behind_holds_nobody_up(tmp_path, daemon):
    began = time.monotonic()
    said = list(lines_of(f"echo done\n({daemon}) &", str(tmp_path)))
    assert said[-1].kind == "exit"
    assert "done" in [line.text for line in said]
    assert time.monotonic() - began < 10
