"""Ask clients and tools for their version: all at once, each with a deadline, none with a key."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from orchestrator.providers import command_line, process
from orchestrator.providers.command_line import Errand
from orchestrator.providers.readiness import which
from orchestrator.records import Config, Route

TOOLS = ("bash", "git", "jq")
DEADLINE_S = 10.0  # gemini takes a second, and more where much else runs
MOST = 65_536  # characters a version may take, whatever else is said
TOLD = 200
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.-]*")


class Program(NamedTuple):
    """A program: where it is, its version, and what is wrong with it; None where there is none."""

    path: str | None
    version: str | None
    problem: str | None


def versions(
    config: Config | None, environment: Mapping[str, str], deadline_s: float = DEADLINE_S
) -> dict[str, Program]:
    """Ask the clients that are configured, and the tools, by command."""
    routes = {} if config is None else _routes(config)
    path = environment.get("PATH", os.defpath)

    def asked(command: str) -> Program:
        found = which(command, path)
        if found is None:
            return Program(None, None, "not installed")
        try:
            with tempfile.TemporaryDirectory(prefix="orchestrate-") as made:
                private = os.path.realpath(made)
                given = {"PATH": path, "TMPDIR": private}
                if config is not None and command in routes:
                    given = _environment(config, routes[command], environment, private)
                return Program(found, *_version(found, given, private, deadline_s))
        except OSError as error:
            return Program(found, None, f"can't be asked: {error.strerror}")

    commands = [*routes, *(tool for tool in TOOLS if tool not in routes)]
    with ThreadPoolExecutor(len(commands)) as pool:
        return dict(zip(commands, pool.map(asked, commands), strict=True))


def _routes(config: Config) -> dict[str, Route]:
    """Find a way over each client, by its command, that is given no key and no address."""
    found = {}
    for provider in config.providers.values():
        for transport in provider.transports:
            if transport.client is not None:
                command = config.clients[transport.client]["command"]
                keyless = transport._replace(billing="free", key_env=(), base_url_env=None)
                model = provider.models[0]
                found[command] = Route(
                    provider.name, model.name, keyless, "read", model.max_output_tokens
                )
    return found


def _environment(
    config: Config, route: Route, environment: Mapping[str, str], private: str
) -> dict[str, str]:
    """Build the environment of a client as for a task, its own folder a private one."""
    made = command_line.prepare(config, route, environment, Errand(private, private, ""))
    records = config.clients[route.transport.client or ""].get("records")
    return {**made.environment, **({records["home_env"]: private} if records else {})}


def _version(
    path: str, environment: Mapping[str, str], folder: str, deadline_s: float
) -> tuple[str | None, str | None]:
    """Run `--version` and return the version, or what went wrong; raises OSError."""
    with open(os.devnull, "rb") as nothing:
        client = process.Client([path, "--version"], folder, environment, nothing)
    said, most = {"stdout": "", "stderr": ""}, MOST
    deadlines = process.Deadlines(time.monotonic() + deadline_s, deadline_s, deadline_s)
    try:
        for line in client.lines(deadlines):
            if line.kind in said:
                said[line.kind] = said[line.kind] or line.text.strip()[:TOLD]
                most -= len(line.text) + 1
            if line.kind in ("timeout", "stalled"):
                return None, f"hangs: no answer to --version within {deadline_s:g} s"
            if line.kind == "exit" and line.code:
                why = f": {said['stderr']}" if said["stderr"] else ""
                return None, f"--version ended with status {line.code}{why}"
            if most < 0:
                break
    finally:
        client.end()
    version = _VERSION.search(said["stdout"])
    if version is None:
        return None, f"told no version: {said['stdout'] or 'nothing'}"
    return version[0], None
