"""`--verify CMD`: the person's own check of what was done."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import NamedTuple

from orchestrator.providers import process
from orchestrator.state.transcript import Transcript
from orchestrator.work.context import Context

PASSED, BROKEN, NONE, STOPPED = "passed", "failed", "none", "interrupted"
LAST_LINES = 200  # of what it told: enough to see what is wrong


class Verdict(NamedTuple):
    """How a check ended, and the last of what it told."""

    verdict: str  # passed, failed, interrupted or none
    told: str = ""


def check(
    context: Context, command: str | None, folder: str, transcript: Transcript, deadline: float
) -> Verdict:
    """Run the command in the tree, stdin closed, in its own group, within `verify_timeout_s`.

    `deadline` is the task's, monotonic. It gets the allow-listed environment: no keys.
    """
    if command is None:
        return Verdict(NONE)
    settings = context.config.settings
    environment = {
        n: context.environment[n] for n in settings["env_allow"] if n in context.environment
    }
    limit = min(float(settings["verify_timeout_s"]), max(0.0, deadline - time.monotonic()))
    code: int | None = None
    told: deque[str] = deque(maxlen=LAST_LINES)

    def heard(text: str) -> None:
        told.append(text)
        transcript.note("verify", text)

    context.tell(f"verifying: {command}")
    with open(os.devnull, "rb") as nothing:
        try:
            client = process.Client(["bash", "-c", command], folder, environment, nothing)
        except OSError as error:
            heard(f"could not be started: {error.strerror}")
            return Verdict(BROKEN, "\n".join(told))
        try:
            for line in client.lines(process.Deadlines(time.monotonic() + limit, limit, limit)):
                if line.kind in ("stdout", "stderr"):
                    heard(line.text)
                elif line.kind == "exit":
                    code = line.code
                elif line.kind != "tick":
                    heard(f"{line.kind}: {line.text}")
                if context.interrupted():
                    return Verdict(STOPPED)
        finally:
            client.end()
    return Verdict(PASSED) if code == 0 else Verdict(BROKEN, "\n".join(told))
