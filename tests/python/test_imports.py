"""The decision path imports the standard library alone, without its slow parts."""

import os
import subprocess
import sys

import pytest

TOO_SLOW = {"dataclasses", "inspect", "pathlib", "argparse", "logging", "asyncio", "ssl", "socket"}
TOO_SLOW |= {"subprocess", "tempfile", "email", "urllib", "unittest", "datetime", "zoneinfo"}
TASK = "Implement user authentication with JWT"
HELPERS = {
    "classify": [TASK],
    "agent": [TASK],
    "filter": [],
    "recommend": [TASK],
}


def modules(root, place, arguments, words=None):
    """Start a command and list the modules it imported, as `-X importtime` tells them."""
    environment = {
        "HOME": str(place),
        "PATH": "/usr/bin:/bin",
        "ORCHESTRATE_STATE": str(place / "my state"),
        "ORCHESTRATE_LOGS": str(place / "my logs"),
    }
    command = [sys.executable, "-I", "-X", "utf8", "-X", "importtime", str(root / "lib")]
    reading, writing = os.pipe()
    try:
        os.write(writing, b"".join(word.encode() + b"\0" for word in words or ()))
        os.close(writing)
        given = [word.format(descriptor=reading) for word in arguments]
        done = subprocess.run(
            [*command, *given], env=environment, cwd=place, capture_output=True,
            pass_fds=[reading], text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        os.close(reading)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout
    return imported(done.stderr)


def imported(told):
    rows = [line for line in told.splitlines() if line.startswith("import time:")]
    return {row.rpartition("|")[2].strip() for row in rows[1:]}


def at_start():
    """List what the interpreter imports by itself, a `.pth` file of its folder included."""
    command = [sys.executable, "-I", "-X", "utf8", "-X", "importtime", "-c", "pass"]
    return imported(subprocess.run(command, capture_output=True, text=True, check=True).stderr)


def check(found, thinking="orchestrator.decide.classifier"):
    found -= at_start()
    ours = {name for name in found if name.split(".")[0] in {"orchestrator", "__main__"}}
    assert thinking in ours
    tops = {name.split(".")[0] for name in found - ours}
    assert not tops - set(sys.stdlib_module_names)
    assert not tops & TOO_SLOW


def test_deciding_imports_no_third_party_and_nothing_slow(root, tmp_path):
    words = ["-n", "--json", str(tmp_path), TASK]
    check(modules(root, tmp_path, ["decide", str(tmp_path / "handoff"), "{descriptor}"], words))


@pytest.mark.parametrize("name", HELPERS)
def test_a_helper_called_alone_does_neither(root, tmp_path, name):
    check(modules(root, tmp_path, [name, *HELPERS[name]]))


def test_nor_does_a_suggestion(root, tmp_path):
    found = modules(root, tmp_path, ["suggest", str(tmp_path), TASK])
    check(found, "orchestrator.decide.suggestion")
    assert "orchestrator.decide.classifier" not in found
