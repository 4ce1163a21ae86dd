"""Clients are asked for their version: with a deadline, without a key, in folders of their own."""

import contextlib
import os
import time
from pathlib import Path

import pytest
from world import config, provider, way

from orchestrator.providers.programs import versions

CLIENT = {
    "command": "codex",
    "argv": [],
    "read_argv": [],
    "edit_argv": [],
    "env": {"ITS_OWN": "1"},
    "key_env": {"ITS_HOME": "{private}"},
    "login_files": [],
    "records": {"home_env": "ITS_RECORDS"},
}


@pytest.fixture
def asked(tmp_path):
    """Ask a client that is this Bash text."""
    path = tmp_path / "bin" / "codex"
    path.parent.mkdir()

    def ask(text, deadline_s=20.0):
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o700)
        known = config(provider("codex", way("codex")), clients={"codex": CLIENT})
        environment = {
            "PATH": f"{path.parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "CODEX_KEY": "sk-not-for-it",
            "OTHER": "1",
        }
        return versions(known, environment, deadline_s)["codex"]

    return ask


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("echo '2.1.197 (Claude Code)'", "2.1.197"),
        ("echo 'codex-cli 0.169.0'", "0.169.0"),
        ("echo jq-1.6", "1.6"),
        ("echo; echo '1.2.3-beta.4 '; echo 9.9", "1.2.3-beta.4"),
        ("printf '\\033[31m1.2\\033[0m\\n'", "1.2"),
        ("echo 7.1; echo 'a warning' >&2", "7.1"),
    ],
)
def test_the_version_is_the_first_number_with_a_point(asked, text, version):
    assert asked(text)[1:] == (version, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "echo 'broken: no module' >&2; exit 3",
            "--version ended with status 3: broken: no module",
        ),
        ("exit 3", "--version ended with status 3"),
        ("echo hello", "told no version: hello"),
        ("true", "told no version: nothing"),
        ("exec cat <&0 >/dev/null", "told no version: nothing"),
        ("while :; do echo yes; done", "told no version: yes"),
        ("kill -9 $$", "--version ended with status -9"),
    ],
)
def test_one_that_tells_none_is_told_with_what_it_said(asked, text, problem):
    assert asked(text)[1:] == (None, problem)


@pytest.mark.parametrize("text", ["sleep 60", "echo 1.2; sleep 60", "trap '' TERM; sleep 60"])
def test_one_that_hangs_is_told_so_and_nothing_of_it_is_left(asked, tmp_path, text):
    began = time.monotonic()
    assert asked(text, 0.5)[1:] == (None, "hangs: no answer to --version within 0.5 s")
    assert time.monotonic() - began < 20
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            assert f"HOME={tmp_path}\0".encode() not in entry.read_bytes()


def test_what_is_no_program_is_told_so(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codex").write_bytes(b"\x7fELF")
    (tmp_path / "bin" / "codex").chmod(0o700)
    known = config(provider("codex", way("codex")), clients={"codex": CLIENT})
    found = versions(known, {"PATH": str(tmp_path / "bin")})
    assert found["codex"].problem == "can't be asked: Exec format error"
    assert found["git"] == (None, None, "not installed")


def test_it_gets_the_allowed_environment_without_a_key_and_a_folder_that_is_gone_after(
    asked, tmp_path
):
    told = tmp_path / "told"
    found = asked(f'env >{told}; pwd -P >>{told}; touch "$ITS_HOME/x"; echo 1.2')
    assert found.version == "1.2"
    *lines, folder = told.read_text(encoding="utf-8").splitlines()
    environment = dict(each.split("=", 1) for each in lines)
    assert "CODEX_KEY" not in environment
    assert "OTHER" not in environment
    assert environment["HOME"] == str(tmp_path)
    assert environment["ITS_OWN"] == "1"
    private = {environment[name] for name in ("TMPDIR", "ITS_HOME", "ITS_RECORDS")}
    assert private == {folder}
    assert not os.path.exists(folder)


def test_without_a_configuration_the_tools_are_asked_all_the_same():
    found = versions(None, {"PATH": os.environ["PATH"]})
    assert list(found) == ["bash", "git", "jq"]
    assert found["bash"].version[0] in "45"
