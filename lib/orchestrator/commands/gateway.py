"""`gateway`: become the LiteLLM proxy, or write down which models a running one has."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shlex
import socket
import time
from collections.abc import Mapping

import click

from orchestrator import clock
from orchestrator import records as r
from orchestrator.commands import screen
from orchestrator.config import documents, environment, load, locations
from orchestrator.config.locations import Locations
from orchestrator.errors import (
    ConfigError,
    CredentialsError,
    TryLaterError,
    UsageError,
)
from orchestrator.providers import http, litellm_models, readiness, refusals
from orchestrator.providers.litellm_models import Listed
from orchestrator.providers.process import Deadlines
from orchestrator.providers.reading import parsed
from orchestrator.records import Config, Json
from orchestrator.state import files

NAME, DOCUMENT = "litellm", "gateway"
HOST, PORT = "127.0.0.1", 4000
DEADLINE_S, MOST_BYTES = 20.0, 32 * 1024 * 1024
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
    try:
        given = _options.main(args=arguments, prog_name="gateway", standalone_mode=False)
    except click.ClickException as error:
        told = error.format_message()
        raise UsageError(f"{told}; see scripts/litellm_proxy.sh --help") from None
    surroundings = environment.read(locations.locate(os.environ).root, os.environ)
    at = locations.locate(surroundings)
    if given["models"]:
        if given["chosen"] or given["port"] or given["mock"]:
            raise UsageError("--models stands alone: it asks the proxy that LITELLM_BASE_URL names")
        return _write_models(at, surroundings)
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


def _write_models(at: Locations, surroundings: Mapping[str, str]) -> int:
    """Ask the proxy for its models, and lay them over the configuration; raises ConfigError."""
    config = load.load(at.config, ("local",))  # a list from another day may be spoilt
    read, _ = documents.read(at.config, ("local",))
    document = _asked(config, surroundings)
    otherwise = read["providers"]["providers"][NAME]["models"][0]
    try:
        models = litellm_models.listed(document, otherwise, config.settings["tiers"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryLaterError(f"the proxy's list is not of the known shape ({error!r})") from None
    models = [_sound(at.config, read["prices"], each) for each in models]
    kept = [each for each in models if not each.left_out]
    if not kept:
        raise ConfigError(["the proxy: model_list: has no chat model: at least one"])
    prices = {f"{NAME}/{each.name}": each.price for each in kept if each.price}
    overlay: Json = {
        "providers": {"providers": {NAME: {"models": [each.row for each in kept]}}},
        "prices": {"models": prices},
    }
    problems = load.problems_with(at.config, {DOCUMENT: overlay})
    if problems:
        raise ConfigError(problems)
    files.ensure_folder(at.config)
    path = os.path.join(at.config, f"{DOCUMENT}.json")
    files.replace(path, overlay)
    _tell(path, models)
    return 0


def _asked(config: Config, surroundings: Mapping[str, str]) -> Json:
    """Get the proxy's list; raises CredentialsError, UsageError, TryLaterError."""
    provider = config.providers.get(NAME)
    if provider is None:
        raise UsageError(f"{NAME} is switched off; enable it in config/local.json")
    transport = provider.transports[0]
    key, url = (
        readiness.key_of(transport, surroundings),
        readiness.base_url_of(transport, surroundings),
    )
    if key is None:
        raise CredentialsError(
            f"{' or '.join(transport.key_env)} is not set; export the proxy's key"
        )
    if not readiness.is_private(url):
        raise UsageError(f"{url}: the key would travel in the open; use https, or this machine")
    end = time.monotonic() + DEADLINE_S
    trust = surroundings.get("SSL_CERT_FILE") or surroundings.get("SSL_CERT_DIR")
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    request = http.Request(f"{url}/model/info", headers, trust=trust, method="GET")
    try:
        status, body = http.whole(request, Deadlines(end, DEADLINE_S, DEADLINE_S), MOST_BYTES)
    except TryLaterError as error:
        raise TryLaterError(
            f"{url} does not answer ({error}); 'make gateway' runs a proxy"
        ) from None
    text = body.decode("utf-8", "replace")
    document = parsed(text)
    if status == 200 and document is not None:
        return document
    failure = refusals.from_status(status, text, {}, clock.now_ms())
    if status != 200 and failure.kind == r.AUTH:
        raise CredentialsError(f"the proxy refuses the key ({failure.message}); export its own")
    told = failure.message if status != 200 else "it answered something else than JSON"
    raise TryLaterError(f"{url}: {told}; is it a LiteLLM proxy?")


def _sound(folder: str, prices: Json, model: Listed) -> Listed:
    """Leave a model without its price where that can't be one: no budget may be held by it."""
    one = prices | {"models": {model.name: model.price}}
    if model.price is None or not documents.complaints(folder, "prices", one):
        return model
    return model._replace(price=None)


def _tell(path: str, models: list[Listed]) -> None:
    kept = [each for each in models if not each.left_out]
    unpriced = [each.name for each in kept if each.price is None]
    screen.out(f"{path}: {len(kept)} models")
    if unpriced:
        listed = ", ".join(unpriced)
        screen.out(f"without a price, so with --allow-unpriced only: {listed}")
    for each in models:
        if each.left_out:
            screen.out(f"left out: {each.name}: {each.left_out}")
