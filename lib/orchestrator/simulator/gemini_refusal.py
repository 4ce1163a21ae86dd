"""Google's errors."""

from .dialect import Refusal, Refused, retry_headers
from .document import Document

TYPES = "type.googleapis.com/google.rpc."
METRIC = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
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
    status, message = ERRORS.get(refusal.status, ERRORS[500])
    details: list[Document] = []
    if refusal.type == "api_key":
        message = "API key not valid. Please pass a valid API key."
        info: Document = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        details = [{"@type": f"{TYPES}ErrorInfo", **info}]
    if refusal.type == "context_length":
        tokens = max(refusal.input_tokens, 1048577)
        message = (
            f"The input token count ({tokens}) exceeds the maximum number of tokens allowed "
            "(1048576)."
        )
    if refusal.status == 429:
        details = _quota(refusal)
    error: Document = {
        "code": refusal.status,
        "message": message.replace("{model}", refusal.model),
    }
    error["status"] = status
    if details:
        error["details"] = details
    status_code = 400 if refusal.type == "api_key" else refusal.status
    return Refused(status_code, retry_headers(refusal), {"error": {**error, "code": status_code}})


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
