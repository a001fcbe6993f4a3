"""Reading of one system: the newest look at it, when that was, and why there is none newer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from penstock.errors import TransientError

T = TypeVar("T")


class NotSeen(TransientError):
    """What is asked for cannot be known, since its system was never seen."""

    def __init__(self, system: str, reason: str) -> None:
        super().__init__(f"{system}: {reason}")


@dataclass(frozen=True)
class Reading(Generic[T]):
    """One system as it was last seen. Times are seconds since 1970; 0 = never.

    :param value: the newest look that worked; None before the first.
    :param problem: why the newest look did not work, in words; None when it did.
    :param since: when the problem began.
    """

    source: str
    stale_after_s: float
    value: T | None = None
    at: float = 0.0
    problem: str | None = None
    since: float = 0.0

    @property
    def trouble(self) -> str | None:
        """Why this must not be taken for the present: the problem, or that nothing was heard for too long."""
        if self.problem is not None:
            return self.problem
        if self.value is None:
            return "not looked at yet"
        age_s = time.time() - self.at
        return f"no answer for {age_s:.0f} s" if age_s > self.stale_after_s else None

    @property
    def now(self) -> T | None:
        """The value when it is of the present, else None."""
        return None if self.trouble else self.value

    @property
    def seen(self) -> T:
        """The newest value that there is, old or not.

        :raises NotSeen: there was never one.
        """
        if self.value is None:
            raise NotSeen(self.source, self.trouble or "not looked at yet")
        return self.value


def if_seen(look: Callable[[], list[T]]) -> list[T]:
    """Return what a service lists; nothing while its system was never seen."""
    try:
        return look()
    except NotSeen:
        return []
