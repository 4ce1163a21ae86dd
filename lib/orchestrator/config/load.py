"""The configuration as records, from the checked documents of the config folder."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.config import documents, references
from orchestrator.errors import ConfigError
from orchestrator.records import (
    MICRO,
    Budget,
    Config,
    FallbackOn,
    Hours,
    Json,
    Limit,
    Model,
    Parameters,
    Provider,
    Rule,
    Threshold,
    Transport,
)

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SAMPLING = ("temperature", "top_p", "presence_penalty")
_PLAIN = Parameters()  # made once


def load(folder: str, overlays: tuple[str, ...] = documents.OVERLAYS) -> Config:
    """Load and check `folder`; raises ConfigError holding every problem found."""
    read, found = documents.read(folder, overlays)
    found = found or references.problems(read)
    if found:
        raise ConfigError(found)
    return _config(folder, read)


def without_overlay(folder: str) -> Config:
    """Load `folder` as if nobody had changed it; raises ConfigError."""
    return load(folder, ())


def problems_with(folder: str, instead: Mapping[str, Json]) -> list[str]:
    """List the problems `folder` would have with these overlays in place of its own."""
    read, found = documents.read(folder, instead=instead)
    return found or references.problems(read)


def _config(folder: str, read: dict[str, Json]) -> Config:
    config, prices = read["providers"], read["prices"]
    return Config(
        folder=folder,
        settings=config["settings"],
        providers={n: _provider(n, p) for n, p in config["providers"].items() if p["enabled"]},
        clients=config["clients"],
        keywords=read["keywords"],
        agents=read["agents"],
        prices=prices["models"],
        price_version=f"{prices['source']} {prices['version']}",
        budgets=tuple(
            _budget(period, read["budgets"]["limits_usd"][period], read["budgets"])
            for period in ("day", "month")
            if period in read["budgets"]["limits_usd"]
        ),
        provider_thresholds=_thresholds("provider", read["budgets"]),
        dialects=config["dialects"],
        rules=tuple(
            _rule(n, r, config["settings"]["zone"]) for n, r in read["rules"]["rules"].items()
        ),
        time_rules=read["rules"]["time_rules"],
        listed=tuple(config["providers"]),
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
        models=tuple(_model(m) for m in raw["models"] if m.get("enabled", True)),
        transports=tuple(transport(t) for t in raw["transports"]),
        usage_api=raw.get("usage_api"),
        hint=raw.get("hint", ""),
    )


def _model(raw: Json) -> Model:
    own = raw.get("parameters", {})
    return Model(
        name=raw["name"],
        tier=raw["tier"],
        context_window=raw["context_window"],
        max_output_tokens=own.get("max_tokens", raw["max_output_tokens"]),
        capabilities=frozenset(raw.get("capabilities", ())),
        reliable=raw.get("reliable", False),
        parameters=_parameters(own) if own else _PLAIN,
    )


def _parameters(raw: Json) -> Parameters:
    return Parameters(
        sampling=tuple((name, float(raw[name])) for name in SAMPLING if name in raw),
        timeout_s=raw.get("timeout_s"),
        max_retries=raw.get("max_retries"),
        retry_delay_s=raw.get("retry_delay_s"),
        fallback_on=tuple(
            FallbackOn(row["error"].upper(), row.get("wait_s"), row.get("immediate", False))
            for row in raw.get("fallback_on", ())
        ),
    )


def _rule(name: str, raw: Json, zone: str) -> Rule:
    when = raw.get("when", {})
    return Rule(
        name=name,
        reason=raw["reason"],
        automatic=raw.get("enabled", True) and bool(when.keys() - {"zone"}),
        timed="hours" in when or "branch" in when,
        words=tuple(when.get("words", ())),
        repositories=tuple(when.get("repository", ())),
        branches=tuple(when.get("branch", ())),
        hours=tuple(
            Hours(
                frozenset(map(DAYS.index, row["days"])), _minutes(row["from"]), _minutes(row["to"])
            )
            for row in when.get("hours", ())
        ),
        zone=when.get("zone", zone),
        prefer=tuple(raw.get("prefer", ())),
        forbid=tuple(raw.get("forbid", ())),
        tier=raw.get("tier"),
        strategy=raw.get("strategy"),
    )


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


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


def transport(raw: Json) -> Transport:
    """Make the record of a provider's transport."""
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
