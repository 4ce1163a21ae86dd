"""`knocking.py STATE PROCESSES ACCOUNT...`: all claim each account's probe; prints those granted.

A script of its own: it forks, which a process with threads, as pytest's are, must not.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))

from orchestrator.state import breakers

SETTINGS = {"failures": 3, "probe_s": 300, "wall_probe_s": 3600}


def main(state, processes, *accounts):
    ready, go = os.pipe()
    for _ in range(int(processes)):
        if os.fork() == 0:
            os.close(go)
            os.read(ready, 1)  # all start when the last is there
            for account in accounts:
                if breakers.claim(state, account, SETTINGS, force=False, fsync=False) is None:
                    os.write(1, f"{account}\n".encode())
            os._exit(0)
    os.close(go)
    failed = [status for _ in range(int(processes)) if (status := os.wait()[1])]
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
