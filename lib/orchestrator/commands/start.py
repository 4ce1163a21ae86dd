"""`start [options] REPO TASK`: decide, ask, run, as orchestrate.sh does it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile

from orchestrator.commands import decide, decline, run


def main(arguments: list[str]) -> int:
    """Take the three steps in one process, for an installed wheel."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-") as private:
        path = os.path.join(private, "handoff")
        code = decide.decided([os.fsencode(word) for word in arguments], path)
        if code == decide.ASK:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # this process goes on
            answer = sys.stdin.readline().strip().lower()
            code = decide.RUN if answer in ("y", "yes") else decline.main([path])
        return run.main([path]) if code == decide.RUN else code
