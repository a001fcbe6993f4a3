"""Compares a server's clock with this machine's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from penstock.doctor.finding import Finding, ok, warning

_MOST_S = 1.0


@dataclass(frozen=True)
class Clock:
    """How far a server's clock is ahead of ours, and how exact that is: nobody knows how long each way took."""

    ahead_s: float
    within_s: float


def read_clock(ask: Callable[[], float]) -> Clock:
    """Ask a server for its time, in seconds after 1970."""
    before = time.time()
    theirs = ask()
    after = time.time()
    return Clock(theirs - (before + after) / 2, (after - before) / 2)


def judge_clock(clock: Clock) -> Iterator[Finding]:
    """Say whether both clocks show the same time. No version comes of a clock, but what people read does."""
    if abs(clock.ahead_s) - clock.within_s <= _MOST_S:
        yield ok("its clock is this machine's")
        return
    side = "ahead of" if clock.ahead_s > 0 else "behind"
    yield warning(
        f"its clock is {abs(clock.ahead_s):,.1f} s {side} this machine's, and so are the delays that are shown",
        "let both machines follow NTP (timedatectl set-ntp true)",
    )
