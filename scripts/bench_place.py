"""A configuration, a home and an environment of a measurement's own."""

from __future__ import annotations

import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START = os.path.join(ROOT, "orchestrate.sh")
OURS = shutil.ignore_patterns("local.json", "*_usage.json*", "*.lock", ".state")


def config(folder: str) -> str:
    """Copy the shipped configuration into a new folder, and return it."""
    return shutil.copytree(os.path.join(ROOT, "config"), folder, ignore=OURS)


def environment(scratch: str, config_folder: str) -> dict[str, str]:
    """Make an environment in which nothing outside of `scratch` is written."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": scratch,
        "ORCHESTRATE_PYTHON": sys.executable,
        "ORCHESTRATE_CONFIG": config_folder,
        "ORCHESTRATE_STATE": os.path.join(scratch, "state"),
        "ORCHESTRATE_LOGS": os.path.join(scratch, "logs"),
    }
