"""Does one piece of work on state and logs after the other, each in a process that is traced first.

A line on stdin is `[work, folder]`; the answer is the process id. The next line lets it go; the
answer is how it ended. What it tells goes through a socket, and so is none of the calls that fail.
"""

import contextlib
import io
import json
import os
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from killing import House
from state_works import WORKS

from orchestrator.errors import OrchestratorError


def main():
    server = SimpleNamespace(upstream=None, server_port=int(sys.argv[1]))
    with tempfile.TemporaryDirectory() as warm, contextlib.redirect_stdout(io.StringIO()):
        House(Path(warm) / "warm", server, fsync=True).run()  # whatever is imported late, is now
    print("ready", flush=True)
    for line in sys.stdin:
        work, folder = json.loads(line)
        house = House(Path(folder), server, fsync=True)
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            theirs.recv(1)
            todo = partial(WORKS[work], house) if work in WORKS else getattr(house, work)
            theirs.send(json.dumps(done(todo)).encode())
            os._exit(0)
        theirs.close()
        print(pid, flush=True)
        sys.stdin.readline()
        ours.send(b"g")
        _, status = os.waitpid(pid, 0)
        told = ours.recv(1_000_000) if os.WIFEXITED(status) else b"null"
        ours.close()
        print(json.dumps([status, json.loads(told)]), flush=True)


def done(work):
    """Do it; returns the error's class, exit code and message, and the answer."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            result = work()
        except OrchestratorError as error:
            return [type(error).__name__, error.exit_code, str(error), ""]
        except OSError as error:
            return [type(error).__name__, 7, str(error), ""]
    if result is None or isinstance(result, (bool, list)):  # books, or what was recovered
        return ["", 0, "", ""]
    return ["", result.exit_code, result.storage_error, result.answer]


if __name__ == "__main__":
    main()
