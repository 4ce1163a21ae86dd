"""`--verify CMD`: the person's own check of what was done."""

from __future__ import annotations

import os
import time

from orchestrator.providers import process
from orchestrator.state.transcript import Transcript
from orchestrator.work.context import Context

PASSED, BROKEN, NONE = "passed", "failed", "none"


def check(context: Context, command: str | None, folder: str, transcript: Transcript) -> str:
    """Run the command in the tree, stdin closed, in its own group, within `verify_timeout_s`.

    Returns passed, failed or none. It gets the allow-listed environment: no keys.
    """
    if command is None:
        return NONE
    settings = context.config.settings
    environment = {
        n: context.environment[n] for n in settings["env_allow"] if n in context.environment
    }
    limit = float(settings["verify_timeout_s"])
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
                    break
        finally:
            client.end()
    return PASSED if code == 0 else BROKEN
