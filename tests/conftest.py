"""Fixtures for tests that start ./orchestrate.sh against the simulated upstream."""

import pytest
from support import Place, Simulator


@pytest.fixture(scope="session")
def upstream():
    simulator = Simulator()
    yield simulator
    simulator.end()


@pytest.fixture
def simulator(upstream):
    """The upstream, with nothing scripted and empty books."""
    upstream.clear()
    return upstream


@pytest.fixture
def place(tmp_path, simulator):
    """A place to run in, without clients; nothing of it may run when the test is over."""
    made = Place(tmp_path, simulator.url)
    yield made
    left = made.quiet()
    made.clear()
    assert left == []
