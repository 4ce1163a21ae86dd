"""What the fault tests share: one provider alone, and how a start with a measured memory ends."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support import KEYS, finished

from orchestrator.config import load
from orchestrator.providers import api
from orchestrator.providers.process import Deadlines
from orchestrator.records import Route

NAMES = ("codex", "gemini", "claude", "compatible")
LIMIT_MB = 150


class Caller:
    """Calls one provider over HTTP in this process, as an attempt does."""

    def __init__(self, url, config):
        self.config = config
        self.environment = dict(KEYS.values()) | {
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_GEMINI_BASE_URL": url,
            "OPENAI_COMPATIBLE_BASE_URL": f"{url}/v1",
        }

    def call(self, name, *, timeout_s=20.0, first_byte_s=10.0, idle_s=10.0):
        """Return the outcome and how long it took."""
        provider = self.config.providers[name]
        transport = next(t for t in provider.transports if t.kind == "api")
        route = Route(name, provider.models[0].name, transport, "none", 500)
        reading = api.reading_of(transport.dialect)
        began = time.monotonic()
        deadlines = Deadlines(began + timeout_s, first_byte_s, idle_s)
        events = api.call(route, self.environment, "Be brief.", "Hello", deadlines, reading)
        for _ in events:
            if reading.failure is not None:
                break
        events.close()
        return reading.outcome(), time.monotonic() - began


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """The shipped configuration, without a user's overlay."""
    folder = tmp_path_factory.mktemp("a config")
    for entry in (Path(__file__).resolve().parents[2] / "config").iterdir():
        if entry.name in {"schema", "agents"} or (
            entry.suffix == ".json" and not entry.name.endswith("_usage.json")
        ):
            (folder / entry.name).symlink_to(entry)
    (folder / "local.json").unlink(missing_ok=True)
    return load.load(str(folder))


@pytest.fixture
def caller(simulator, shipped):
    return Caller(simulator.url, shipped)


@pytest.fixture
def alone(place):
    """Run a task on one provider over HTTP, JSON on stdout."""
    place.settings(backoff={"base_s": 0.2, "cap_s": 1, "retry_after_cap_s": 30})

    def run(provider, *words, task="Fix the bug in data loader", **options):
        chosen = ("--transport", "api", "--provider", provider)
        return place.run("--yes", "--json", *chosen, *words, str(place.repo), task, **options)

    return run


@pytest.fixture
def chain(place):
    """Run a task that suits codex, over HTTP, with all three providers there."""

    def run(*words, task="Fix the bug in data loader", **options):
        chosen = ("--yes", "--json", "--transport", "api")
        return place.run(*chosen, *words, str(place.repo), task, **options)

    return run


@pytest.fixture
def measured(place):
    """Run a start to its end and return it with the most memory it held, in MB."""

    def run(*words, timeout_s=60, **options):
        process = place.start(*words, **options)
        most, done = [0], threading.Event()

        def look():
            while not done.wait(0.02):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
                    most[0] = max(most[0], int(status.split("VmHWM:")[1].split()[0]) // 1024)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            return finished(process, timeout_s), most
        finally:
            done.set()
            thread.join()

    return run


def interrupted(process, *signals, gap_s=0.2):
    """Send signals to a start's process, as a terminal or a person would, and return how it ended."""
    for place, number in enumerate(signals):
        if place:
            time.sleep(gap_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number or signal.SIGINT)
    return finished(process, 30)
