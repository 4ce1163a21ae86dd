"""How a client is shown what goes with a task: by its templates, and files of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from orchestrator.errors import UsageError
from orchestrator.providers import descendants, toml
from orchestrator.providers.attachments import Attachments
from orchestrator.providers.templates import filled
from orchestrator.records import Json

# What all clients take in the path of a picture; each has other characters it stumbles over.
_PLAIN = re.compile(r"[\w./ ~+=:-]*")

# Who named a server wants its tools called: codex would go on without it, and calls its tools off
# where nobody can be asked.
WANTED = {"required": True, "default_tools_approval_mode": "approve"}


class Shown(NamedTuple):
    """What a client is started with beside its own; the files go below its private folder."""

    argv: list[str]
    text: str
    files: dict[str, str | bytes]
    environment: dict[str, str]
    servers: Json


def shown(client: Json, given: Attachments, private: str, keys: Sequence[str]) -> Shown:
    """Fill in the templates for each picture and each server.

    A server is not given the provider's `keys`. Raises UsageError for what can't be shown safely.
    """
    made = Shown([], "", {}, {}, {})
    made = _with_images(made, client, given, private)
    for name, row in (given.servers.rows if given.servers else {}).items():
        _add_server(made, client, name, row, private, keys)
    return made


def _with_images(made: Shown, client: Json, given: Attachments, private: str) -> Shown:
    if given.images and not _PLAIN.fullmatch(private):
        raise UsageError("TMPDIR has characters that no client takes in a picture's path; use /tmp")
    text = ""
    for number, image in enumerate(given.images, 1):
        name = f"images/image-{number}.{image.suffix}"
        path = os.path.join(private, name)
        values = {
            "image": path,
            "image_escaped": re.sub(r"([^\w./-])", r"\\\1", path),
            "images": os.path.dirname(path),
        }
        made.files[name] = image.data
        made.argv.extend(filled(word, values) for word in client.get("image_argv", ()))
        text += filled(client.get("image_text", ""), values)
    return made._replace(text=text)


def _add_server(
    made: Shown, client: Json, name: str, row: Json, private: str, keys: Sequence[str]
) -> None:
    """Start a server by a script of ours: what it is given is in no command line."""
    if "command" in row:
        made.files[f"mcp-{name}.sh"] = _script(row, keys)
        script = os.path.join(private, f"mcp-{name}.sh")
        row = {"command": "/bin/sh", "args": [script]}
    else:
        row = {"type": "http", "headers": {}} | row
    made.servers[name] = row
    made.files[f"mcp-{name}.json"] = json.dumps({"mcpServers": {name: row}})
    made.environment.update(client.get("mcp_env", {}))
    words = client.get("mcp_argv") or client.get("key_mcp_argv", ())
    values = {"mcp_name": name, "mcp_file": os.path.join(private, f"mcp-{name}.json")}
    if any("{mcp_toml}" in word for word in words):
        values["mcp_toml"] = _as_toml(name, row, made.environment)
    made.argv.extend(filled(word, values) for word in words)


def _script(row: Json, keys: Sequence[str]) -> str:
    lines = [f"unset {key}" for key in keys]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in row.get("env", {}).items()]
    return "\n".join([*lines, f"exec {shlex.join([row['command'], *row.get('args', ())])}\n"])


def _as_toml(name: str, row: Json, environment: dict[str, str]) -> str:
    """Write a server into an argument, its headers into the environment: they may be secrets."""
    if "command" in row:
        named = {"env_vars": [descendants.NAME]}  # what it leaves running is found by that
        return toml.inline(row | named | WANTED)
    address = urlsplit(row["url"])
    if row["type"] != "http":
        raise UsageError(f"MCP server {name}: this client takes none over {row['type']}; use http")
    if "@" in address.netloc or address.query:
        why = "this client's arguments, url and all, would be seen by others"
        raise UsageError(f"MCP server {name}: {why}; put what is secret into headers")
    headers = {}
    for header, value in row["headers"].items():
        variable = f"ORCHESTRATE_MCP_HEADER_{len(environment)}"
        environment[variable], headers[header] = value, variable
    return toml.inline({"url": row["url"], "env_http_headers": headers} | WANTED)
