"""Play a provider's faults and tools in order, one for each request they match."""

from collections import deque
from threading import Lock

from .dialect import Call, Dialect, ToolCall
from .scenario import FOREVER, Scenario, Step


class Script:
    """The position in one provider's scenario; safe for threads.

    Only the first fault left is looked at: a request it does not match passes.
    """

    def __init__(self, scenario: Scenario) -> None:
        """Start at the beginning."""
        self._lock = Lock()
        self._tools = scenario.tools
        self._repeat = scenario.tools_repeat
        self._next_tool = 0
        self._faults = deque(step for step in scenario.faults if step.times != 0)
        self._skipped = 0
        self._played = 0

    def fault(self, call: Call) -> Step | None:
        """Return the fault this call meets."""
        with self._lock:
            if not self._faults or not _matches(self._faults[0], call):
                return None
            step = self._faults[0]
            if self._skipped < step.after:
                self._skipped += 1
                return None
            self._played += 1
            if step.times != FOREVER and self._played >= step.times:
                self._faults.popleft()
                self._skipped = self._played = 0
            return step

    def tools(self, call: Call, dialect: Dialect) -> tuple[ToolCall, ...]:
        """Return the next tool calls; none when the script ends or the call offers no tool."""
        if not call.main:
            return ()
        with self._lock:
            place = call.tool_results if self._repeat else self._next_tool
            if place >= len(self._tools):
                return ()
            tool = self._tools[place]
            calls: tuple[ToolCall, ...]
            if tool.name:
                named = ToolCall(tool.name, tool.arguments or {}, tool.source)
                calls = (named,) if call.tools else ()
            else:
                calls = dialect.edit(call, tool)
            self._next_tool += bool(calls)
            return calls


def _matches(step: Step, call: Call) -> bool:
    return (
        (call.main or not step.main_only)
        and (call.tool_results > 0 or not step.after_tool)
        and step.model in {"", call.model}
    )
