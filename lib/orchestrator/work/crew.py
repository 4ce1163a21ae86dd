"""The workers of a batch: processes started by `xargs -P`, in a session of their own.

Nothing but the end of their lifeline reaches them: not the keys of a terminal, not its hang-up. Who
holds the other end may be killed at any moment; they notice, settle what runs, and end.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import IO

from orchestrator.errors import CredentialsError
from orchestrator.records import Json
from orchestrator.state import files

LANES = 8  # of one worker: a start of Python costs more than a task
READ = 65_536


def workers_for(parallel: int) -> int:
    """Tell how many processes run so many nodes at one time."""
    return -(-parallel // LANES)


class Crew:
    """The workers that run now, and the pipe on which they talk."""

    def __init__(self, batch: str, parallel: int, environment: Mapping[str, str], log: str) -> None:
        """Start them; raises CredentialsError without xargs, StorageError without their log."""
        count = workers_for(parallel)
        ours, theirs = os.pipe()  # the lifeline: its end at their side is what they look at
        program = [sys.executable, "-I", "-X", "utf8", sys.argv[0]]
        worker = [*program, "work", batch, str(ours), str(count)]
        with files.telling(log):
            errors = files.opened(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self.process = subprocess.Popen(
                ["xargs", "--max-args=1", f"--max-procs={count}", *worker],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(ours,),
                start_new_session=True,
            )
        except FileNotFoundError:
            os.close(theirs)
            raise CredentialsError("xargs is missing; install GNU findutils") from None
        finally:
            os.close(ours)
            os.close(errors)
        self._lifeline: int | None = theirs
        self._rest = b""
        numbers = "".join(f"{number}\n" for number in range(1, count + 1))
        with contextlib.suppress(OSError):
            pipe = self._pipe(self.process.stdin)
            pipe.write(numbers.encode())
            pipe.close()
        os.set_blocking(self._pipe(self.process.stdout).fileno(), False)
        self.gone = False

    def heard(self, within_s: float) -> list[Json]:
        """Wait for what they say, and return it; `gone` tells that nobody is left to say more."""
        descriptor = self._pipe(self.process.stdout).fileno()
        if self.gone or not select.select([descriptor], [], [], within_s)[0]:
            return []
        try:
            data = os.read(descriptor, READ)
        except BlockingIOError:
            return []
        if not data:
            self.gone = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict):
                    found.append(told)
        return found

    def stop(self) -> None:
        """Let them start nothing new, cancel what runs, settle it, and end."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def kill(self) -> None:
        """End them at once; their clients end with them, and what ran is recovered."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Leave nothing of them behind."""
        self.stop()
        self.process.wait()
        self._pipe(self.process.stdout).close()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise ValueError("it was not opened")
        return pipe
