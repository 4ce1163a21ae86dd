"""What a model is told to do: the task, and what came of earlier tries at it."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.records import Outcome, Route

MOST_TOLD = 8_192  # characters of a check's output; the last are those that say what is wrong
MOST_ANSWER = 16_384  # characters of an answer that a model which sees no files is shown again


class Brief(NamedTuple):
    """The text of an attempt, and where it stands among the others."""

    text: str
    first: Route  # of the chain under way: any other is a fallback
    escalated_from: str | None = None  # the tier whose work did not pass


def handed_on(task: str, command: str, told: str, outcome: Outcome, route: Route) -> str:
    """Write the task for a model of the next tier, with the output of the check that failed.

    Seed 001, strategy 1. The files are as the earlier attempt left them; what sees no files is
    shown its answer.
    """
    parts = [task, f"An earlier attempt at this did not pass the check `{command}`."]
    if route.access == "none":
        parts.append(f"Its answer was:\n\n{outcome.answer[-MOST_ANSWER:]}")
    else:
        parts.append("Its changes are in the files, if it made any: go on from there.")
    parts.append(f"The check told:\n\n{told[-MOST_TOLD:].strip() or '(nothing)'}")
    return "\n\n".join(parts)
