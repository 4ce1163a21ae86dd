"""OpenAI's errors and rate-limit headers, shared by its two dialects."""

from .dialect import Refusal, Refused, Room, retry_headers

ERRORS = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
    403: (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    413: ("invalid_request_error", None, "Request entity too large."),
    429: (
        "requests",
        "rate_limit_exceeded",
        (
            "Rate limit reached for {model} in organization org-sim on {over} per min. "
            "Please try again in {wait}. "
            "Visit https://platform.openai.com/account/rate-limits to learn more."
        ),
    ),
    500: (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    503: ("server_error", None, "The engine is currently overloaded, please try again later"),
}
CONTEXT_LENGTH = (
    "invalid_request_error",
    "context_length_exceeded",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
)
QUOTA = (
    "insufficient_quota",
    "insufficient_quota",
    (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
    ),
)
USAGE_LIMIT = ("usage_limit_reached", None, "The usage limit has been reached")


def refuse(refusal: Refusal) -> Refused:
    """Return {"error": {message, type, param, code}}."""
    typ, code, message = ERRORS.get(refusal.status, ERRORS[500])
    typ, code, message = {
        "context_length": CONTEXT_LENGTH,
        "quota": QUOTA,
        "usage_limit": USAGE_LIMIT,
    }.get(refusal.type, (typ, code, message))
    over = refusal.room.over if refusal.room else "requests"
    wait = duration(refusal.room.retry_after_s) if refusal.room else f"{refusal.retry_after or 1}s"
    message = (
        message.replace("{model}", refusal.model).replace("{over}", over).replace("{wait}", wait)
    )
    error: dict[str, object] = {
        "message": message,
        "type": over if typ == "requests" else typ,
        "param": None,
    }
    error["code"] = code
    if refusal.type == "usage_limit":
        error |= {"plan_type": "plus", "resets_at": refusal.reset_at}
    headers = retry_headers(refusal)
    if refusal.room is not None:
        headers |= room_headers(refusal.room)
    return Refused(refusal.status, headers, {"error": error})


def room_headers(room: Room) -> dict[str, str]:
    """Return x-ratelimit-{limit,remaining,reset}-{requests,tokens}."""
    return {
        "x-ratelimit-limit-requests": str(room.requests_limit),
        "x-ratelimit-remaining-requests": str(room.requests_left),
        "x-ratelimit-reset-requests": duration(room.requests_reset_s),
        "x-ratelimit-limit-tokens": str(room.tokens_limit),
        "x-ratelimit-remaining-tokens": str(room.tokens_left),
        "x-ratelimit-reset-tokens": duration(room.tokens_reset_s),
    }


def duration(seconds: float) -> str:
    """Write seconds as OpenAI does: 120ms, 6.5s, 1m0s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
