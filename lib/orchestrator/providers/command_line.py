"""The command and environment of a client, from its row under `clients` in the configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.providers import attachments, toml
from orchestrator.providers.attachments import Attachments
from orchestrator.providers.readiness import base_url_of, key_of, which
from orchestrator.providers.showing import shown
from orchestrator.providers.templates import filled
from orchestrator.records import Config, Json, Route


class Prepared(NamedTuple):
    """What to start: `files` are to be written below the private folder first, name -> text."""

    argv: list[str]
    environment: dict[str, str]
    files: dict[str, str | bytes]
    task_prefix: str


class Errand(NamedTuple):
    """What a client is to do, and where: in the repository, with a private folder of its own."""

    folder: str
    private: str
    system: str
    max_cost_usd: float | None = None
    given: Attachments = attachments.NOTHING


def prepare(
    config: Config, route: Route, environment: Mapping[str, str], errand: Errand
) -> Prepared:
    """Fill in the templates of a client; no key and no task text ever gets into `argv`.

    Where the client takes no system prompt, the agent's text goes ahead of the task. Raises
    UsageError for what goes with the task and can't be shown to the client safely.
    """
    transport = route.transport
    client: Json = config.clients[transport.client or ""]
    base_url = base_url_of(transport, environment)
    folder, private, system, max_cost_usd, given = errand
    more = shown(client, given, private, transport.key_env)
    values = {
        "model": route.model,
        "folder": folder,
        "private": private,
        "base_url": base_url,
        "base_url_toml": toml.inline(base_url),
        "system_file": os.path.join(private, "system.md"),
        "system_toml": toml.inline(system),
        "max_output_tokens": str(route.max_output_tokens),
        "mcp_servers": json.dumps(more.servers),
        "max_cost_usd": "" if max_cost_usd is None else f"{max_cost_usd:.6f}",
    }
    first = [client["argv"]]
    first.append(
        client.get("login_argv" if transport.billing == "subscription" else "key_argv", [])
    )
    parts = [client["edit_argv" if route.access == "edit" else "read_argv"]]
    parts.append(client.get("system_argv", []))
    if max_cost_usd is not None and transport.billing == "metered":
        parts.append(client.get("budget_argv", []))
    parts.append(client.get("last_argv", []))
    path = environment.get("PATH", os.defpath)
    command = which(client["command"], path) or client["command"]
    # Pictures not last: their option may take more than one word.
    argv = [command, *_words(first, values), *_sampling(client, route), *more.argv]
    argv += _words(parts, values)
    files = {"system.md": system, **more.files}
    files |= {name: filled(text, values) for name, text in client.get("files", {}).items()}
    prefix = "" if client.get("system_argv") or client.get("system_env") else f"{system}\n\n---\n\n"
    child = _environment(config, route, environment, private, values) | more.environment
    return Prepared(argv, child, files, prefix + more.text)


def obeyed(config: Config, route: Route, folder: str, home: str) -> str | None:
    """Name a file from which the client would take keys and addresses, None where there is none.

    It looks for them in its folder and in all above; those of the user's home are the user's.
    """
    client: Json = config.clients[route.transport.client or ""]
    names = [*client.get("obeys", ())]
    names += client.get("login_obeys", ()) if route.transport.billing == "subscription" else ()
    while True:
        for path in (os.path.join(folder, name) for name in names):
            if folder != home and os.path.lexists(path):
                return path
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)


def _words(parts: list[list[str]], values: Json) -> list[str]:
    return [filled(word, values) for part in parts for word in part]


def _sampling(client: Json, route: Route) -> list[str]:
    """Say the model's own settings, each in the word that the client takes it in."""
    words = client.get("parameters", {})
    return [filled(words[name], {"value": str(v)}) for name, v in route.parameters.sampling]


def _environment(
    config: Config, route: Route, environment: Mapping[str, str], private: str, values: Json
) -> dict[str, str]:
    """Build a client's environment from the allow-list, with this provider's key alone."""
    transport = route.transport
    client: Json = config.clients[transport.client or ""]
    allowed = (*config.settings["env_allow"], *client.get("env_allow", ()))
    child = {name: environment[name] for name in allowed if name in environment}
    child["TMPDIR"] = private
    given = {**client.get("env", {}), **client.get("system_env", {})}
    if transport.billing != "subscription":
        given |= client.get("key_env", {})
    if transport.billing != "subscription" and transport.key_env:
        child[transport.key_env[0]] = key_of(transport, environment) or ""
        if transport.base_url_env and environment.get(transport.base_url_env):
            child[transport.base_url_env] = environment[transport.base_url_env]
    for name, text in given.items():
        child[name] = filled(text, values)
    return child
