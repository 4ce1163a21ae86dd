"""How the fault tests call one provider, and how they stop a start."""

import contextlib
import os
import time

from support import KEYS, finished

from orchestrator.providers import api
from orchestrator.providers.process import Deadlines
from orchestrator.providers.prompt import prompt_of
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
        prompt = prompt_of(self.config, route, self.environment, "Be brief.", "Hello")
        events = api.call(prompt, transport, self.environment, deadlines, reading)
        for _ in events:
            if reading.failure is not None:
                break
        events.close()
        return reading.outcome(), time.monotonic() - began


def interrupted(process, *signals, gap_s=0.2):
    """Send signals to a start's process, one after the other; returns how it ended."""
    for place, number in enumerate(signals):
        time.sleep(gap_s if place else 0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
    return finished(process, 30)
