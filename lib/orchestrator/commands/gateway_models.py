"""Which models a running LiteLLM proxy has, written down as an overlay of the configuration."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from orchestrator import clock
from orchestrator import records as r
from orchestrator.commands import screen
from orchestrator.config import documents, load
from orchestrator.config.locations import Locations
from orchestrator.errors import ConfigError, CredentialsError, TryLaterError, UsageError
from orchestrator.providers import http, litellm_models, readiness, refusals
from orchestrator.providers.litellm_models import Listed
from orchestrator.providers.process import Deadlines
from orchestrator.providers.reading import parsed
from orchestrator.records import Json
from orchestrator.state import files

NAME, DOCUMENT = "litellm", "gateway"
DEADLINE_S, MOST_BYTES = 20.0, 32 * 1024 * 1024


def write(at: Locations, surroundings: Mapping[str, str]) -> int:
    """Ask the proxy for its models, and lay them over the configuration; raises ConfigError."""
    # A list from another day may be spoilt, and what names its models is judged with the new one.
    read, found = documents.read(at.config, ("local",))
    if found:
        raise ConfigError(found)
    provider, tiers = read["providers"]["providers"][NAME], read["providers"]["settings"]["tiers"]
    document = _asked(provider, surroundings)
    try:
        models = litellm_models.listed(document, provider["models"][0], tiers)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryLaterError(f"the proxy's list is not of the known shape ({error!r})") from None
    models = [_sound(at.config, read["prices"], each) for each in models]
    kept = [each for each in models if not each.left_out]
    if not kept:
        raise ConfigError(["the proxy: model_list: has no chat model: at least one"])
    version = f"LiteLLM proxy {clock.iso(clock.now_ms())[:10]}"
    prices = {
        f"{NAME}/{each.name}": {**each.price, "version": version} for each in kept if each.price
    }
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


def _asked(provider: Json, surroundings: Mapping[str, str]) -> Json:
    """Get the proxy's list; raises CredentialsError, UsageError, TryLaterError."""
    if not provider["enabled"]:
        raise UsageError(f"{NAME} is switched off; enable it in config/local.json")
    way = load.transport(provider["transports"][0])
    key, url = readiness.key_of(way, surroundings), readiness.base_url_of(way, surroundings)
    if key is None:
        raise CredentialsError(f"{' or '.join(way.key_env)} is not set; export the proxy's key")
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
    for why in dict.fromkeys(each.left_out for each in models if each.left_out):
        names = ", ".join(each.name for each in models if each.left_out == why)
        screen.out(f"left out, {why}: {names}")
