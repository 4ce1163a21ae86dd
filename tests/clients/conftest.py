"""The real clients: there must be some, and they get homes of their own."""

import os
import shutil

import pytest
from support import CLIENTS, PROVIDERS, Place

# Neither asks the network for anything but the upstream.
HOME_FILES = {
    ".codex/config.toml": "[features]\nplugins = false\n[analytics]\nenabled = false\n",
}


def missing():
    """Tell why the clients can't be driven, and what to do; empty when they can."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "npm is missing; install Node.js 20+ for the tests with the real clients"
    absent = [name for name in PROVIDERS if not os.access(CLIENTS / name, os.X_OK)]
    return f"{', '.join(absent)}: not installed; run scripts/test_tools.sh" if absent else ""


@pytest.fixture(scope="session", autouse=True)
def _clients():
    reason = missing()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def place(tmp_path, simulator):
    """A place with the clients on its PATH; nothing of it may run when the test is over."""
    made = Place(tmp_path, simulator.url, clients=True)
    for name, text in HOME_FILES.items():
        (made.home / name).parent.mkdir(parents=True)
        (made.home / name).write_text(text, encoding="utf-8")
    yield made
    left = made.quiet()
    made.clear()
    assert left == []
