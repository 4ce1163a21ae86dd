"""Anthropic Messages: `POST /v1/messages`, streamed (docs.anthropic.com, Messages API)."""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.prompt import Prompt
from orchestrator.providers.reading import Reading, count, text_at
from orchestrator.records import Event, Failure, Json, Spent

_ERROR_STATUS = {
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "authentication_error": 401,
    "permission_error": 403,
    "api_error": 500,
}


def anthropic_request(prompt: Prompt) -> tuple[str, dict[str, str], Json]:
    """Build path, headers and body."""
    images = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": image.media_type, "data": image.base64},
        }
        for image in prompt.images
    ]
    content = [*images, {"type": "text", "text": prompt.task}] if images else prompt.task
    body: Json = {
        "model": prompt.model,
        "max_tokens": prompt.max_output_tokens,
        "system": prompt.system,
        "messages": [{"role": "user", "content": content}],
        "stream": True,
        **prompt.sampling,
    }
    return "/v1/messages", {"x-api-key": prompt.key, "anthropic-version": "2023-06-01"}, body


class AnthropicReading(Reading):
    """Reads the events; usage comes in two parts, at the start and with the stop reason."""

    def event(self, document: Json) -> list[Event]:
        """Read one server-sent event."""
        kind = text_at(document, "type")
        if kind == "message_start":
            return self._usage((document.get("message") or {}).get("usage"), whole=False)
        if kind == "content_block_delta":
            text = text_at(document, "delta", "text")
            self.parts.append(text)
            return [Event("text", text)]
        if kind == "message_delta":
            events = self._usage(document.get("usage"), whole=True)
            if text_at(document, "delta", "stop_reason") == "refusal":
                return self.failed(Failure(r.INVALID_INPUT, "the model declined to answer"))
            return events
        if kind == "message_stop":
            self.finished = True
            return [Event("done", spent=self.spent)]
        if kind == "error":
            error = document.get("error")
            status = _ERROR_STATUS.get(text_at(error, "type"), 500)
            message = text_at(error, "message")
            return self.failed(refusals.from_status(status, message, {}, clock.now_ms()))
        return []

    def _usage(self, usage: Json | None, *, whole: bool) -> list[Event]:
        """Add a report: `input_tokens` leaves the cached ones out; output is cumulative.

        The first tells one output token, whatever is still to come: only the last is `whole`.
        """
        if not isinstance(usage, dict):
            return []
        cached = max(count(usage, "cache_read_input_tokens"), self.spent.cached_input_tokens)
        written = max(count(usage, "cache_creation_input_tokens"), self.spent.cache_write_tokens)
        before = self.spent.input_tokens - self.spent.cached_input_tokens
        plain = max(count(usage, "input_tokens"), before - self.spent.cache_write_tokens)
        output = max(count(usage, "output_tokens"), self.spent.output_tokens)
        self.spent = Spent(1, plain + cached + written, cached, written, output)
        self.usage_known = whole and self.spent.input_tokens > 0
        return []
