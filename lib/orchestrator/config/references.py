"""Check what one document of the configuration says of another."""

from __future__ import annotations

from orchestrator.config import prices
from orchestrator.records import Json


def problems(documents: dict[str, Json]) -> list[str]:
    """List what one document says of another and is not so, `file: path: what: allowed`."""
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
    found += _choices(config)
    if not any(provider["enabled"] for provider in config["providers"].values()):
        found.append("config/providers.json: providers: none is enabled: at least one")
    for part in ("strong", "weak"):
        for name in keywords[part]:
            if name not in config["providers"]:
                allowed = "one of " + ", ".join(config["providers"])
                found.append(f"config/keywords.json: {part}.{name}: is not a provider: {allowed}")
    found += _rules(documents["rules"]["rules"], config)
    found += prices.problems(documents["prices"]["models"])
    if not documents["agents"]["agents"]:
        found.append("config/agents.json: agents: is empty: at least one")
    return found


def _choices(config: Json) -> list[str]:
    """Check the settings that a model is chosen by: the tiers, and the client tried last."""
    at, settings, found = "config/providers.json: settings", config["settings"], []
    names = [tier["name"] for tier in settings["tiers"]]
    bounds = [tier["below"] for tier in settings["tiers"]]
    for position, (name, bound) in enumerate(zip(names, bounds, strict=True)):
        if name in names[:position]:
            found.append(f"{at}.tiers[{position}].name: is {name!r} once more: another name")
        if position and bound <= bounds[position - 1]:
            allowed = f"above {bounds[position - 1]:g}, the cheapest tier first"
            found.append(f"{at}.tiers[{position}].below: is {bound:g}: {allowed}")
    last = settings["cheapest"]["last_client"]
    if last and last not in config["clients"]:
        allowed = "one of " + ", ".join(config["clients"])
        found.append(f"{at}.cheapest.last_client: is {last!r}: {allowed}, or nothing")
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


def _rules(rules: Json, config: Json) -> list[str]:
    """Check the providers, models, tiers and zones that rules name."""
    found: list[str] = []
    tiers = [tier["name"] for tier in config["settings"]["tiers"]]
    for name, rule in rules.items():
        at = f"config/rules.json: rules.{name}"
        for effect in ("prefer", "forbid"):
            for position, wanted in enumerate(rule.get(effect, ())):
                allowed = _unknown(wanted, config["providers"], models=effect == "prefer")
                if allowed:
                    found.append(f"{at}.{effect}[{position}]: is {wanted!r}: {allowed}")
        if rule.get("tier", tiers[0]) not in tiers:
            found.append(f"{at}.tier: is {rule['tier']!r}: one of {', '.join(tiers)}")
        zone = rule.get("when", {}).get("zone", "UTC")
        if not _is_zone(zone):
            found.append(f"{at}.when.zone: is {zone!r}: UTC or a name such as Europe/Berlin")
    return found


def _unknown(wanted: str, providers: Json, *, models: bool) -> str:
    """Say what is allowed instead of a PROVIDER or PROVIDER/MODEL that is not there."""
    name, slash, model = wanted.partition("/")
    if name not in providers or (slash and not models):
        return "one of " + ", ".join(providers)
    listed = [row["name"] for row in providers[name]["models"]]
    return "" if not slash or model in listed else f"a model of {name}: {', '.join(listed)}"


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    import zoneinfo  # only other zones pay for it

    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
