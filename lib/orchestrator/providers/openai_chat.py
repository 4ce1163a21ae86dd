"""OpenAI-compatible chat, `POST /chat/completions`: DeepSeek, Ollama, vLLM, LiteLLM."""

from __future__ import annotations

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import refusals
from orchestrator.providers.prompt import Prompt
from orchestrator.providers.reading import Reading, count, text_at
from orchestrator.records import Event, Failure, Json, Outcome, Spent


def chat_request(prompt: Prompt) -> tuple[str, dict[str, str], Json]:
    """Build path, headers and body; a local server without keys gets no authorization."""
    images = [{"type": "image_url", "image_url": {"url": i.data_url}} for i in prompt.images]
    content = [{"type": "text", "text": prompt.task}, *images] if images else prompt.task
    body: Json = {
        "model": prompt.model,
        "messages": [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": content},
        ],
        "max_tokens": prompt.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        **prompt.sampling,
    }
    headers = {"authorization": f"Bearer {prompt.key}"} if prompt.key else {}
    return "/chat/completions", headers, body


class ChatReading(Reading):
    """Reads the chunks; the finish reason makes the answer whole, usage comes last."""

    def __init__(self) -> None:
        """Begin with nothing stopped."""
        super().__init__()
        self.stopped: Failure | None = None  # told once the usage is there: it is billed

    def event(self, document: Json) -> list[Event]:
        """Read one chunk."""
        events: list[Event] = []
        error = document.get("error")
        if isinstance(error, dict):
            message = text_at(error, "message")
            code = count(error, "code") or text_at(error, "code")  # vLLM says 429, others "429"
            failure = refusals.from_message(f"{code} {message}", clock.now_ms())
            return self.failed(failure or Failure(r.SERVER, refusals.shortened(message)))
        for choice in (document.get("choices") or ())[:1]:
            text = text_at(choice, "delta", "content")
            if text:
                self.parts.append(text)
                events.append(Event("text", text))
            reason = text_at(choice, "finish_reason")
            if reason in ("stop", "length"):
                self.finished = True
                events.append(Event("done", spent=self.spent))
            elif reason:
                self.stopped = Failure(r.INVALID_INPUT, f"it stopped early: {reason}")
        usage = document.get("usage")
        if isinstance(usage, dict):
            cached = count(usage, "prompt_tokens_details", "cached_tokens")
            cached = cached or count(usage, "prompt_cache_hit_tokens")
            self.spent = Spent(
                requests=1,
                input_tokens=count(usage, "prompt_tokens"),
                cached_input_tokens=cached,
                output_tokens=count(usage, "completion_tokens"),
            )
            self.usage_known = self.spent.input_tokens > 0
            if self.stopped is not None:
                return self.failed(self.stopped)
        return events

    def outcome(self, exit_code: int | None = None) -> Outcome:
        """Judge what was read, a stop whose usage never came included."""
        self.failure = self.failure or self.stopped
        return super().outcome(exit_code)
