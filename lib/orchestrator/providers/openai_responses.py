"""OpenAI Responses: `POST /responses`, streamed (platform.openai.com, Responses API reference)."""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.prompt import Prompt
from orchestrator.providers.reading import Reading, count, text_at
from orchestrator.records import Event, Failure, Json, Spent

LEAST_OUTPUT = 16


def responses_request(prompt: Prompt) -> tuple[str, dict[str, str], Json]:
    """Build path, headers and body."""
    images = [{"type": "input_image", "image_url": image.data_url} for image in prompt.images]
    content = [{"type": "input_text", "text": prompt.task}, *images]
    body: Json = {
        "model": prompt.model,
        "input": [{"role": "user", "content": content}],
        "instructions": prompt.system,
        "max_output_tokens": max(LEAST_OUTPUT, prompt.max_output_tokens),
        "stream": True,
        "store": False,
        **prompt.sampling,
    }
    return "/responses", {"authorization": f"Bearer {prompt.key}"}, body


class ResponsesReading(Reading):
    """Reads the events; `response.completed` holds usage and makes the answer whole."""

    def event(self, document: Json) -> list[Event]:
        """Read one server-sent event."""
        kind = text_at(document, "type")
        if kind == "response.output_text.delta":
            self.parts.append(text_at(document, "delta"))
            return [Event("text", self.parts[-1])]
        if kind in ("response.completed", "response.incomplete"):
            return self._ended(kind, document)
        if kind in ("response.failed", "error"):
            self._usage(document)
            error = document.get("error") or (document.get("response") or {}).get("error") or {}
            message = text_at(error, "message") or text_at(document, "message")
            failure = refusals.from_message(f"{text_at(error, 'code')} {message}", clock.now_ms())
            return self.failed(failure or Failure(r.SERVER, refusals.shortened(message or kind)))
        return []

    def _usage(self, document: Json) -> None:
        usage = (document.get("response") or {}).get("usage")
        self.spent = Spent(
            requests=1,
            input_tokens=count(usage, "input_tokens"),
            cached_input_tokens=count(usage, "input_tokens_details", "cached_tokens"),
            output_tokens=count(usage, "output_tokens"),
        )
        self.usage_known = self.spent.input_tokens > 0

    def _ended(self, kind: str, document: Json) -> list[Event]:
        self._usage(document)
        self.finished = True
        why = text_at(document, "response", "incomplete_details", "reason")
        if kind == "response.incomplete" and why != "max_output_tokens":
            return self.failed(Failure(r.INVALID_INPUT, f"it stopped early: {why or 'no reason'}"))
        return [Event("done", spent=self.spent)]
