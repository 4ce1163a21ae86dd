"""Without the clients these tests are seen to be skipped; in CI they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("ci", "code", "told"), [("", 0, "SKIPPED"), ("true", 1, "ERROR")])
def test_without_npm_they_are_skipped_and_fail_in_ci_naming_what_to_install(ci, code, told):
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-rsE", "-p", "no:cacheprovider"),
            *("-k", "what_a_client_has_started", "tests/clients/test_stopping.py"),
        ],
        env={"PATH": "/nowhere", "HOME": os.environ.get("HOME", "/"), "CI": ci},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert told in run.stdout
    assert "npm is missing; install Node.js 20+" in run.stdout
