"""`config/suggest.json`, which ./suggest_model.sh alone reads."""

from __future__ import annotations

from orchestrator.config import documents
from orchestrator.errors import ConfigError
from orchestrator.records import Config, Json

FILE = "config/suggest.json"


def load(config: Config) -> Json:
    """Read and check the document beside the configuration; raises ConfigError."""
    rules, found = _checked(config)
    if rules is None or found:
        raise ConfigError(found)
    if rules["provider"] not in config.providers:
        allowed = "a provider that is enabled: " + ", ".join(config.providers)
        raise ConfigError([f"{FILE}: provider: is {rules['provider']!r}: {allowed}"])
    return rules


def problems(config: Config) -> list[str]:
    """List what is wrong with it; that its provider is not enabled hinders nothing else."""
    return _checked(config)[1]


def _checked(config: Config) -> tuple[Json | None, list[str]]:
    """Check it against its schema, and then what it says of models and scores."""
    rules, found = documents.read_one(config.folder, "suggest")
    if rules is None or found:
        return rules, found
    low, high = rules["thresholds"]["haiku"], rules["thresholds"]["opus"]
    if low >= high:
        found.append(f"{FILE}: thresholds.haiku: is {low}: less than thresholds.opus, {high}")
    provider = config.providers.get(rules["provider"])
    known = [model.name for model in provider.models] if provider else []
    for name, model in rules["models"].items():
        if provider and model not in known:
            allowed = f"a model of {provider.name}: {', '.join(known)}"
            found.append(f"{FILE}: models.{name}: is {model!r}: {allowed}")
    return rules, found
