"""Whether a provider can be reached: its client is installed and logged in, or its key is there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from orchestrator.records import Config, Json, Transport

CONNECT_S = 0.5  # to a port of this machine
HERE = r"https?://(localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::([0-9]{1,5}))?(?:/[^@]*)?"


def unready(config: Config, environment: Mapping[str, str]) -> dict[str, tuple[str | None, ...]]:
    """Say per provider and transport why it can't be used, None where it can."""
    found: dict[str, str | None] = {}
    for client in config.clients.values():
        command = client["command"]
        if command not in found:
            found[command] = which(command, environment.get("PATH", os.defpath))
    return {
        name: tuple(
            _missing(transport, config.clients, found, environment)
            or (_open(transport, environment) if provider.optional else None)
            for transport in provider.transports
        )
        for name, provider in config.providers.items()
    }


def which(command: str, path: str) -> str | None:
    """Find an executable on PATH (shutil's costs milliseconds the decision path does not have).

    Only absolute folders count: others would be looked for in REPO.
    """
    if os.sep in command:
        return command if _runs(command) else None
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder, command)
        if os.path.isabs(folder) and _runs(candidate):
            return candidate
    return None


def key_of(transport: Transport, environment: Mapping[str, str]) -> str | None:
    """Take the key of a transport from the first of its variables that is set."""
    return next((environment[name] for name in transport.key_env if environment.get(name)), None)


def base_url_of(transport: Transport, environment: Mapping[str, str]) -> str:
    """Take the address of a transport: its standard variable, else the configured one."""
    named = environment.get(transport.base_url_env, "") if transport.base_url_env else ""
    return (named or transport.base_url).rstrip("/")


def is_private(url: str) -> bool:
    """Tell whether a key may go to an address: it is encrypted, or does not leave this machine."""
    return url.startswith("https://") or is_here(url)


def is_here(url: str) -> bool:
    """Tell whether an address is one of this machine's own, and nothing else by any reading."""
    return re.fullmatch(HERE, url) is not None


def silent(config: Config, environment: Mapping[str, str]) -> dict[str, tuple[str | None, ...]]:
    """Say per provider and transport that no server of this machine listens where one should.

    Only providers that are there for whoever wants them have such a server.
    """
    return {
        name: tuple(
            _unheard(transport, provider.hint, environment) if provider.optional else None
            for transport in provider.transports
        )
        for name, provider in config.providers.items()
    }


def _unheard(transport: Transport, hint: str, environment: Mapping[str, str]) -> str | None:
    """Connect to the server of an API on this machine; None: somebody listens, or it is none."""
    url = base_url_of(transport, environment)
    address = re.fullmatch(HERE, url)
    if transport.client is not None or address is None:
        return None
    import socket  # only the doctor looks

    usual = 443 if url.startswith("https:") else 80
    try:
        at = address[1].strip("[]"), int(address[2] or usual)
        socket.create_connection(at, CONNECT_S).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        return f"nobody listens at {url} ({why}); {hint or 'start its server'}"
    return None


def logged_in(client: Json, environment: Mapping[str, str]) -> bool:
    """Tell whether a client has left the file of a login behind."""
    home = environment.get("HOME") or os.path.expanduser("~")
    paths = [name.replace("~", home, 1) for name in client["login_files"]]
    return any(os.path.isfile(path) for path in paths)


def _missing(
    transport: Transport,
    clients: Json,
    found: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> str | None:
    if transport.client is not None:
        client = clients[transport.client]
        if found[client["command"]] is None:
            return f"the {client['command']} client is not installed"
        if transport.billing == "subscription" and not logged_in(client, environment):
            return f"the {client['command']} client is not logged in"
    if transport.key_env and key_of(transport, environment) is None:
        return f"{' or '.join(transport.key_env)} is not set"
    base_url = base_url_of(transport, environment)
    if not transport.client and not base_url:
        return f"{transport.base_url_env} is not set"
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        return f"{transport.base_url_env} holds credentials; take them out, use the key variable"
    return None


def _open(transport: Transport, environment: Mapping[str, str]) -> str | None:
    """Say that a key would travel in the open to what a person put up beside the makers' own."""
    if not transport.key_env or is_private(base_url_of(transport, environment)):
        return None
    told = f"{transport.base_url_env} is not https: the key would travel in the open"
    return f"{told}; use https, or an address of this machine"


def _runs(path: str) -> bool:
    return os.access(path, os.X_OK) and os.path.isfile(path)
