"""Decide what happens to a request: refuse it, spoil it or answer it."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import Lock

from . import fault
from .anthropic_messages import AnthropicMessages
from .bill import Price
from .books import Books
from .dialect import Answer, Call, Dialect, Refusal, Room, Usage
from .document import Document, encode, parse
from .gemini_content import PATH as GEMINI_PATH
from .gemini_content import GeminiContent
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .record import Record
from .scenario import PROVIDERS, Scenario, Step, merge
from .script import Script
from .window import Window
from .wire import Reply, json_reply

PATHS: dict[str, Dialect] = {
    "/v1/responses": OpenAIResponses(),
    "/responses": OpenAIResponses(),
    "/v1/messages": AnthropicMessages(),
    "/v1/chat/completions": OpenAIChat(),
    "/chat/completions": OpenAIChat(),
}
GEMINI = GeminiContent()
MILLISECONDS = 1000


class Upstream:
    """All providers behind one address; safe for threads."""

    def __init__(self, prices: Mapping[str, Price], latency_ms: int = 0) -> None:
        """Start with no limits, no faults and empty books."""
        self.books = Books(prices)
        self.models = sorted(prices)
        self._latency_ms = latency_ms
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._scenarios = {name: Scenario() for name in PROVIDERS}
        self._scripts = {name: Script(scenario) for name, scenario in self._scenarios.items()}
        self._windows = {name: Window() for name in PROVIDERS}

    def play(self, document: Document) -> None:
        """Merge a scenario; faults and tools it gives start anew; raises ScenarioError."""
        with self._lock:
            scenarios = merge(self._scenarios, document)
            for name, scenario in scenarios.items():
                before = self._scenarios[name]
                if scenario.faults is not before.faults or scenario.tools is not before.tools:
                    self._scripts[name] = Script(scenario)
            self._scenarios = scenarios

    def scenario(self, provider: str) -> Scenario:
        """Return what a provider does now."""
        with self._lock:
            return self._scenarios[provider]

    def reset(self) -> None:
        """Clear faults, tools, windows and books; limits, keys and answers stay."""
        with self._lock:
            for name in PROVIDERS:
                self._scenarios[name] = replace(self._scenarios[name], faults=(), tools=())
                self._scripts[name] = Script(self._scenarios[name])
                self._windows[name] = Window()
            self.books.clear()

    def answer(
        self, dialect: Dialect, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Reply, Record]:
        """Return the reply to a request and its entry in the books."""
        try:
            document = parse(body)
        except ValueError:
            document = {}
        call = dialect.read(path.partition("?")[0], document, len(body))
        record = self.books.arrive(call, path, headers, len(body))
        scenario, script = self._scenarios[dialect.provider], self._scripts[dialect.provider]
        latency_s = (
            self._latency_ms if scenario.latency_ms is None else scenario.latency_ms
        ) / MILLISECONDS
        if scenario.key is not None and dialect.key(headers) != scenario.key:
            reply = self._refuse(dialect, record, Refusal(401, call.model, "api_key"))
        elif not call.model:
            reply = self._refuse(dialect, record, Refusal(400, call.model))
        else:
            reply = self._generate(dialect, record, scenario, script)
        if latency_s:
            silence_s = reply.manner.silence_s + latency_s
            reply = replace(reply, manner=replace(reply.manner, silence_s=silence_s))
        return reply, record

    def _generate(
        self, dialect: Dialect, record: Record, scenario: Scenario, script: Script
    ) -> Reply:
        call = record.call
        step = script.fault(call)
        if step is not None and step.kind not in fault.ANSWERED:
            reply = fault.replace_answer(step, call, dialect)
            self.books.fault(record, step.kind, reply.status if step.kind == "status" else None)
            return reply
        answer, usage = self._write(dialect, call, scenario, script, step)
        limits = (
            (None, None) if step else (scenario.requests_per_minute, scenario.tokens_per_minute)
        )
        tokens = usage.input_tokens + usage.output_tokens
        room = self._windows[dialect.provider].admit(tokens, *limits, time.monotonic())
        if room.over:
            retry_after = str(max(1, -int(-room.retry_after_s // 1)))
            return self._refuse(
                dialect, record, Refusal(429, call.model, retry_after=retry_after, room=room)
            )
        self.books.charge(record, usage)
        reply = _success(dialect, call, answer, room, scenario.headers or {})
        if step is None:
            self.books.serve(record)
            return reply
        self.books.fault(record, step.kind)
        return fault.spoil(step, reply)

    def _write(
        self, dialect: Dialect, call: Call, scenario: Scenario, script: Script, step: Step | None
    ) -> tuple[Answer, Usage]:
        """Return the answer and what it costs; a fault in the usage shows only in the answer."""
        kind = step.kind if step else ""
        tools = () if kind == "empty" else script.tools(call, dialect)
        words = (
            f"Simulated answer from {dialect.provider}."
            if scenario.answer is None
            else scenario.answer
        )
        words = "" if tools or kind == "empty" else words
        written = sum(len(encode(tool.arguments)) + len(tool.source or "") for tool in tools) + len(
            words.encode()
        )
        output_tokens = (
            -(-written // 4) if scenario.output_tokens is None else scenario.output_tokens
        )
        limit = call.max_output_tokens
        cut = limit is not None and output_tokens > limit
        if limit is not None and cut:
            output_tokens, words = limit, words[: limit * 4]
        usage = Usage(
            call.input_tokens, min(scenario.cached_tokens or 0, call.input_tokens), output_tokens
        )
        shown = {"no_usage": None, "negative_usage": fault.NEGATIVE}.get(kind, usage)
        return Answer(next(self._numbers), words, tools, shown, cut=cut), usage

    def _refuse(self, dialect: Dialect, record: Record, refusal: Refusal) -> Reply:
        refused = dialect.refuse(refusal)
        self.books.refuse(record, refused.status)
        return json_reply(refused.status, refused.body, refused.headers)


def dialect_of(path: str) -> Dialect | None:
    """Return the dialect spoken at a path without its query."""
    return GEMINI if GEMINI_PATH.match(path) else PATHS.get(path)


def _success(
    dialect: Dialect, call: Call, answer: Answer, room: Room, more: Mapping[str, str]
) -> Reply:
    headers = {**dialect.room_headers(room), **more}
    if not call.stream:
        return json_reply(200, dialect.reply(call, answer), headers)
    events: Iterator[bytes] = dialect.events(call, answer)
    return Reply(
        200, {"content-type": "text/event-stream", "cache-control": "no-cache", **headers}, events
    )
