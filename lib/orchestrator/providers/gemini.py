"""The gemini client: `gemini -o stream-json -m MODEL`."""

from __future__ import annotations

import re
from typing import ClassVar

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import moments, refusals
from orchestrator.providers.reading import Reading, count, parsed, text_at
from orchestrator.records import Event, Failure, Json, Spent

_ATTEMPT = re.compile(r"^Attempt \d+ failed(?: with status (\d{3}))?")
_WHOLE = re.compile(r"Retrying (?:with|after)|Max attempts reached")
# Only where the client names its own error: a tool's words may hold anything.
_NAMED = re.compile(
    r"^(?:Error when talking to Gemini API .*? |Attempt \d+ failed.*? )?"
    r"(TerminalQuotaError|IneligibleTierError|ModelNotFoundError): "
)
_FINAL = {
    "TerminalQuotaError": r.QUOTA,
    "IneligibleTierError": r.QUOTA,
    "ModelNotFoundError": r.INVALID_INPUT,
}
_UNSTARTED = "MCP issues detected"  # of servers of tools; it names none
_API_ERROR = re.compile(r"^\[API Error: (.*?)\]?$", re.DOTALL)
_MESSAGES = (
    (re.compile(r"exhausted your (?:capacity|daily quota)"), r.QUOTA),
    (
        re.compile(
            r"exceeded your current quota|rate limit|Resource has been exhausted", re.IGNORECASE
        ),
        r.RATE_LIMIT,
    ),
    (re.compile(r"API key not valid|API_KEY_INVALID|PERMISSION_DENIED|UNAUTHENTICATED"), r.AUTH),
    (re.compile(r"is not found for API version"), r.INVALID_INPUT),
    (re.compile(r"fetch failed|ECONNRESET|socket hang up|ENOTFOUND|terminated"), r.NETWORK),
)


class GeminiReading(Reading):
    """Reads the event stream on stdout, and refusals on stderr, where it tells each attempt."""

    EXITS: ClassVar[dict[int, str]] = {41: r.AUTH, 145: r.AUTH}

    def __init__(self) -> None:
        """Begin with nothing told on stderr."""
        super().__init__()
        self.turn_over = True  # whether the next tool stems from a request of its own
        self.begun = ""  # a refusal of which one more line will come
        self.named: Failure | None = None
        self.said = ""  # the last error it told of on stdout

    def document(self, document: Json) -> list[Event]:
        """Read one event."""
        kind = document.get("type")
        if kind == "init":
            return [Event("started", text_at(document, "model"))]
        if kind == "message" and document.get("role") == "assistant":
            text = text_at(document, "content")
            self.parts.append(text)
            self.in_pieces = self.in_pieces or document.get("delta") is True
            return [Event("text", text)]
        if kind == "tool_use":
            self.used_tools, self.parts = True, []  # what comes after the last tool is the answer
            another = [Event("usage")] if self.turn_over else []
            self.turn_over = False
            self.spent = Spent(requests=self.spent.requests + len(another))
            given = document.get("parameters")
            target = text_at(given, "file_path") or text_at(given, "command")
            tool = Event("tool", f"{text_at(document, 'tool_name')} {target}".strip())
            return [tool, *another]  # it tells no figures before the end
        if kind == "tool_result":
            self.turn_over = True
        if kind == "error":
            self.said = text_at(document, "message")
        return self._result(document) if kind == "result" else []

    def stderr(self, line: str) -> list[Event]:
        """Read a refusal: a final one by the name of its error, else one that is retried."""
        if self.begun:
            line, self.begun = f"{self.begun} {line}", ""
        named = _NAMED.match(line)
        if named is not None:
            return self._final(_made(_FINAL[named[1]], _told(line), line))
        attempt = _ATTEMPT.match(line)
        if attempt is not None and not _WHOLE.search(line):
            self.begun = line
            return []
        if attempt is None:
            if self.servers and line.startswith(_UNSTARTED):
                return self.lacking(f"one of {', '.join(sorted(self.servers))}")
            document = parsed(line)
            error = document.get("error") if document else None
            if isinstance(error, dict) and "Invalid auth" in text_at(error, "message"):
                return self.failed(Failure(r.AUTH, refusals.shortened(text_at(error, "message"))))
            return []
        failure = _classified(line, int(attempt[1]) if attempt[1] else None)
        return [Event("retry", refusals.shortened(line), failure=failure)]

    def _final(self, failure: Failure) -> list[Event]:
        """Fail at once, but after a tool wait for the result that follows: it has the figures."""
        if not self.used_tools:
            return self.failed(failure)
        self.named = failure
        return [Event("wall", failure.message, failure=failure)]

    def _result(self, document: Json) -> list[Event]:
        self.finished = True
        stats = document.get("stats")
        models = stats.get("models") if isinstance(stats, dict) else None
        parts = ((name, _spent(model)) for name, model in (models or {}).items())
        self.spent = _spent(stats)._replace(
            requests=1 + count(stats, "tool_calls"),
            parts=tuple((name, part) for name, part in parts if part.input_tokens),
        )
        self.usage_known = self.spent.input_tokens > 0
        if self.named is not None:
            return self.failed(self.named)
        if document.get("status") != "success" and self.failure is None:
            message = text_at(document, "error", "message")
            if not message:
                told = refusals.shortened(self.said) or "it failed without a reason"
                return self.failed(Failure(r.EMPTY, told))
            return self.failed(_classified(message, None))
        return [Event("done", spent=self.spent)]


def _spent(stats: Json | None) -> Spent:
    """Read the figures of all models or of one; thoughts are in the total alone."""
    input_tokens = count(stats, "input_tokens")
    output_tokens = max(count(stats, "output_tokens"), count(stats, "total_tokens") - input_tokens)
    return Spent(1, input_tokens, count(stats, "cached"), 0, output_tokens)


def _classified(message: str, status: int | None) -> Failure:
    """Classify an error text: its JSON first, then known sentences."""
    inner = _API_ERROR.match(message.strip())
    text = inner[1] if inner else message
    brace = text.find("{")
    document = parsed(text[brace : text.rfind("}") + 1]) if brace >= 0 else None
    error = document.get("error") if document else None
    if isinstance(error, dict) and count(error, "code"):
        return refusals.from_status(
            count(error, "code"), text[brace : text.rfind("}") + 1], {}, clock.now_ms()
        )
    for pattern, kind in _MESSAGES:
        if pattern.search(text):
            return _made(kind, text, text)
    if status is not None:
        return refusals.from_status(status, text, {}, clock.now_ms())
    return refusals.from_message(text, clock.now_ms()) or Failure(
        r.SERVER, refusals.shortened(text)
    )


def _made(kind: str, message: str, line: str) -> Failure:
    """Make a failure, with the wait its line tells."""
    if kind == r.QUOTA:
        return refusals.quota(message, clock.now_ms(), line)
    return Failure(kind, refusals.shortened(message), moments.wait_s(line))


def _told(line: str) -> str:
    """Leave out the path of the client's own report."""
    return refusals.shortened(line[line.find("Error: ") :] if "Error: " in line else line)
