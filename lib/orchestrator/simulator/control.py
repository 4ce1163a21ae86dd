"""The simulator's own paths: scenario, reset, books, requests; and the lists of models."""

from urllib.parse import parse_qs, urlsplit

from .document import parse
from .scenario import ScenarioError
from .upstream import Upstream
from .wire import Reply, json_reply


def get(upstream: Upstream, target: str, *, anthropic: bool) -> Reply | None:
    """Answer GET; None for an unknown path."""
    parts = urlsplit(target)
    match parts.path:
        case "/_sim/books":
            return json_reply(200, upstream.books.totals())
        case "/_sim/requests":
            provider = parse_qs(parts.query).get("provider", [""])[0]
            return json_reply(200, upstream.books.requests(provider))
        case "/_sim/reports":
            return json_reply(200, upstream.books.reports())
        case "/_sim/health":
            return json_reply(200, {"status": "ok"})
        case "/v1/models" | "/models":
            kind = (
                {"type": "model"}
                if anthropic
                else {"object": "model", "owned_by": "simulator", "created": 0}
            )
            data = [{"id": name, **kind} for name in upstream.models]
            return json_reply(200, {"object": "list", "data": data, "has_more": False})
        case "/v1beta/models":
            names = [{"name": f"models/{name}"} for name in upstream.models]
            return json_reply(200, {"models": names})
        case _:
            return None


def post(upstream: Upstream, path: str, body: bytes) -> Reply | None:
    """Answer POST; None for an unknown path, 400 for a scenario that cannot be played."""
    if path == "/_sim/reset":
        upstream.reset()
        return json_reply(200, {"status": "ok"})
    if path != "/_sim/scenario":
        return None
    try:
        upstream.play(parse(body))
    except (ScenarioError, ValueError) as error:
        return json_reply(400, {"error": {"type": "scenario", "message": str(error)}})
    return json_reply(200, {"status": "ok"})
