"""Who may import whom: the rooms of the house know only those below them."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "lib" / "orchestrator"
BASE = {"records", "errors", "clock"}
MAY_IMPORT = {
    "records": set(),
    "errors": set(),
    "clock": set(),
    "config": {*BASE, "config"},
    "decide": {*BASE, "config", "decide"},
    "state": {*BASE, "config", "decide", "state"},
    "providers": {*BASE, "config", "providers"},
    "work": {*BASE, "config", "decide", "state", "providers", "work"},
    "insight": {*BASE, "config", "decide", "state", "insight"},
    "plans": {*BASE, "config", "plans"},
    "simulator": {"simulator"},
}
ANYTHING = {"commands", "__init__"}
PURE = {"__future__", "collections", "math", "random", "re", "typing", "time", "calendar"}
PURE |= {"fnmatch", "heapq"}
PURE |= {"datetime", "zoneinfo"}  # only where a zone is not UTC
CLOCKS = {"clock.now_ms", "time.time", "time.time_ns", "time.monotonic", "datetime.now"}
FILES = sorted(LIB.rglob("*.py"))


def room_of(path):
    return path.relative_to(LIB).parts[0].removesuffix(".py")


def imports(path):
    """Yield what a file imports, `orchestrator.x.y` for a relative one too, also in functions."""
    package = ["orchestrator", *path.relative_to(LIB).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{name}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    for name in imports(path):
        if name.split(".")[0] == "orchestrator":
            yield name.split(".")[1]


def test_every_room_is_known_here():
    assert {room_of(path) for path in FILES} == set(MAY_IMPORT) | ANYTHING


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_those_below_it(room):
    for path in FILES:
        if room_of(path) == room:
            above = set(rooms_imported(path)) - MAY_IMPORT[room]
            assert not above, f"{path.name} imports {above}"


def test_thinking_imports_nothing_that_reaches_the_world():
    for path in FILES:
        if room_of(path) == "decide":
            others = {name.split(".")[0] for name in imports(path)} - {"orchestrator"}
            assert others <= PURE, path.name


def test_thinking_never_reads_a_clock_a_file_or_the_environment():
    for path in FILES:
        if room_of(path) == "decide":
            called = {
                ast.unparse(node.func)
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Call)
            }
            assert not called & {*CLOCKS, "open", "print", "input"}, path.name


def test_only_the_files_of_state_write():
    """Besides `files.py`: a client's private folder, the handoff."""
    writers = {
        path.name
        for path in FILES
        if room_of(path) not in {"simulator", "commands"}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "open"
        and any(
            isinstance(a, ast.Constant) and a.value in {"w", "a", "wb", "ab"} for a in node.args
        )
    }
    assert writers <= {"files.py", "attempt.py"}


def test_only_the_screen_prints():
    for path in FILES:
        if path.name != "screen.py":
            calls = [
                node
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
            ]
            assert not calls, path.name
