"""Options of the commands that a person starts at leisure, read by click."""

from __future__ import annotations

import click

from orchestrator.errors import UsageError
from orchestrator.records import Json


def options_of(command: click.Command, arguments: list[str], script: str) -> Json:
    """Read the options of a script; raises UsageError in one line, with where its help is."""
    try:
        given = command.main(args=arguments, prog_name=script, standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(f"{error.format_message()}; see {script} --help") from None
    return dict(given)
