"""Lets the timers of a process be late: a setting of Linux that a process keeps when it becomes another."""

from __future__ import annotations

from pathlib import Path

_SLACK = Path("/proc/self/timerslack_ns")
"""proc(5): of the process's first thread; those that it starts have it too."""


def let_timers_be_late(by_ms: float) -> None:
    """Let a timer of this process, and of what it becomes, wake it so much later than it asks; 0 leaves it as it is.

    What wakes it otherwise (a lock, a socket) is never late. A system that knows no such setting is left alone.
    """
    if by_ms and _SLACK.exists():
        _SLACK.write_text(str(int(by_ms * 1_000_000)))
