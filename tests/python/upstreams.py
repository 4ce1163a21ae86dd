"""A simulated upstream in this process, and how to ask it."""

import http.client
import json
from decimal import Decimal
from pathlib import Path

from orchestrator.simulator.bill import Price

LIB = Path(__file__).resolve().parents[2] / "lib"
PRICES = {"priced": Price(Decimal("1.5"), Decimal(6), Decimal("0.25"))}
GEMINI = "/v1beta/models/priced"
PROMPTS = {
    "codex": ("/v1/responses", {"model": "priced", "input": "hello"}),
    "claude": (
        "/v1/messages?beta=true",
        {"model": "priced", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]},
    ),
    "gemini": (f"{GEMINI}:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
    "compatible": (
        "/v1/chat/completions",
        {"model": "priced", "messages": [{"role": "user", "content": "hello"}]},
    ),
}
ALL = sorted(PROMPTS)
FINISHED = {
    "codex": "response.completed",
    "claude": "message_stop",
    "gemini": '"finishReason":"STOP"',
    "compatible": "data: [DONE]",
}


class Client:
    """Ask a server in this process."""

    def __init__(self, server):
        self.port = server.server_port

    def ask(self, method, path, document=None, headers=None, timeout_s=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        body = None if document is None else json.dumps(document)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def prompt(self, provider, *, stream=False, **more):
        path, document = PROMPTS[provider]
        headers = more.pop("headers", {})
        if stream and provider == "gemini":
            path = f"{GEMINI}:streamGenerateContent?alt=sse"
        elif stream:
            document = {**document, "stream": True, "stream_options": {"include_usage": True}}
        status, given, body = self.ask("POST", path, {**document, **more}, headers)
        return status, given, body if stream else json.loads(body)

    def play(self, provider, **fields):
        status, _, body = self.ask("POST", "/_sim/scenario", {"providers": {provider: fields}})
        assert status == 200, body

    def books(self, provider=None):
        books = json.loads(self.ask("GET", "/_sim/books")[2])
        return books["providers"][provider] if provider else books

    def requests(self, provider=""):
        return json.loads(self.ask("GET", f"/_sim/requests?provider={provider}")[2])


def text_of(provider, reply):
    match provider:
        case "codex":
            return "".join(part["text"] for item in reply["output"] for part in item["content"])
        case "claude":
            return "".join(block["text"] for block in reply["content"])
        case "gemini":
            parts = reply["candidates"][0]["content"].get("parts", [])
            return "".join(part["text"] for part in parts)
        case _:
            return reply["choices"][0]["message"]["content"]


def usage_of(provider, reply):
    usage = reply.get("usage") or reply.get("usageMetadata")
    if usage is None:
        return None
    names = {
        "gemini": ("promptTokenCount", "candidatesTokenCount"),
        "compatible": ("prompt_tokens", "completion_tokens"),
    }
    return tuple(usage[name] for name in names.get(provider, ("input_tokens", "output_tokens")))
