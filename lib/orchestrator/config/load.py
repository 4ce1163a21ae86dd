"""Read the config folder and check it, telling all problems at once.

Each document is checked against its schema, then references between documents are checked.
`local.json`, the user's overlay, is merged into them first (RFC 7396: objects merge, null removes,
anything else replaces).
"""

from __future__ import annotations

import json
import os
from typing import Any

from orchestrator.config.schema import problems
from orchestrator.errors import ConfigError
from orchestrator.records import (
    MICRO,
    Budget,
    Config,
    Json,
    Limit,
    Model,
    Provider,
    Threshold,
    Transport,
)

DOCUMENTS = ("providers", "keywords", "agents", "prices", "budgets")


def load(folder: str) -> Config:
    """Load and check `folder`; raises ConfigError holding every problem found."""
    found: list[str] = []
    return _loaded(folder, _read(folder, "local", found, optional=True) or {}, found)


def without_overlay(folder: str) -> Config:
    """Load `folder` as if the user had no `local.json`; raises ConfigError."""
    return _loaded(folder, {}, [])


def _loaded(folder: str, overlay: Json, found: list[str]) -> Config:
    documents: dict[str, Json] = {}
    for name in ("local", *DOCUMENTS):
        document = overlay if name == "local" else _read(folder, name, found)
        if document is None:
            continue
        told = complaints(folder, name, document)
        if name != "local" and isinstance(overlay.get(name), dict):
            document = merge(document, overlay[name])
            if not told:  # what is wrong now, the overlay did
                ours, its = f"config/{name}.json: ", f"config/local.json: {name}."
                told = [t.replace(ours, its, 1) for t in complaints(folder, name, document)]
            else:
                told = complaints(folder, name, document)
        found += told
        documents[name] = document
    if not found:
        found = _references(documents)
    if found:
        raise ConfigError(found)
    return _config(folder, documents)


def complaints(folder: str, name: str, document: Any) -> list[str]:
    """Check one document against its schema: `file: path: what is wrong: what is allowed`."""
    try:
        schema = _parse(os.path.join(folder, "schema", f"{name}.schema.json"))
    except (OSError, ValueError, RecursionError) as error:
        allowed = "the file from the repository"
        return [f"config/schema/{name}.schema.json: document: can't be read ({error}): {allowed}"]
    return [
        f"config/{name}.json: {path or 'document'}: {wrong}: {allowed}"
        for path, wrong, allowed in problems(document, schema)
    ]


def merge(base: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396) and return the result; neither input changes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _read(folder: str, name: str, found: list[str], *, optional: bool = False) -> Json | None:
    try:
        document = _parse(os.path.join(folder, f"{name}.json"))
    except FileNotFoundError:
        if not optional:
            found.append(f"config/{name}.json: document: is missing: the file from the repository")
        return None
    except OSError as error:
        found.append(f"config/{name}.json: document: {error.strerror}: a readable file")
        return None
    except (ValueError, RecursionError) as error:
        found.append(f"config/{name}.json: document: is not JSON ({error}): one JSON object")
        return None
    if not isinstance(document, dict):
        found.append(f"config/{name}.json: document: is not an object: one JSON object")
        return None
    return document


def _parse(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        text = file.read().removeprefix("\ufeff")
    return json.loads(
        text, object_pairs_hook=unique, parse_constant=no_constant, parse_float=_number
    )


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """Make an object of its pairs; raises ValueError when a key is there twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return document


def _number(text: str) -> int | float:
    """Read a number with a point: 60.0 is the integer 60, and 1e999 none at all."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large a number")
    return int(value) if value.is_integer() else value


def no_constant(name: str) -> Any:
    """Refuse NaN and the infinities, which Python's JSON reader would take; raises ValueError."""
    raise ValueError(f"{name} is not a number JSON knows")


def _references(documents: dict[str, Json]) -> list[str]:
    """Check what one document says of another: names of tiers, clients and providers."""
    config, keywords = documents["providers"], documents["keywords"]
    found = [
        problem
        for name, provider in config["providers"].items()
        for problem in _provider_references(f"providers.{name}", provider, config)
    ]
    zone = config["settings"]["zone"]
    if not _is_zone(zone):
        allowed = "UTC or a name such as Europe/Berlin"
        found.append(f"config/providers.json: settings.zone: is {zone!r}: {allowed}")
    if not any(provider["enabled"] for provider in config["providers"].values()):
        found.append("config/providers.json: providers: none is enabled: at least one")
    for part in ("strong", "weak"):
        for name in keywords[part]:
            if name not in config["providers"]:
                allowed = "one of " + ", ".join(config["providers"])
                found.append(f"config/keywords.json: {part}.{name}: is not a provider: {allowed}")
    if not documents["agents"]["agents"]:
        found.append("config/agents.json: agents: is empty: at least one")
    return found


def _provider_references(path: str, provider: Json, config: Json) -> list[str]:
    """Check the tiers and clients a provider names."""
    found: list[str] = []
    at = f"config/providers.json: {path}"
    tiers = [tier["name"] for tier in config["settings"]["tiers"]]
    for position, model in enumerate(provider["models"]):
        if model["tier"] not in tiers:
            allowed = "one of " + ", ".join(tiers)
            found.append(f"{at}.models[{position}].tier: is {model['tier']!r}: {allowed}")
    for position, transport in enumerate(provider["transports"]):
        wanted = "client" if transport["kind"] == "cli" else "dialect"
        if wanted not in transport:
            found.append(f"{at}.transports[{position}].{wanted}: is missing: needed by its kind")
        elif wanted == "client" and transport["client"] not in config["clients"]:
            allowed = "one of " + ", ".join(config["clients"])
            found.append(
                f"{at}.transports[{position}].client: is {transport['client']!r}: {allowed}"
            )
    return found


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    import zoneinfo  # only other zones pay for it

    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _config(folder: str, documents: dict[str, Json]) -> Config:
    config, prices = documents["providers"], documents["prices"]
    return Config(
        folder=folder,
        settings=config["settings"],
        providers={n: _provider(n, p) for n, p in config["providers"].items() if p["enabled"]},
        clients=config["clients"],
        keywords=documents["keywords"],
        agents=documents["agents"],
        prices=prices["models"],
        price_version=f"{prices['source']} {prices['version']}",
        budgets=tuple(
            _budget(period, documents["budgets"]["limits_usd"][period], documents["budgets"])
            for period in ("day", "month")
            if period in documents["budgets"]["limits_usd"]
        ),
        provider_thresholds=_thresholds("provider", documents["budgets"]),
    )


def _budget(period: str, usd: float, raw: Json) -> Budget:
    """Read a budget; it gates starting from its first threshold that pauses."""
    thresholds = _thresholds(period, raw)
    pauses = [t.percent for t in thresholds if t.action == "pause_execution"]
    block_at = min([100.0, *pauses])
    return Budget(
        Limit("cost_usd", None, period, round(usd * MICRO), block_at, "total"), thresholds
    )


def _thresholds(of: str, raw: Json) -> tuple[Threshold, ...]:
    """Read thresholds, lowest first; `haiku_only` is what seed 001 calls `cheapest_only`."""
    rows = [
        Threshold(
            float(row["percent"]),
            "cheapest_only" if row["action"] == "haiku_only" else row["action"],
            row.get("advice", ""),
        )
        for row in raw["thresholds"]
        if row["of"] == of
    ]
    return tuple(sorted(rows))


def _provider(name: str, raw: Json) -> Provider:
    return Provider(
        name=name,
        title=raw["title"],
        optional=raw["enabled"] == "auto",
        specializations=tuple(raw["specializations"]),
        cost_tier=raw["cost_tier"],
        cost_per_request_usd=float(raw["cost_per_request_usd"]),
        limits=tuple(_limit(row) for row in raw["limits"]),
        models=tuple(
            Model(m["name"], m["tier"], m["context_window"], m["max_output_tokens"])
            for m in raw["models"]
        ),
        transports=tuple(_transport(t) for t in raw["transports"]),
        usage_api=raw.get("usage_api"),
    )


def _limit(row: Json) -> Limit:
    money = row["metric"] == "cost_usd"
    return Limit(
        metric=row["metric"],
        window_s=row.get("window_s"),
        period=row.get("period"),
        limit=round(row["limit"] * MICRO) if money else int(row["limit"]),
        block_at_percent=float(row["block_at_percent"]),
        scope=row.get("scope", "provider"),
    )


def _transport(raw: Json) -> Transport:
    return Transport(
        kind=raw["kind"],
        account=raw["account"],
        billing=raw["billing"],
        repo_access=raw["repo_access"],
        client=raw.get("client"),
        dialect=raw.get("dialect"),
        base_url=raw.get("base_url", ""),
        base_url_env=raw.get("base_url_env"),
        key_env=tuple(raw.get("key_env", ())),
        overhead_tokens=raw["overhead_tokens"],
        first_byte_s=float(raw["first_byte_s"]),
        idle_s=float(raw["idle_s"]),
    )
