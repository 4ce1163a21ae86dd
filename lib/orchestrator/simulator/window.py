"""A provider's rate limits over a sliding window of 60 seconds."""

from collections import deque
from threading import Lock

from .dialect import Room

WINDOW_S = 60.0
NO_LIMIT = 1_000_000_000


class Window:
    """What was admitted in the last 60 s; safe for threads; times are monotonic seconds."""

    def __init__(self) -> None:
        """Start with nothing used."""
        self._lock = Lock()
        self._admitted: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def admit(
        self, tokens: int, requests_limit: int | None, tokens_limit: int | None, now: float
    ) -> Room:
        """Admit a request unless it goes over a limit, which the room returned then names."""
        requests_limit = NO_LIMIT if requests_limit is None else requests_limit
        tokens_limit = NO_LIMIT if tokens_limit is None else tokens_limit
        with self._lock:
            self._expire(now)
            over, wait_s = "", 0.0
            if len(self._admitted) + 1 > requests_limit:
                over, wait_s = "requests", self._wait_s(1, requests_limit, now, by_tokens=False)
            if self._tokens + tokens > tokens_limit:
                over, wait_s = (
                    "tokens",
                    max(wait_s, self._wait_s(tokens, tokens_limit, now, by_tokens=True)),
                )
            if not over:
                self._admitted.append((now, tokens))
                self._tokens += tokens
            reset_s = self._admitted[-1][0] + WINDOW_S - now if self._admitted else 0.0
            return Room(
                requests_limit=requests_limit,
                requests_left=max(0, requests_limit - len(self._admitted)),
                requests_reset_s=reset_s,
                tokens_limit=tokens_limit,
                tokens_left=max(0, tokens_limit - self._tokens),
                tokens_reset_s=reset_s,
                over=over,
                retry_after_s=wait_s,
            )

    def _expire(self, now: float) -> None:
        while self._admitted and self._admitted[0][0] <= now - WINDOW_S:
            self._tokens -= self._admitted.popleft()[1]

    def _wait_s(self, wanted: int, limit: int, now: float, *, by_tokens: bool) -> float:
        """Return when enough has left the window; 60 s when the request alone is over the limit."""
        used = self._tokens if by_tokens else len(self._admitted)
        for at, tokens in self._admitted:
            used -= tokens if by_tokens else 1
            if used + wanted <= limit:
                return at + WINDOW_S - now
        return WINDOW_S
