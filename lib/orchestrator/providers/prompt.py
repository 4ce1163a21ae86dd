"""What an API is asked, in whichever dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.providers.images import Image
from orchestrator.providers.readiness import key_of
from orchestrator.records import Config, Route


class Prompt(NamedTuple):
    """One request; `sampling` is under the dialect's own names."""

    model: str
    system: str
    task: str
    max_output_tokens: int
    key: str
    sampling: Mapping[str, float]
    images: tuple[Image, ...]


def prompt_of(
    config: Config,
    route: Route,
    environment: Mapping[str, str],
    system: str,
    task: str,
    images: tuple[Image, ...] = (),
) -> Prompt:
    """Make the request of a route: its model, its key, its sampling parameters."""
    names = config.dialects.get(route.transport.dialect or "", {}).get("parameters", {})
    return Prompt(
        route.model,
        system,
        task,
        route.max_output_tokens,
        key_of(route.transport, environment) or "",
        {names[name]: value for name, value in route.parameters.sampling},
        images,
    )
