"""Rows 40-46: a network that is pulled in mid-call, or not there: in a namespace of its own."""

import json
import os
import subprocess
import sys
import time

import pytest
from support import ROOT, finished

# Brings the loopback interface of the network it runs in up or down.
LINK = """
import fcntl, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    flags = 0x49 if sys.argv[1] == "up" else 0x8
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", flags))
"""


class Network:
    """A network with a loopback interface and nothing else."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "120"])
        own, until = os.readlink("/proc/self/ns/net"), time.monotonic() + 10
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == own:
            assert time.monotonic() < until
            time.sleep(0.01)

    def inside(self, *words):
        return ["nsenter", "--target", str(self.holder.pid), "--net", *map(str, words)]

    def link(self, state):
        subprocess.run(self.inside(sys.executable, "-c", LINK, state), check=True)

    def upstream(self, scenario):
        words = ["--prices", ROOT / "config" / "prices.json", "--parent-pid", os.getpid()]
        words += ["--scenario", scenario]
        made = subprocess.Popen(
            self.inside(sys.executable, "-I", "-X", "utf8", ROOT / "lib", "simulate", *words),
            stdout=subprocess.PIPE,
        )
        return made, json.loads(made.stdout.readline())["url"]


@pytest.fixture
def network():
    if os.geteuid() != 0:
        pytest.skip("only root may make a network namespace")
    made = Network()
    made.link("up")
    yield made
    made.holder.kill()
    made.holder.wait()


@pytest.fixture
def start(place, network):
    """Start a task on codex's API inside of the network."""
    place.settings(attempts={"per_route": 1, "total": 1})
    place.transports("codex", first_byte_s=2, idle_s=2)

    def start(url):
        words = ("--yes", "--json", "--no-defer", "--provider", "codex", "--transport", "api")
        return subprocess.Popen(
            network.inside(ROOT / "orchestrate.sh", *words, place.repo, "Fix the loader"),
            env=place.environment | {"OPENAI_BASE_URL": f"{url}/v1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def test_row_42_a_network_that_is_pulled_in_mid_call_ends_in_its_time_and_is_booked(
    place, network, start
):
    scenario = place.folder / "scenario.json"
    slow = {"kind": "slow_body", "seconds_per_chunk": 1.0, "times": "always"}
    scenario.write_text(json.dumps({"providers": {"codex": {"faults": [slow]}}}))
    upstream, url = network.upstream(scenario)
    try:
        process = start(url)
        time.sleep(1.5)
        network.link("down")
        began = time.monotonic()
        run = finished(process, 30)
        assert time.monotonic() - began < 10
    finally:
        upstream.kill()
        upstream.wait()
        upstream.stdout.close()
    assert (run.code, run.attempts[0]["error_class"]) == (5, "STALLED"), run
    assert run.metrics["cost_actual"] > 0  # it may be billed
    assert run.metrics["cost_source"] == "estimate"
    assert place.usage("codex")["reservations"] == {}


def test_row_46_without_a_name_server_nothing_is_sent_and_nothing_is_booked(place, start):
    run = finished(start("https://api.openai.com"), 60)
    assert (run.code, run.attempts[0]["error_class"]) == (5, "NETWORK"), run
    assert run.metrics["cost_actual"] == 0.0
    assert place.usage("codex")["cost_today"] == 0.0
