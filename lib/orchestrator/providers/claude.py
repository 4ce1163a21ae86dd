"""The claude client: `claude -p --output-format stream-json --verbose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator import clock
from orchestrator import records as r
from orchestrator.providers import rate_headers, refusals
from orchestrator.providers.reading import PULSE, Reading, count, text_at, total
from orchestrator.records import Event, Failure, Json, Seen, Spent

PLAN_WINDOWS = {"five_hour": 18_000, "seven_day": 604_800}
FULLEST = 100.0  # times a window: more is no figure


class ClaudeReading(Reading):
    """Reads the event stream; settles from `modelUsage`, which counts every request it made."""

    def __init__(self) -> None:
        """Begin with no message seen; `seen` is the usage of each by its id."""
        super().__init__()
        self.seen: dict[str, Json] = {}
        self.current = ""

    def document(self, document: Json) -> list[Event]:
        """Read one event."""
        kind, subtype = document.get("type"), document.get("subtype")
        if kind == "system" and subtype == "init":
            return self._started(document)
        if kind == "system" and subtype == "api_retry":
            return [self._retry(document)]
        if kind == "rate_limit_event":
            return self._limit(document)
        if kind == "stream_event":
            return self._streamed(document.get("event") or {})
        if kind == "assistant":
            return self._message(document)
        return self._result(document) if kind == "result" else []

    def _started(self, document: Json) -> list[Event]:
        """Take its greeting, which tells how the servers of tools are."""
        told = document.get("mcp_servers") or ()
        bad = [row["name"] for row in told if row["status"] != "connected"]
        lost = sorted(self.servers.intersection(bad))
        if lost:
            return self.lacking(", ".join(lost))
        return [Event("started", text_at(document, "model"))]

    def _retry(self, document: Json) -> Event:
        status = count(document, "error_status")
        told = document.get("retry_delay_ms")  # a fraction, mostly
        wait_s = told / 1000 if isinstance(told, (int, float)) else None
        error, now_ms = text_at(document, "error"), clock.now_ms()
        failure = refusals.from_status(status or 503, error, {}, now_ms)
        failure = failure._replace(wait_s=wait_s)
        return Event(
            "retry", f"retry {count(document, 'attempt')}: {failure.message}", failure=failure
        )

    def _limit(self, document: Json) -> list[Event]:
        info = document.get("rate_limit_info")
        self.figures += plan_figures(info, clock.now_ms())
        if text_at(info, "status") != "rejected" or (info or {}).get("isUsingOverage") is True:
            return []  # what is over the plan is paid for
        reset, kind = count(info, "resetsAt"), text_at(info, "rateLimitType") or "usage"
        message, now_ms = f"the {kind.replace('_', ' ')} limit is reached", clock.now_ms()
        return self.failed(refusals.quota(message, now_ms, kind, None, reset * 1000 or None))

    def _message(self, document: Json) -> list[Event]:
        message = document.get("message")
        if text_at(message, "model") == "<synthetic>" or not isinstance(message, dict):
            return []
        events = []
        for part in message.get("content") or ():
            if text_at(part, "type") == "tool_use":
                self.used_tools = True
                events.append(Event("tool", _tool(part)))
            elif text_at(part, "type") == "text":
                events.append(Event("text", text_at(part, "text")))
        return events

    def _streamed(self, event: Json) -> list[Event]:
        """Read a piece of a message: its start tells what went in, its end what came out."""
        kind, usage = text_at(event, "type"), event.get("usage")
        if kind == "message_start":
            message = event.get("message")
            self.current, usage = text_at(message, "id"), (message or {}).get("usage")
            self.seen.setdefault(self.current, {"model": text_at(message, "model")})
        if not isinstance(usage, dict):
            return [PULSE]
        told = {name: figure for name, figure in usage.items() if isinstance(figure, int)}
        self.seen[self.current] = {**self.seen.get(self.current, {"model": ""}), **told}
        self.spent = total(self._requests())
        more = text_at(event, "delta", "stop_reason") == "tool_use"
        return [Event("usage", spent=self.spent)] if more else [PULSE]

    def _requests(self) -> list[tuple[str, Spent]]:
        return [(_plain(usage["model"]), _of_message(usage)) for usage in self.seen.values()]

    def _result(self, document: Json) -> list[Event]:
        self.finished = True
        models = document.get("modelUsage")
        if isinstance(models, dict) and models:
            cost = document.get("total_cost_usd")
            self.spent = _from_models(models, self._requests())._replace(
                cost_usd=float(cost) if isinstance(cost, (int, float)) and cost > 0 else None
            )
            self.usage_known = self.spent.input_tokens > 0
        answer = text_at(document, "result")
        if document.get("is_error"):
            status = count(document, "api_error_status")
            if status:
                failure = refusals.from_status(status, answer, {}, clock.now_ms())
                quota = refusals.from_message(answer, clock.now_ms())
                if quota and quota.kind in (r.QUOTA, r.CONTEXT_LENGTH):
                    failure = quota
            elif document.get("subtype") == "error_max_budget_usd":
                failure = Failure(r.MAX_COST, "it reached --max-cost")
            else:
                failure = refusals.from_message(answer, clock.now_ms()) or Failure(
                    r.SERVER, refusals.shortened(answer or text_at(document, "subtype"))
                )
            return self.failed(failure)
        self.parts = [answer]
        return [Event("done", spent=self.spent)]


def plan_figures(info: Any, at_ms: int) -> list[Seen]:
    """Read how full the windows of a plan are: all of them where told, else the one it is about.

    Utilization is a fraction of 1; without it only a refusal tells: the window is full.
    """
    windows = info.get("unifiedWindows") if isinstance(info, dict) else None
    told = dict(windows) if isinstance(windows, dict) else {}
    told.setdefault(text_at(info, "rateLimitType"), info)
    found = []
    for name, window in told.items():
        if name not in PLAN_WINDOWS or not isinstance(window, dict):
            continue
        rejected = window is info and text_at(info, "status") == "rejected"
        fraction = window.get("utilization", 1.0 if rejected else None)
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
            continue
        if not 0 <= fraction < FULLEST:
            continue
        reset_s = count(window, "resetsAt") or None
        window_s = PLAN_WINDOWS[name]
        found.append(
            rate_headers.plan_window(window_s, fraction, reset_s, None, "client run", at_ms)
        )
    return found


def _tool(part: Json) -> str:
    given = part.get("input")
    target = text_at(given, "file_path") or text_at(given, "pattern") or text_at(given, "command")
    return f"{text_at(part, 'name')} {target}".strip()


def _from_models(models: Json, seen: Sequence[tuple[str, Spent]]) -> Spent:
    """Read the figures of each model: request by request, where those that were seen add up."""
    parts: list[tuple[str, Spent]] = []
    for name, model in models.items():
        whole, plain = _one(model), _plain(name)
        requests = [part for part in seen if _plain(part[0]) == plain]
        told = total(requests)._replace(parts=())
        same = told == whole._replace(requests=told.requests)
        parts += requests if requests and same else [(plain, whole)]
    return total(parts)


def _of_message(usage: Json) -> Spent:
    cached = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    plain = count(usage, "input_tokens")
    return Spent(1, plain + cached + written, cached, written, count(usage, "output_tokens"))


def _one(model: Json) -> Spent:
    cached = count(model, "cacheReadInputTokens")
    written = count(model, "cacheCreationInputTokens")
    plain = count(model, "inputTokens")
    return Spent(1, plain + cached + written, cached, written, count(model, "outputTokens"))


def _plain(model: str) -> str:
    """Leave out the client's marks on a model's name: `claude-opus-4-8[1m]`."""
    return model.partition("[")[0]
