"""Anthropic's errors and rate-limit headers."""

from datetime import UTC, datetime, timedelta

from .dialect import Refusal, Refused, Room, retry_headers

TYPES = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    403: (
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
    ),
    404: ("not_found_error", "model: {model}"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}
TOO_LONG = "prompt is too long: {tokens} tokens > 200000 maximum"


def refuse(refusal: Refusal) -> Refused:
    """Return {"type": "error", "error": {type, message}}.

    A quota carries the unified headers of a subscription instead of the API's limits.
    """
    kind, message = TYPES.get(refusal.status, TYPES[500])
    if refusal.type == "context_length":
        message = TOO_LONG.replace("{tokens}", str(max(refusal.input_tokens, 200001)))
    headers = {
        "x-should-retry": "true"
        if refusal.status in {429, 529} or refusal.status >= 500
        else "false"
    }
    headers |= retry_headers(refusal)
    if refusal.type in {"quota", "usage_limit"}:
        headers |= _plan_headers(refusal)
    elif refusal.room is not None:
        headers |= room_headers(refusal.room)
    error = {"type": kind, "message": message.replace("{model}", refusal.model)}
    return Refused(refusal.status, headers, {"type": "error", "error": error})


def room_headers(room: Room) -> dict[str, str]:
    """Return anthropic-ratelimit-*; resets are RFC 3339 times."""
    now = datetime.now(UTC)
    headers = _limit_headers(
        "requests", room.requests_limit, room.requests_left, now, room.requests_reset_s
    )
    for name in ("tokens", "input-tokens", "output-tokens"):
        headers |= _limit_headers(
            name, room.tokens_limit, room.tokens_left, now, room.tokens_reset_s
        )
    return headers


def _limit_headers(
    name: str, limit: int, left: int, now: datetime, reset_s: float
) -> dict[str, str]:
    reset = (now + timedelta(seconds=reset_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    prefix = f"anthropic-ratelimit-{name}-"
    return {f"{prefix}limit": str(limit), f"{prefix}remaining": str(left), f"{prefix}reset": reset}


def _plan_headers(refusal: Refusal) -> dict[str, str]:
    prefix = "anthropic-ratelimit-unified-"
    reset = str(refusal.reset_at)
    return {
        f"{prefix}status": "rejected",
        f"{prefix}reset": reset,
        f"{prefix}representative-claim": "seven_day",
        f"{prefix}7d-status": "rejected",
        f"{prefix}7d-reset": reset,
        f"{prefix}7d-utilization": "1.0",
        f"{prefix}5h-status": "allowed",
        f"{prefix}5h-utilization": "0.2",
        f"{prefix}overage-status": "rejected",
        f"{prefix}overage-disabled-reason": "org_level_disabled",
        f"{prefix}fallback-percentage": "0.5",
    }
