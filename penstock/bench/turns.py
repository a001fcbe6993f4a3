"""Turns of the views where only one can be looked at: each has its own, however many records another has."""

from __future__ import annotations

import math

_LATELY_S = 1.0
"""A view without a record for so long is not waited for."""


class Turns:
    """Of the views that records come of lately, it is the turn of the one that was looked at longest ago.

    Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self._came_at: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}

    def came(self, view: str, at: float) -> bool:
        """Note that a record of a view came; return whether it is the view's turn."""
        self._came_at[view] = at
        lately = (each for each, came_at in self._came_at.items() if at - came_at <= _LATELY_S)
        return all(self._last(view) <= self._last(other) for other in lately)

    def took(self, view: str, at: float) -> None:
        """Note that a view is looked at."""
        self._looked_at[view] = at

    def _last(self, view: str) -> float:
        return self._looked_at.get(view, -math.inf)
