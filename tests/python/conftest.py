"""What all unit tests share: how long hypothesis may look, and the shipped configuration."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from orchestrator.config import load
from orchestrator.decide import agents, classifier

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
