"""The command and environment of a client, from its row under `clients` in the configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.providers.readiness import base_url_of, key_of, which
from orchestrator.records import Config, Json, Route


class Prepared(NamedTuple):
    """What to start: `files` are to be written below the private folder first, name -> text."""

    argv: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    task_prefix: str


def prepare(
    config: Config,
    route: Route,
    environment: Mapping[str, str],
    folder: str,
    private: str,
    system: str,
    max_cost_usd: float | None,
) -> Prepared:
    """Fill in the templates of a client; no key and no task text ever gets into `argv`.

    Names in braces that are not ours stay as they are. Where the client takes no system prompt, the
    agent's text goes ahead of the task.
    """
    transport = route.transport
    client: Json = config.clients[transport.client or ""]
    base_url = base_url_of(transport, environment)
    values = {
        "model": route.model,
        "folder": folder,
        "private": private,
        "base_url": base_url,
        "base_url_toml": _toml(base_url),
        "system_file": os.path.join(private, "system.md"),
        "system_toml": _toml(system),
        "max_output_tokens": str(route.max_output_tokens),
        "max_cost_usd": "" if max_cost_usd is None else f"{max_cost_usd:.6f}",
    }
    parts = [client["argv"]]
    parts.append(
        client.get("login_argv" if transport.billing == "subscription" else "key_argv", [])
    )
    parts.append(client["edit_argv" if route.access == "edit" else "read_argv"])
    parts.append(client.get("system_argv", []))
    if max_cost_usd is not None and transport.billing == "metered":
        parts.append(client.get("budget_argv", []))
    parts.append(client.get("last_argv", []))
    path = environment.get("PATH", os.defpath)
    command = which(client["command"], path) or client["command"]
    argv = [command] + [_filled(word, values) for part in parts for word in part]
    files = {"system.md": system}
    files |= {name: _filled(text, values) for name, text in client.get("files", {}).items()}
    prefix = "" if client.get("system_argv") or client.get("system_env") else f"{system}\n\n---\n\n"
    return Prepared(argv, _environment(config, route, environment, private, values), files, prefix)


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
        child[name] = _filled(text, values)
    return child


def _toml(text: str) -> str:
    """Quote a text as TOML does, which knows no surrogate pairs and no bare DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{name}` of ours in one pass, so that no value is read as a template."""
    parts = template.split("{")
    filled = parts[0]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        filled += values[name] + rest if brace and name in values else "{" + part
    return filled
