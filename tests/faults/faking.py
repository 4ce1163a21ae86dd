"""A wall clock that can be set, over real processes: libfaketime; elapsed time stays real."""

import contextlib
import json
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class WallClock:
    """The clock of every process that gets `environment`; it goes on from where it is set."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.file.write_text("+0", encoding="ascii")
        # Its 0.9.10 spoils time.sleep, an absolute clock_nanosleep (wolfcw/libfaketime#426).
        python = folder / "python"
        words = (sys.executable, "-I", "-X", "utf8", HERE / "unslept.py")
        python.write_text(
            f'#!/bin/bash\nexec {shlex.join(map(str, words))} "${{@:4}}"\n', encoding="utf-8"
        )
        python.chmod(0o755)
        self.environment = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "ORCHESTRATE_PYTHON": str(python),
        }

    def set(self, moment):
        """Let it be `moment`, an ISO text in UTC or a datetime, from now on."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{moment.timestamp() - time.time():+.6f}", encoding="ascii")
        fresh.rename(self.file)


class Books:
    """A living process that reserves and settles under that clock, and is told so line by line."""

    def __init__(self, place, clock):
        self.place, self.clock, self.count = place, clock, 0
        words = (HERE / "unslept.py", HERE / "bookkeeping.py", place.config, place.state)
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", *map(str, words)],
            env={**place.environment, **clock.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def turn(self):
        """Reserve and settle one turn of a dollar; None when there was room, else until when."""
        self.count += 1
        return self.ask("turn", f"a-{self.count}")

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def booked(self, key):
        """Read the amounts of a window that are not nothing."""
        with contextlib.suppress(FileNotFoundError):
            return self.place.usage("codex")["windows"].get(key, {})
        return {}

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        assert code == 0
