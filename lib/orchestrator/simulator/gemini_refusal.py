"""Google's errors."""

from .dialect import Refusal, Refused, retry_headers
from .document import Document

TYPES = "type.googleapis.com/google.rpc."
METRIC = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
TOO_LONG = (
    "The input token count ({tokens}) exceeds the maximum number of tokens allowed (1048576)."
)
ERRORS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: (
        "UNAUTHENTICATED",
        (
            "Request had invalid authentication credentials. Expected OAuth 2 "
            "access token, login cookie or other valid "
            "authentication credential."
        ),
    ),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: (
        "NOT_FOUND",
        (
            "models/{model} is not found for API version v1beta, or is not supported for "
            "generateContent."
        ),
    ),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
    429: (
        "RESOURCE_EXHAUSTED",
        (
            "You exceeded your current quota, please check your plan and billing details. For more "
            "information on this "
            "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
        ),
    ),
    500: (
        "INTERNAL",
        "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    ),
    502: ("UNAVAILABLE", "Bad gateway"),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}


def refuse(refusal: Refusal) -> Refused:
    """Return {"error": {code, message, status, details}}.

    A quota names a violation per day, a rate limit one per minute. A wrong key is a 400 here.
    """
    code = 400 if refusal.type == "api_key" else refusal.status
    status, message = ERRORS.get(code, ERRORS[500])
    details = _quota(refusal) if code == 429 else []
    if refusal.type == "api_key":
        message = "API key not valid. Please pass a valid API key."
        info: Document = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        details = [{"@type": f"{TYPES}ErrorInfo", **info}]
    if refusal.type == "context_length":
        message = TOO_LONG.replace("{tokens}", str(max(refusal.input_tokens, 1048577)))
    message = message.replace("{model}", refusal.model)
    error: Document = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = details
    return Refused(code, retry_headers(refusal), {"error": error})


def _quota(refusal: Refusal) -> list[Document]:
    day = refusal.type in {"quota", "usage_limit"}
    violation: Document = {
        "quotaMetric": METRIC,
        "quotaId": f"GenerateRequestsPer{'Day' if day else 'Minute'}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": refusal.model},
        "quotaValue": str(refusal.room.requests_limit) if refusal.room else "20",
    }
    details: list[Document] = [{"@type": f"{TYPES}QuotaFailure", "violations": [violation]}]
    if refusal.retry_after is not None and refusal.retry_after.replace(".", "", 1).isdigit():
        details.append({"@type": f"{TYPES}RetryInfo", "retryDelay": f"{refusal.retry_after}s"})
    return details
