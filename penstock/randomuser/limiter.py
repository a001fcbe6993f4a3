"""The API's guard against hammering: so many users a minute for each client."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

WINDOW_S = 60.0


class Limiter:
    """Counts the users that each client asked for in the current window; at the limit the next request is refused."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nobody counted.

        :param limit: users a window and client; 0 = no limit.
        :param clock: seconds, only rising.
        """
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._window_ends = clock() + WINDOW_S

    def spend(self, client: str, users: int) -> int | None:
        """Count a request; as in the API the one that crosses the limit is still served, the next is not.

        :returns: None = served; otherwise how many users the client already had.
        """
        with self._lock:
            self._start_new_window_if_due()
            had = self._counts[client]
            if self._limit and had >= self._limit:
                return had
            self._counts[client] += users
            return None

    @property
    def wait_s(self) -> int:
        """Whole seconds until everybody starts from zero again."""
        return max(1, round(self._window_ends - self._clock() + 0.5))

    def _start_new_window_if_due(self) -> None:
        if self._clock() >= self._window_ends:
            self._counts.clear()
            self._window_ends = self._clock() + WINDOW_S
