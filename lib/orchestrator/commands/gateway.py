"""`gateway`: become the LiteLLM proxy, or write down which models a running one has."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shlex
import socket
from collections.abc import Mapping

import click

from orchestrator.commands import gateway_models, screen
from orchestrator.commands.clicks import options_of
from orchestrator.config import environment, load
from orchestrator.config.locations import Locations
from orchestrator.errors import CredentialsError, UsageError
from orchestrator.records import Json
from orchestrator.state import files

HOST, PORT = "127.0.0.1", 4000
MASTER_KEY = "LITELLM_MASTER_KEY"
# It asks nobody for prices, news or presets, and reads no .env of the folder it is started in.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_MODE": "PRODUCTION",
}
_NAMED = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


@click.command(add_help_option=False)
@click.option("--config", "chosen")
@click.option("--port", type=click.IntRange(1, 65_535))
@click.option("--mock", is_flag=True)
@click.option("--models", is_flag=True)
def _options(**given: object) -> Json:
    return dict(given)


def main(arguments: list[str]) -> int:
    """Run the proxy in place of this process, or list its models; raises OrchestratorError."""
    given = options_of(_options, arguments, "scripts/litellm_proxy.sh")
    surroundings, at = environment.surroundings(os.environ)
    if given["models"]:
        if given["chosen"] or given["port"] or given["mock"]:
            raise UsageError("--models stands alone: it asks the proxy that LITELLM_BASE_URL names")
        return gateway_models.write(at, surroundings)
    if given["mock"] and given["chosen"]:
        raise UsageError("--mock has a configuration of its own; leave --config out")
    shipped = os.path.join(at.config, "gateway-mock.yaml" if given["mock"] else "gateway.yaml")
    _become_proxy(at, surroundings, given["chosen"] or shipped, given["port"] or PORT)
    return 0


def _become_proxy(at: Locations, surroundings: Mapping[str, str], path: str, port: int) -> None:
    """Start the proxy in place of this process, so that it gets our signals and ends with us."""
    folder = os.path.join(at.root, ".venv-gateway", "bin")
    program = os.path.join(folder, "litellm")
    if not os.path.isfile(program):
        raise CredentialsError("the LiteLLM proxy is not installed; run 'make gateway'")
    named = _variables(path)
    allowed = load.load(at.config).settings["env_allow"]
    _check_port(port)
    given = {n: v for n, v in surroundings.items() if n in allowed or n in named}
    given |= {MASTER_KEY: _master_key(at, surroundings, port), **QUIET}
    screen.talk(f"LiteLLM proxy: http://{HOST}:{port}, {path}; Ctrl-C ends it")
    words = [os.path.join(folder, "python"), "-I", "-X", "utf8", program, "--config", path]
    os.execve(words[0], [*words, "--host", HOST, "--port", str(port)], given)  # noqa: S606 no shell


def _variables(path: str) -> set[str]:
    """List the variables a configuration of the proxy names; raises UsageError."""
    try:
        with open(path, encoding="utf-8") as file:
            return set(_NAMED.findall(file.read()))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"--config {path}: {why}; name a readable YAML file") from None


def _check_port(port: int) -> None:
    """Refuse a port that is taken: the proxy would silently take another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken" if taken else f"can't be used ({error.strerror})"
            raise UsageError(f"port {port} {why}; give another with --port") from None


def _master_key(at: Locations, surroundings: Mapping[str, str], port: int) -> str:
    """Take the key the proxy will ask for, or make one and say where it is kept."""
    own = surroundings.get(MASTER_KEY)
    if own:
        return own
    key = f"sk-{secrets.token_hex(16)}"
    path = os.path.join(
        files.ensure_folder(os.path.join(at.state, ".state")), f"gateway-{port}.key"
    )
    files.put(path, f"{key}\n".encode())
    moved = "" if port == PORT else f" LITELLM_BASE_URL=http://{HOST}:{port}"
    screen.talk(f'its key: export LITELLM_API_KEY="$(cat {shlex.quote(path)})"{moved}')
    return key
