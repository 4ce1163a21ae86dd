"""What a way to a provider can do for a task, and the route it makes."""

from __future__ import annotations

from orchestrator.records import Block, Config, Json, Model, Route, Transport, Wishes


def unable(config: Config, wishes: Wishes, model: Model, transport: Transport) -> Block | None:
    """Say what of a task a transport can't do, None when it can do all.

    What is asked for is never dropped: pictures, servers of tools, and a model's own settings go
    over a transport that takes them, or over none.
    """
    kind = transport.kind
    if wishes.edit and transport.repo_access != "edit" and not wishes.allow_blind:
        return Block("access", f"{kind} can't edit files")
    if not (wishes.image or wishes.mcp_config or model.parameters.sampling):
        return None
    able = _abilities(config, transport)
    name = transport.client or transport.dialect
    if wishes.image and not (able.get("images") or "image_argv" in able or "image_text" in able):
        return Block("capability", f"{name} takes no images")
    over_key = "key_mcp_argv" in able and transport.billing != "subscription"
    if wishes.mcp_config and not ("mcp_argv" in able or over_key):
        return Block("capability", f"{name} takes no MCP servers")
    honoured = able.get("parameters", {})
    lost = [each for each, _ in model.parameters.sampling if each not in honoured]
    if lost:
        return Block("capability", f"{name} can't set the model's {', '.join(lost)}")
    return None


def _abilities(config: Config, transport: Transport) -> Json:
    """Take the row of a transport's client, or of its wire format."""
    if transport.client is not None:
        client: Json = config.clients[transport.client]
        return client
    dialect: Json = config.dialects.get(transport.dialect or "", {})
    return dialect


def route_of(provider: str, model: Model, transport: Transport, access: str) -> Route:
    """Make the route to a model over a transport."""
    return Route(
        provider=provider,
        model=model.name,
        transport=transport,
        access=access,
        max_output_tokens=model.max_output_tokens,
        context_window=model.context_window,
        tier=model.tier,
        parameters=model.parameters,
    )


def pays(transport: Transport) -> bool:
    """Tell whether a call over this transport is billed by use."""
    return transport.billing == "metered"
