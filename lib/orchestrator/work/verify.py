"""`--verify CMD`: the person's own check of what was done."""

from __future__ import annotations

import os
import time

from orchestrator.providers import process
from orchestrator.state.transcript import Transcript
from orchestrator.work.context import Context

PASSED, BROKEN, NONE, STOPPED = "passed", "failed", "none", "interrupted"


def check(
    context: Context, command: str | None, folder: str, transcript: Transcript, deadline: float
) -> str:
    """Run the command in the tree, stdin closed, in its own group, within `verify_timeout_s`.

    `deadline` is the task's, monotonic. It gets the allow-listed environment: no keys.
    Returns passed, failed, interrupted or none.
    """
    if command is None:
        return NONE
    settings = context.config.settings
    environment = {
        n: context.environment[n] for n in settings["env_allow"] if n in context.environment
    }
    limit = min(float(settings["verify_timeout_s"]), max(0.0, deadline - time.monotonic()))
    code: int | None = None
    context.tell(f"verifying: {command}")
    with open(os.devnull, "rb") as nothing:
        try:
            client = process.Client(["bash", "-c", command], folder, environment, nothing)
        except OSError as error:
            transcript.note("verify", f"could not be started: {error.strerror}")
            return BROKEN
        try:
            for line in client.lines(process.Deadlines(time.monotonic() + limit, limit, limit)):
                if line.kind in ("stdout", "stderr"):
                    transcript.note("verify", line.text)
                elif line.kind == "exit":
                    code = line.code
                elif line.kind != "tick":
                    transcript.note("verify", f"{line.kind}: {line.text}")
                if context.interrupted():
                    return STOPPED
        finally:
            client.end()
    return PASSED if code == 0 else BROKEN
