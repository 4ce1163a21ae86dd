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
from orchestrator.providers import moments
from orchestrator.records import LONGEST_WAIT_S, Failure

MESSAGE_LIMIT = 300
_CONTEXT = re.compile(
    r"context[_ ](?:length|window)|prompt is too long|input token count|maximum context"
    r"|too many tokens|ran out of room",
    re.IGNORECASE,
)
_QUOTA_CODE = re.compile(
    r"\b(?:insufficient_quota|billing_hard_limit\w*|usage_limit_reached)\b|PerDay"
)
_QUOTA = re.compile(
    r"(?:^|: )(?:You.ve (?:hit|reached) your (?:[\w.-]+ ){0,3}limit|Quota exceeded"
    r"|You have exhausted your (?:capacity|daily quota)|(?:Your )?credit balance is too low"
    r"|You.re out of (?:extra usage|usage credits)|Your org(?:anization)? is out of usage"
    r"|Claude AI usage limit reached|To use Codex with your ChatGPT plan"
    r"|Your workspace is out of credits|You hit your spend cap)",
    re.IGNORECASE,
)
# What only somebody who pays can end.
_PERSON = re.compile(
    r"insufficient_quota|billing_hard_limit|credit balance|exceeded\. Check your plan"
    r"|out of (?:extra |your )?(?:usage|credits)|spend (?:limit|cap)|To use Codex with"
    r"|IneligibleTier|^HTTP 402|INSUFFICIENT_G1_CREDITS_BALANCE",
    re.IGNORECASE,
)
DAY_S = 86_400.0
_WINDOWS_S = (
    (re.compile(r"week|seven_day", re.IGNORECASE), 7 * DAY_S),
    (re.compile(r"session limit|5-hour|five_hour", re.IGNORECASE), 5 * 3600.0),
    (re.compile(r"daily|PerDay", re.IGNORECASE), DAY_S),
    (re.compile(r"monthly", re.IGNORECASE), 31 * DAY_S),
)
# The last is a LiteLLM proxy's without a database: it knows its master key alone.
_KEY = re.compile(r"API key not valid|API_KEY_INVALID|No connected db\.", re.IGNORECASE)
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)s$")


def from_status(status: int, body: str, headers: Mapping[str, str], now_ms: int) -> Failure:
    """Classify an HTTP refusal; `headers` has lower-case names."""
    document = _document(body)
    message = f"HTTP {status}: {_message(document, body)}"
    held = document.get("error")
    error: dict[str, Any] = held if isinstance(held, dict) else {}
    code = " ".join(str(error.get(part, "")) for part in ("code", "type", "status"))
    wait_s = retry_after_s(headers, now_ms)
    if wait_s is None:
        wait_s = _retry_info_s(error)
    if status == 429:
        if headers.get("anthropic-ratelimit-unified-status") == "rejected":
            reset = _moment_ms(headers.get("anthropic-ratelimit-unified-reset", ""))
            claim = headers.get("anthropic-ratelimit-unified-representative-claim", "")
            return quota(message, now_ms, claim, wait_s, reset)
        told = f"{code} {_quota_ids(error)}"
        if _QUOTA_CODE.search(told):
            return quota(message, now_ms, told, wait_s, _moment_ms(str(error.get("resets_at", ""))))
        return Failure(r.RATE_LIMIT, message, wait_s)
    if status in (401, 403) or (status == 400 and _KEY.search(message)):  # 400: so Gemini says it
        return Failure(r.AUTH, message)
    if status == 413 or (status == 400 and _CONTEXT.search(message)):
        return Failure(r.CONTEXT_LENGTH, message)
    if status == 402 or (status == 400 and _QUOTA.search(message)):  # 402: no balance left
        return quota(message, now_ms, code, wait_s)
    if 300 <= status < 400:
        return Failure(r.NETWORK, f"HTTP {status}: a redirect, which is never followed")
    if status in (408, 425) or status >= 500:
        return Failure(r.SERVER, message, wait_s)
    return Failure(r.INVALID_INPUT, message)


def quota(
    message: str,
    now_ms: int,
    told: str = "",
    wait_s: float | None = None,
    retry_at_ms: int | None = None,
) -> Failure:
    """Make the failure of a used-up quota, with what ends it; `told` holds names beside the text.

    A moment ends it by the clock, most surely one in the text. Without one, who has to pay is
    named; then a wait; then the length of the window: it is over at most that much later. A window
    of a day comes with waits of seconds, which are those of another limit.
    """
    text = shortened(message)
    at_ms = moments.told_ms(message[: 4 * MESSAGE_LIMIT], now_ms)
    at_ms = at_ms or moments.checked(retry_at_ms, now_ms)
    if at_ms is not None:
        return Failure(r.QUOTA, text, wait_s, at_ms, wall=r.CLOCK)
    said = f"{message[: 4 * MESSAGE_LIMIT]} {told}"
    if _PERSON.search(said):
        return Failure(r.QUOTA, text, wall=r.PERSON)
    window_s = next((length for named, length in _WINDOWS_S if named.search(said)), None)
    if wait_s is not None and (window_s is None or wait_s >= 0.01 * window_s):
        return Failure(r.QUOTA, text, wait_s, wall=r.CLOCK)
    return Failure(r.QUOTA, text, window_s, wall=None if window_s is None else r.WINDOW)


def from_message(message: str, now_ms: int) -> Failure | None:
    """Classify an error message by anchored patterns; None when it says nothing known."""
    text = shortened(message)
    status = re.search(r"(?:^|\b(?:status|last status:|API Error:)\s*\(?)(\d{3})\b", message)
    if _QUOTA.search(message) or _QUOTA_CODE.match(message):
        return quota(message, now_ms)
    if _CONTEXT.search(message):
        return Failure(r.CONTEXT_LENGTH, text)
    if status:
        return from_status(int(status[1]), message, {}, now_ms)._replace(message=text)
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
    """Make one short line of an upstream's message, without what would move a terminal.

    It is cut between words only: a part of a key could not be told from other words any more.
    """
    text = " ".join(message[: 4 * MESSAGE_LIMIT].split())
    if len(text) > MESSAGE_LIMIT or len(message) > 4 * MESSAGE_LIMIT:
        text = text[:MESSAGE_LIMIT].rpartition(" ")[0] + " …"
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


def _moment_ms(seconds: str) -> int | None:
    """Read a moment in epoch seconds; None when it is none."""
    return int(seconds) * 1000 if seconds.isdecimal() and len(seconds) < 16 else None
