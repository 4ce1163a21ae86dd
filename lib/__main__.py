"""Run one helper: `python -I -X utf8 lib COMMAND ...`."""

from orchestrator.commands import console

console()
