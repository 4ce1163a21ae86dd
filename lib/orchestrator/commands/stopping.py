"""Which signal asked a command to stop, and how often."""

from __future__ import annotations

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """Listens from its beginning; a hang-up that nohup set aside stays set aside."""

    def __init__(self) -> None:
        """Listen from now on."""
        self.heard: list[int] = []
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            signal.signal(number, lambda given, _frame: self.heard.append(given))

    def end(self) -> None:
        """Let signals mean again what they meant before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def number(self) -> int:
        """Tell the first signal that came, 0 before any."""
        return self.heard[0] if self.heard else 0
