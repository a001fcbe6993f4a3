"""What the benchmarks share: how often they look, how long servers are warmed up, how progress is told."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and how much it is in all."""

LOOK_S = 0.001
"""Between two looks for a row: it counts to what is measured."""
WARM_UP_S = 20
"""At the same rate, before the first row is timed: the servers compile what they run often while they run it."""
