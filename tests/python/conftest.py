"""What all unit tests share: hypothesis' patience, the shipped configuration, an upstream."""

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from upstreams import PRICES, Client

from orchestrator.config import load
from orchestrator.decide import agents, classifier
from orchestrator.simulator.server import Server
from orchestrator.simulator.upstream import Upstream

settings.register_profile(
    "shared machine", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def shipped():
    return load.load(str(ROOT / "config"))


@pytest.fixture(scope="session")
def vocabulary(shipped):
    return classifier.vocabulary(shipped.keywords)


@pytest.fixture(scope="session")
def catalog(shipped):
    return agents.catalog(shipped.agents)


@pytest.fixture
def sim():
    server = Server("127.0.0.1", 0, Upstream(PRICES))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Client(server)
    server.shutdown()
    server.server_close()
    thread.join()
