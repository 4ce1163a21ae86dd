"""Gemini: `POST /v1beta/models/M:streamGenerateContent` (ai.google.dev, generateContent)."""

from __future__ import annotations

from urllib.parse import quote

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.prompt import Prompt
from orchestrator.providers.reading import Reading, count, text_at
from orchestrator.records import Event, Failure, Json, Spent

WHOLE = ("STOP", "MAX_TOKENS")


def gemini_request(prompt: Prompt) -> tuple[str, dict[str, str], Json]:
    """Build path, headers and body."""
    images = [
        {"inlineData": {"mimeType": image.media_type, "data": image.base64}}
        for image in prompt.images
    ]
    body: Json = {
        "contents": [{"role": "user", "parts": [{"text": prompt.task}, *images]}],
        "systemInstruction": {"parts": [{"text": prompt.system}]},
        "generationConfig": {"maxOutputTokens": prompt.max_output_tokens, **prompt.sampling},
    }
    path = f"/v1beta/models/{quote(prompt.model, safe='')}:streamGenerateContent?alt=sse"
    return path, {"x-goog-api-key": prompt.key}, body


class GeminiApiReading(Reading):
    """Reads the chunks; output is candidates and thoughts, the last usage counts."""

    def event(self, document: Json) -> list[Event]:
        """Read one chunk."""
        events: list[Event] = []
        error = document.get("error")
        if isinstance(error, dict):
            status, message = count(error, "code") or 500, text_at(error, "message")
            return self.failed(refusals.from_status(status, message, {}, clock.now_ms()))
        usage = document.get("usageMetadata")
        if isinstance(usage, dict):
            self.spent = Spent(
                requests=1,
                input_tokens=count(usage, "promptTokenCount"),
                cached_input_tokens=count(usage, "cachedContentTokenCount"),
                output_tokens=count(usage, "candidatesTokenCount")
                + count(usage, "thoughtsTokenCount"),
            )
        for candidate in (document.get("candidates") or ())[:1]:
            for part in (candidate.get("content") or {}).get("parts") or ():
                if not part.get("thought"):
                    self.parts.append(text_at(part, "text"))
                    events.append(Event("text", self.parts[-1]))
            events += self._ended(text_at(candidate, "finishReason"))
        # Every chunk tells the usage so far; it is whole with the finish reason.
        self.usage_known = self.finished and self.spent.input_tokens > 0
        blocked = text_at(document, "promptFeedback", "blockReason")
        if blocked:
            return self.failed(Failure(r.INVALID_INPUT, f"the prompt was blocked: {blocked}"))
        return events

    def _ended(self, reason: str) -> list[Event]:
        if not reason:
            return []
        self.finished = True
        if reason not in WHOLE:
            return self.failed(Failure(r.INVALID_INPUT, f"it stopped early: {reason}"))
        return [Event("done", spent=self.spent)]
