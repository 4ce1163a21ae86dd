"""The servers of `--mcp-config FILE`, in the form claude takes: read, checked, and filled in.

The file is JSON, `{"mcpServers": {NAME: {command, args, env} | {type, url, headers}}}`; `${VAR}`
and `${VAR:-otherwise}` stand for the environment (code.claude.com/docs, "MCP").
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from orchestrator.config.documents import no_constant, unique
from orchestrator.errors import UsageError
from orchestrator.providers import named_file
from orchestrator.records import Json

OPTION = "--mcp-config"
MOST_BYTES = 1024 * 1024
MIN_SECRET = 8  # characters; to hide a shorter one would hide words
_NAME, _VARIABLE = re.compile(r"[A-Za-z0-9_-]{1,64}"), re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Servers(NamedTuple):
    """The servers by name, and what tells their file from any other."""

    rows: Json
    sha256: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """List the values that no log may hold, longest first."""
        values = {
            value
            for row in self.rows.values()
            for of in ("env", "headers")
            for value in row.get(of, {}).values()
        }
        return tuple(sorted((v for v in values if len(v) >= MIN_SECRET), key=len, reverse=True))


def read(path: str, environment: Mapping[str, str]) -> Servers:
    """Read the file; raises UsageError naming it and the place in it that is wrong."""
    data = named_file.read(path, OPTION, MOST_BYTES)
    try:
        document = json.loads(data, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{OPTION} {path}: is not sound JSON ({error})") from None
    try:
        document = _filled(document, environment)
    except KeyError as error:
        name = error.args[0]
        raise UsageError(f"{OPTION} {path}: ${{{name}}}: is not set; export {name}") from None
    for place, problem in _problems(document):
        raise UsageError(f"{OPTION} {path}: {place}: {problem}")
    return Servers(document["mcpServers"], hashlib.sha256(data).hexdigest())


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    """Put the environment's values into all texts; raises KeyError for one that is not set."""
    if isinstance(value, dict):
        return {name: _filled(each, environment) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, environment) for each in value]
    if not isinstance(value, str):
        return value

    def meant(found: re.Match[str]) -> str:
        return environment[found[1]] if found[2] is None else environment.get(found[1]) or found[2]

    return _REFERENCE.sub(meant, value)


def _problems(document: Any) -> Iterator[tuple[str, str]]:
    """Yield what is wrong and where, as a dotted path."""
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    if not isinstance(servers, dict) or not servers:
        yield "mcpServers", "is missing or no object; allowed: servers by their names"
        return
    for name, row in servers.items():
        place = f"mcpServers.{name}"
        if not _NAME.fullmatch(name):
            yield place, "is no name; allowed: up to 64 letters, digits, _ and -"
        elif not isinstance(row, dict) or ("command" in row) is ("url" in row):
            yield place, "is no server; allowed: an object with a command or a url"
        else:
            yield from _problems_of(place, row)


def _problems_of(place: str, row: Json) -> Iterator[tuple[str, str]]:
    known = ("type", "url", "headers") if "url" in row else ("type", "command", "args", "env")
    for key in sorted(row.keys() - known):
        yield f"{place}.{key}", f"is not known; allowed: {', '.join(known)}"
    if "command" in row and not (_is_text(row["command"]) and row["command"]):
        yield f"{place}.command", "is no text"
    if "url" in row and not _is_address(row["url"]):
        yield f"{place}.url", "is no address; allowed: http://HOST or https://HOST"
    kinds = ("http", "sse") if "url" in row else ("stdio",)
    if row.get("type", kinds[0]) not in kinds:
        yield f"{place}.type", f"is {row['type']!r}; allowed: {' or '.join(kinds)}"
    args = row.get("args", [])
    if not isinstance(args, list) or not all(map(_is_text, args)):
        yield f"{place}.args", "is no list of texts"
    for key in ("env", "headers"):
        values = row.get(key, {})
        if not isinstance(values, dict) or not all(map(_is_text, values.values())):
            yield f"{place}.{key}", "is no object of texts"
        elif key == "env" and not all(map(_VARIABLE.fullmatch, values)):
            yield f"{place}.{key}", "names what is no variable; allowed: letters, digits and _"


def _is_address(value: Any) -> bool:
    try:
        return urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname)
    except (AttributeError, TypeError, ValueError):
        return False


def _is_text(value: Any) -> bool:
    """Tell whether it is a text that a process can be given."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)
