"""What each provider is to do: limits, answers, faults and tools, as a JSON document says."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from .dialect import Tool
from .document import Document, child, text

PROVIDERS = ("codex", "claude", "gemini", "compatible")
FOREVER = -1
SELECTORS = frozenset({"kind", "times", "after", "main_only", "after_tool", "model"})
RETRY = frozenset({"retry_after", "retry_after_ms"})
KINDS: dict[str, frozenset[str]] = {
    "status": RETRY | {"status", "type"},
    "quota": RETRY | {"type", "reset_at"},
    "hang": frozenset({"seconds"}),
    "hang_after_headers": frozenset({"seconds"}),
    "reset": frozenset(),
    "reset_in_body": frozenset(),
    "slow_body": frozenset({"seconds_per_chunk"}),
    "slow_headers": frozenset({"seconds_per_byte"}),
    "truncated": frozenset({"clean"}),
    "empty": frozenset(),
    "html": frozenset({"status"}),
    "empty_object": frozenset(),
    "no_usage": frozenset(),
    "negative_usage": frozenset(),
    "redirect": frozenset({"location", "status"}),
    "gzip_bomb": frozenset({"bytes"}),
    "big_body": frozenset({"bytes"}),
    "raw": frozenset({"status", "headers", "body"}),
}


class ScenarioError(ValueError):
    """A scenario names an unknown provider, field, kind or option, or a value of the wrong type."""


@dataclass(frozen=True)
class Step:
    """One fault: what happens to the requests that match, after skipping some, so many times."""

    kind: str
    times: int = 1
    after: int = 0
    main_only: bool = True
    after_tool: bool = False
    model: str = ""
    options: Mapping[str, object] | None = None

    def number(self, name: str, default: float) -> float:
        """Return a numeric option."""
        found = (self.options or {}).get(name)
        return float(found) if isinstance(found, int | float) else default

    def words(self, name: str) -> str | None:
        """Return an option as text, or None."""
        found = (self.options or {}).get(name)
        return None if found is None else str(found)


@dataclass(frozen=True)
class Scenario:
    """One provider's behaviour; a limit of None means none, answer None the standard sentence."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    latency_ms: int | None = None
    answer: str | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    key: str | None = None
    admin_key: str | None = None  # of the usage reports; None refuses every key
    outside_requests: int | None = None  # used by others, for the reports
    outside_tokens: int | None = None
    outside_cost_micro_usd: int | None = None
    headers: Mapping[str, str] | None = None  # more headers of every answer
    faults: tuple[Step, ...] = ()
    tools: tuple[Tool, ...] = ()
    tools_repeat: bool = False


def merge(scenarios: Mapping[str, Scenario], document: Document) -> dict[str, Scenario]:
    """Return the scenarios with the document's fields laid over them; raises ScenarioError."""
    _known(document, {"providers"}, "scenario")
    given = child(document, "providers")
    _known(given, PROVIDERS, "providers")
    return {
        name: _merge(scenario, child(given, name), name) if name in given else scenario
        for name, scenario in scenarios.items()
    }


def _merge(scenario: Scenario, given: Document, where: str) -> Scenario:
    _known(given, Scenario.__dataclass_fields__, where)
    changes: dict[str, object] = {}
    for name, value in given.items():
        if name == "faults":
            changes[name] = tuple(
                _step(item, f"{where}.faults") for item in _list(value, f"{where}.faults")
            )
        elif name == "tools":
            changes[name] = tuple(
                _tool(item, f"{where}.tools") for item in _list(value, f"{where}.tools")
            )
        elif name in {"answer", "key", "admin_key"}:
            changes[name] = _typed(value, str, f"{where}.{name}")
        elif name == "headers":
            changes[name] = _typed(value, dict, f"{where}.{name}")
        elif name == "tools_repeat":
            changes[name] = _typed(value, bool, f"{where}.{name}") is True
        else:
            changes[name] = _typed(value, int, f"{where}.{name}")
    return replace(scenario, **changes)  # type: ignore[arg-type]  # every field is checked above


def _step(given: Document, where: str) -> Step:
    kind = text(given, "kind")
    if kind not in KINDS:
        message = f"{where}: unknown kind {kind!r}; known: {', '.join(KINDS)}"
        raise ScenarioError(message)
    _known(given, SELECTORS | KINDS[kind], f"{where} ({kind})")
    times = (
        FOREVER
        if given.get("times") == "always"
        else _typed(given.get("times", 1), int, f"{where}.times")
    )
    after = _typed(given.get("after", 0), int, f"{where}.after")
    main_only = _typed(given.get("main_only", True), bool, f"{where}.main_only")
    after_tool = _typed(given.get("after_tool", False), bool, f"{where}.after_tool")
    options = {name: value for name, value in given.items() if name not in SELECTORS}
    return Step(
        kind=kind,
        times=times if isinstance(times, int) else 1,
        after=after if isinstance(after, int) else 0,
        main_only=main_only is not False,
        after_tool=after_tool is True,
        model=text(given, "model"),
        options=options,
    )


def _tool(given: Document, where: str) -> Tool:
    _known(given, {"edit", "tool", "input"}, where)
    if text(given, "tool"):
        source = text(given, "input") if isinstance(given.get("input"), str) else None
        return Tool(name=text(given, "tool"), arguments=child(given, "input"), source=source)
    edit = child(given, "edit")
    _known(edit, {"path", "content", "old"}, f"{where}.edit")
    if not text(edit, "path"):
        message = f'{where}: give {{"edit": {{"path": ...}}}} or {{"tool": ...}}'
        raise ScenarioError(message)
    old = text(edit, "old") if "old" in edit else None
    return Tool(path=text(edit, "path"), content=text(edit, "content"), old=old)


def _known(given: Document, names: Container[str], where: str) -> None:
    unknown = [name for name in given if name not in names]
    if unknown:
        message = f"{where}: unknown: {', '.join(sorted(unknown))}"
        raise ScenarioError(message)


def _list(value: object, where: str) -> list[Document]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        message = f"{where}: expected a list of objects"
        raise ScenarioError(message)
    return value


def _typed(value: object, kind: type, where: str) -> object:
    if value is not None and type(value) is not kind:
        message = f"{where}: expected {kind.__name__}, not {value!r}"
        raise ScenarioError(message)
    return value
