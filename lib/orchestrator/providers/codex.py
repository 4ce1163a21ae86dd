"""The codex client: `codex exec --json -`."""

from __future__ import annotations

import re

from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.reading import Reading, count, text_at
from orchestrator.records import Event, Failure, Json, Spent

_RETRYING = re.compile(r"^(?:Reconnecting|Retrying)\b")
_PATTERNS = (
    (re.compile(r"^You.ve hit your usage limit|^Quota exceeded"), r.QUOTA),
    (re.compile(r"last status: 429|status 429"), r.RATE_LIMIT),
    (re.compile(r"ran out of room in the model's context window"), r.CONTEXT_LENGTH),
    (re.compile(r"^The model .* does not exist"), r.INVALID_INPUT),
    (re.compile(r"^We.re currently experiencing high demand"), r.SERVER),
    (re.compile(r"^stream disconnected|^error sending request|^connection"), r.NETWORK),
)


class CodexReading(Reading):
    """Reads the event stream; it tells tokens once, at the end of the turn, and no cost."""

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
        self.spent = Spent(
            requests=1,
            input_tokens=count(usage, "input_tokens"),
            cached_input_tokens=count(usage, "cached_input_tokens"),
            cache_write_tokens=count(usage, "cache_write_input_tokens"),
            output_tokens=count(usage, "output_tokens"),
        )
        self.usage_known = self.spent.input_tokens > 0
        return [Event("done", spent=self.spent)]

    def _error(self, message: str) -> list[Event]:
        failure = _failure(message)
        if _RETRYING.search(message):
            return [Event("retry", refusals.shortened(message), failure=failure)]
        return self.failed(failure)


def _failure(message: str) -> Failure:
    text = refusals.shortened(message)
    for pattern, kind in _PATTERNS:
        if pattern.search(message):
            return Failure(kind, text)
    return refusals.from_message(message) or Failure(r.SERVER, text or "it failed without a reason")
