"""What an upstream's refusal means: from a status, headers and body to a failure class.

Structured fields decide first, anchored patterns on error messages second; the text of an answer is
never looked at, so an answer that explains HTTP 429 stays an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from orchestrator import records as r
from orchestrator.records import Failure

MESSAGE_LIMIT = 300
LONGEST_WAIT_S = 366 * 86_400.0  # what is further away is a mistake, and no date a clock can write
_CONTEXT = re.compile(
    r"context[_ ](?:length|window)|prompt is too long|input token count|maximum context"
    r"|too many tokens|ran out of room",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|quota exceeded|exhausted your (?:capacity|daily quota)"
    r"|hit your (?:usage|weekly|session|daily|5-hour|\w+) limit|credit balance is too low"
    r"|billing_hard_limit|PerDay",
    re.IGNORECASE,
)
_KEY = re.compile(r"API key not valid|API_KEY_INVALID", re.IGNORECASE)
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)s$")


def from_status(status: int, body: str, headers: Mapping[str, str], now_ms: int) -> Failure:
    """Classify an HTTP refusal; `headers` has lower-case names."""
    document = _document(body)
    message = f"HTTP {status}: {_message(document, body)}"
    told = document.get("error")
    error: dict[str, Any] = told if isinstance(told, dict) else {}
    code = " ".join(str(error.get(part, "")) for part in ("code", "type", "status"))
    wait_s = retry_after_s(headers, now_ms)
    if wait_s is None:
        wait_s = _retry_info_s(error)
    if status == 429:
        reset = headers.get("anthropic-ratelimit-unified-reset", "")
        if headers.get("anthropic-ratelimit-unified-status") == "rejected":
            return Failure(r.QUOTA, message, wait_s, _moment_ms(reset, now_ms))
        if _QUOTA.search(f"{code} {_quota_ids(error)}"):
            return Failure(r.QUOTA, message, wait_s)
        return Failure(r.RATE_LIMIT, message, wait_s)
    if status in (401, 403) or (status == 400 and _KEY.search(message)):  # 400: so Gemini says it
        return Failure(r.AUTH, message)
    if status == 413 or (status == 400 and _CONTEXT.search(message)):
        return Failure(r.CONTEXT_LENGTH, message)
    if status == 402 or (status == 400 and _QUOTA.search(message)):  # 402: no balance left
        return Failure(r.QUOTA, message, wait_s)
    if 300 <= status < 400:
        return Failure(r.NETWORK, f"HTTP {status}: a redirect, which is never followed")
    if status in (408, 425) or status >= 500:
        return Failure(r.SERVER, message, wait_s)
    return Failure(r.INVALID_INPUT, message)


def from_message(message: str) -> Failure | None:
    """Classify an error message by anchored patterns; None when it says nothing known."""
    text = shortened(message)
    status = re.search(r"(?:^|\b(?:status|last status:|API Error:)\s*\(?)(\d{3})\b", message)
    if _QUOTA.search(message):
        return Failure(r.QUOTA, text)
    if _CONTEXT.search(message):
        return Failure(r.CONTEXT_LENGTH, text)
    if status:
        return from_status(int(status[1]), message, {}, 0)._replace(message=text)
    return None


def retry_after_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Read how long to wait, in seconds: `retry-after-ms`, a number, or a date; never negative."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) * scale
        except ValueError:
            continue
        return min(max(0.0, seconds), LONGEST_WAIT_S) if seconds < float("inf") else None
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    from email.utils import parsedate_to_datetime  # only a refusal with a date needs it

    try:
        seconds = parsedate_to_datetime(text).timestamp() - now_ms / 1000
        return min(max(0.0, seconds), LONGEST_WAIT_S)
    except (TypeError, ValueError, OverflowError):
        return None


def shortened(message: str) -> str:
    """Make one short line of an upstream's message, without what would move a terminal."""
    text = " ".join(message[: 4 * MESSAGE_LIMIT].split())[:MESSAGE_LIMIT]
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, list) and document:
        document = document[0]
    return document if isinstance(document, dict) else {}


def _message(document: dict[str, Any], body: str) -> str:
    error = document.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return shortened(error["message"])
    return shortened(error if isinstance(error, str) else body) or "no message"


def _retry_info_s(error: dict[str, Any]) -> float | None:
    for detail in _objects(error.get("details")):
        match = _DURATION.match(str(detail.get("retryDelay", "")))
        if match:
            return min(float(match[1]), LONGEST_WAIT_S)
    return None


def _quota_ids(error: dict[str, Any]) -> str:
    """Collect the names of the quotas that Gemini says were hit, such as `...PerDayPer...`."""
    return " ".join(
        str(violation.get("quotaId", ""))
        for detail in _objects(error.get("details"))
        for violation in _objects(detail.get("violations"))
    )


def _objects(listed: Any) -> list[dict[str, Any]]:
    """Take the objects of a list; what is none has none."""
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _moment_ms(seconds: str, now_ms: int) -> int | None:
    """Read a moment in epoch seconds; None when it is none, or further away than can be meant."""
    at_ms = int(seconds) * 1000 if seconds.isdecimal() and len(seconds) < 16 else None
    return None if at_ms is None or at_ms > now_ms + LONGEST_WAIT_S * 1000 else at_ms
