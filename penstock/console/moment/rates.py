"""Records per second, from counters that are looked at again and again."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 5.0


class Rates:
    """The rate of each counter over the last few seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float]]] = {}

    def see(self, name: str, count: float, *, at: float) -> None:
        """Note a counter; one that went back has started again."""
        seen = self._seen.setdefault(name, deque())
        if seen and (count < seen[-1][1] or at - seen[-1][0] > _WINDOW_S * 2):
            seen.clear()
        if not seen or at > seen[-1][0]:
            seen.append((at, count))
        while len(seen) > 2 and at - seen[1][0] >= _WINDOW_S:
            seen.popleft()

    def of(self, name: str) -> float | None:
        """Return the rate per second; None while the counter was seen less than twice."""
        seen = self._seen.get(name)
        if not seen or len(seen) < 2:
            return None
        (started, before), (ended, now) = seen[0], seen[-1]
        return max(0.0, now - before) / (ended - started)

    def keep(self, names: set[str]) -> None:
        """Forget every other counter."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
