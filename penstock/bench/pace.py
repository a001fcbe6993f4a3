"""Habits that the benchmarks share: how often they look, how long servers are warmed up, how progress is reported."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

OnProgress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and how much it is in all."""

LOOK_S = 0.001
"""Between two looks for a row: it counts to what is measured."""
WARM_UP_S = 20
"""At the same rate, before the first row is timed: the servers compile what they run often while they run it."""


def percentiles(waits: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99 of two waits or more, in their unit."""
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return cuts[49], cuts[98]
