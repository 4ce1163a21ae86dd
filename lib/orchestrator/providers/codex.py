"""The codex client: `codex exec --json -`."""

from __future__ import annotations

import re

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.reading import PULSE, Reading, count, text_at, total
from orchestrator.records import Event, Failure, Json, Spent

# What it logs of its requests (RUST_LOG in its configuration), without any of their content. On
# stdout it says nothing of an answer before it is whole, nor of the times it repeats a request.
_LOGGED = re.compile(r'^\S+ +INFO codex_otel\.trace_safe: event\.name="codex\.(\w+)"(.*)')
_STATUS = re.compile(r" http\.response\.status_code=(\d+)")
_FIGURE = re.compile(r" (\w+)_token_count=(\d+)")
_UNSTARTED = re.compile(r"required MCP servers failed to initialize: (.*)")
_RETRYING = re.compile(r"^(?:Reconnecting|Retrying)\b[^(]*(?:\((.*)\)$)?", re.DOTALL)
_PATTERNS = (
    (re.compile(r"last status: 429|status 429"), r.RATE_LIMIT),
    (re.compile(r"ran out of room in the model's context window"), r.CONTEXT_LENGTH),
    (re.compile(r"^The model .* does not exist"), r.INVALID_INPUT),
    (re.compile(r"^We.re currently experiencing high demand"), r.SERVER),
    (re.compile(r"^stream disconnected|^error sending request|^connection"), r.NETWORK),
)


class CodexReading(Reading):
    """Reads the event stream, which tells tokens once, at its end, and the log of its requests."""

    def __init__(self) -> None:
        """Begin with no request answered."""
        super().__init__()
        self.answered: list[tuple[str, Spent]] = []
        self.socket_refused = False  # with a login it tries a WebSocket first, then HTTPS

    def document(self, document: Json) -> list[Event]:
        """Read one event."""
        kind = document.get("type")
        if kind == "thread.started":
            return [Event("started")]
        if kind in ("item.started", "item.updated", "item.completed"):
            return self._item(kind, document.get("item") or {})
        if kind == "turn.completed":
            return self._completed(document)
        if kind == "error":
            return self._error(text_at(document, "message"))
        if kind == "turn.failed":
            return self._error(text_at(document, "error", "message"))
        return []

    def stderr(self, line: str) -> list[Event]:
        """Read what it logs of a request: that it was answered, its figures, a refusal at once."""
        logged = _LOGGED.search(line)
        name, rest = (logged[1], logged[2]) if logged else ("", "")
        if name == "sse_event" and " error.message=" not in rest:
            self._answered({kind: int(figure) for kind, figure in _FIGURE.findall(rest)})
            return [PULSE]
        if name == "api_request":
            self.socket_refused = False
            return self._requested(rest)
        if name == "websocket_connect":
            return self._connected(rest)
        if name == "tool_call_received" and self.answered:
            return [Event("usage", spent=self.spent)]  # another request will follow
        unstarted = _UNSTARTED.search(line)
        return self.lacking(refusals.shortened(unstarted[1]), sent=False) if unstarted else []

    def _answered(self, figures: dict[str, int]) -> None:
        spent = Spent(
            requests=1,
            input_tokens=figures.get("input", 0),
            cached_input_tokens=figures.get("cached", 0),
            cache_write_tokens=figures.get("cache_write", 0),
            output_tokens=figures.get("output", 0),
        )
        self.answered.append(("", spent))
        self.spent = total(self.answered)

    def _connected(self, facts: str) -> list[Event]:
        """Read how a WebSocket was met; proxies that know none refuse it, HTTPS may do then."""
        status = _STATUS.search(facts)
        self.socket_refused = ' success="true"' not in facts
        if status and (int(status[1]) == 429 or int(status[1]) >= 500):
            return self._requested(facts)
        return []

    def _requested(self, facts: str) -> list[Event]:
        status = _STATUS.search(facts)
        if status is None:
            failure = Failure(r.NETWORK, "the connection to the upstream failed")
            return [Event("retry", failure.message, failure=failure)]
        if int(status[1]) >= 500:
            failure = refusals.from_status(int(status[1]), "", {}, clock.now_ms())
            return [Event("retry", failure.message, failure=failure)]
        if int(status[1]) >= 400:
            return [PULSE]  # it is not repeated: the reason follows on stdout
        return [Event("usage", spent=self.spent) if self.answered else PULSE]

    def _item(self, kind: str, item: Json) -> list[Event]:
        what = text_at(item, "type")
        if what == "agent_message" and kind == "item.completed":
            self.parts = [text_at(item, "text")]  # the last message is the answer
            return [Event("text", self.parts[0])]
        if what in ("error", "reasoning", "agent_message", ""):
            return []
        self.used_tools = True
        if kind != "item.started":
            return []
        target = text_at(item, "command") or text_at(item, "query") or text_at(item, "tool")
        return [Event("tool", f"{what} {target}".strip())]

    def _completed(self, document: Json) -> list[Event]:
        self.finished = True
        usage = document.get("usage")
        told = Spent(
            requests=max(1, len(self.answered)),
            input_tokens=count(usage, "input_tokens"),
            cached_input_tokens=count(usage, "cached_input_tokens"),
            cache_write_tokens=count(usage, "cache_write_input_tokens"),
            output_tokens=count(usage, "output_tokens"),
        )
        if self.spent._replace(parts=()) != told:
            self.spent = told
        self.usage_known = self.spent.input_tokens > 0
        return [Event("done", spent=self.spent)]

    def _error(self, message: str) -> list[Event]:
        retrying = _RETRYING.search(message)
        failure = _failure((retrying and retrying[1]) or message)
        if retrying and self.socket_refused:
            return []
        if retrying:
            return [Event("retry", refusals.shortened(message), failure=failure)]
        return self.failed(failure)


def _failure(message: str) -> Failure:
    text = refusals.shortened(message)
    for pattern, kind in _PATTERNS:
        if pattern.search(message):
            return Failure(kind, text)
    known = refusals.from_message(message, clock.now_ms())
    return known or Failure(r.SERVER, text or "it failed without a reason")
