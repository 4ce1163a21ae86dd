"""A call over HTTP: the request of its dialect, and its server-sent events as a Reading."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import http, rate_headers, refusals
from orchestrator.providers.anthropic import AnthropicReading, anthropic_request
from orchestrator.providers.gemini_api import GeminiApiReading, gemini_request
from orchestrator.providers.openai_chat import ChatReading, chat_request
from orchestrator.providers.openai_responses import ResponsesReading, responses_request
from orchestrator.providers.process import Deadlines
from orchestrator.providers.prompt import Prompt
from orchestrator.providers.readiness import base_url_of
from orchestrator.providers.reading import MALFORMED, Reading, parsed
from orchestrator.records import Event, Failure, Json, Transport

MAX_EVENT = 2 * 1024 * 1024  # parsed, it may take thirty times as much
DIALECTS = {
    "openai_responses": (responses_request, ResponsesReading),
    "anthropic": (anthropic_request, AnthropicReading),
    "gemini": (gemini_request, GeminiApiReading),
    "openai_chat": (chat_request, ChatReading),
}


def call(
    prompt: Prompt,
    transport: Transport,
    environment: Mapping[str, str],
    deadlines: Deadlines,
    reading: Reading,
) -> Iterator[Event]:
    """Make the call and yield its events; `reading` holds the outcome afterwards."""
    build, _ = DIALECTS[transport.dialect or ""]
    path, headers, body = build(prompt)
    url = base_url_of(transport, environment) + path
    data = json.dumps(body, ensure_ascii=False).encode()
    trust = environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR")
    request = http.Request(url, {"content-type": "application/json", **headers}, data, trust)
    status, told, refusal, rest = 0, {}, bytearray(), bytearray()
    for chunk in http.exchange(request, deadlines):
        if chunk.kind == "tick":
            yield Event("tick")
        elif chunk.kind == "head":
            status, told = chunk.status, dict(chunk.headers)
            reading.accepted, reading.heard_ms = status == 200, clock.now_ms()
            reading.figures += rate_headers.seen_in(told, transport.account, reading.heard_ms)
            if status == 200:
                yield Event("started", prompt.model)
        elif chunk.kind == "data" and status == 200:
            yield from _read(reading, _events(rest, chunk.data), len(rest))
        elif chunk.kind == "data":
            refusal += chunk.data
        else:
            text = refusal.decode("utf-8", "replace")
            yield from _ended(reading, chunk.failure, status, text, told)


def reading_of(dialect: str) -> Reading:
    """Make the reader of a dialect."""
    return DIALECTS[dialect][1]()


def _ended(
    reading: Reading, failure: Failure | None, status: int, body: str, headers: Mapping[str, str]
) -> list[Event]:
    """Judge the end of an answer; what breaks after a whole one takes nothing away from it."""
    late = failure is not None and failure.kind == r.TIMEOUT
    if status not in (0, 200) and not late:
        return reading.failed(refusals.from_status(status, body, headers, clock.now_ms()))
    return reading.failed(failure) if failure is not None and not reading.finished else []


def _read(reading: Reading, documents: list[Json], left: int) -> Iterator[Event]:
    """Read events; one of another shape than its dialect's, or too much of them, is a failure."""
    for document in documents:
        try:
            events = reading.event(document)
        except MALFORMED as error:
            why = f"an event is not of its dialect: {type(error).__name__}"
            events = reading.failed(Failure(r.NETWORK, why))
        yield from reading.bounded(events)
    if left > MAX_EVENT:
        yield from reading.failed(Failure(r.NETWORK, f"an event is over {MAX_EVENT} bytes"))


def _events(rest: bytearray, data: bytes) -> list[Json]:
    """Add bytes and take the whole server-sent events; comments and `[DONE]` are none."""
    end = data.rfind(b"\n") + 1
    if not end:
        rest += data
        return []
    lines = (bytes(rest) + data[:end]).split(b"\n")
    rest[:] = data[end:]
    found = []
    for line in lines:
        if line.startswith(b"data:"):
            document = parsed(line[5:].decode("utf-8", "replace"))
            if document is not None:
                found.append(document)
    return found
