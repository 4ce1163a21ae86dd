"""A call over HTTP: the request of its dialect, and its server-sent events as a Reading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from orchestrator import clock
from orchestrator.providers import http, refusals
from orchestrator.providers.anthropic import AnthropicReading, anthropic_request
from orchestrator.providers.gemini_api import GeminiApiReading, gemini_request
from orchestrator.providers.openai_chat import ChatReading, chat_request
from orchestrator.providers.openai_responses import ResponsesReading, responses_request
from orchestrator.providers.process import Deadlines
from orchestrator.providers.readiness import base_url_of, key_of
from orchestrator.providers.reading import Reading, parsed
from orchestrator.records import Event, Json, Route

DIALECTS = {
    "openai_responses": (responses_request, ResponsesReading),
    "anthropic": (anthropic_request, AnthropicReading),
    "gemini": (gemini_request, GeminiApiReading),
    "openai_chat": (chat_request, ChatReading),
}


def call(
    route: Route,
    environment: Mapping[str, str],
    system: str,
    task: str,
    deadlines: Deadlines,
    reading: Reading,
) -> Iterator[Event]:
    """Make the call and yield its events; `reading` holds the outcome afterwards."""
    transport = route.transport
    build, _ = DIALECTS[transport.dialect or ""]
    key = key_of(transport, environment) or ""
    path, headers, body = build(route.model, system, task, route.max_output_tokens, key)
    url = base_url_of(transport, environment) + path
    data = json.dumps(body, ensure_ascii=False).encode()
    status, told, refusal, rest = 0, {}, bytearray(), bytearray()
    for chunk in http.post(url, {"content-type": "application/json", **headers}, data, deadlines):
        if chunk.kind == "tick":
            yield Event("tick")
        elif chunk.kind == "head":
            status, told = chunk.status, dict(chunk.headers)
            if status == 200:
                yield Event("started", route.model)
        elif chunk.kind == "data" and status == 200:
            for document in _events(rest, chunk.data):
                yield from reading.event("", document)
        elif chunk.kind == "data":
            refusal += chunk.data
        elif chunk.failure is not None:
            yield from reading.failed(chunk.failure)
        elif status != 200:
            text = refusal.decode("utf-8", "replace")
            yield from reading.failed(refusals.from_status(status, text, told, clock.now_ms()))


def reading_of(dialect: str) -> Reading:
    """Make the reader of a dialect."""
    return DIALECTS[dialect][1]()


def _events(rest: bytearray, data: bytes) -> list[Json]:
    """Add bytes and take the whole server-sent events; comments and `[DONE]` are none."""
    rest += data
    found = []
    *lines, tail = bytes(rest).split(b"\n") if b"\n" in data else [bytes(rest)]
    rest[:] = tail
    for line in lines:
        if line.startswith(b"data:"):
            document = parsed(line[5:].decode("utf-8", "replace"))
            if document is not None:
                found.append(document)
    return found
