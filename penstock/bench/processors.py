"""Looks at the processors while something is timed: figures of a full machine are figures of the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import psutil


@dataclass(frozen=True)
class Processors:
    """Of all processor time that there was, per cent.

    :param count: how many processors the machine says it has.
    :param stolen: what the host of a virtual machine gave to others meanwhile; 0 where the system does not say.
    """

    count: int
    busy: float
    stolen: float

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.count}, {self.busy:.0f} % busy, {self.stolen:.0f} % taken by the machine's host"


@dataclass
class ProcessorLooks:
    """The processors' counters, as of some moments; nothing runs between two looks."""

    _looks: list[tuple[float, Any]] = field(default_factory=list)

    def look(self) -> None:
        """Read the counters."""
        self._looks.append((time.monotonic(), psutil.cpu_times()))

    def between(self, begin: float, end: float) -> Processors:
        """Say what they did from the last look before one moment to the first after another (monotonic clock)."""
        first = max((look for look in self._looks if look[0] <= begin), default=self._looks[0], key=itemgetter(0))
        last = min((look for look in self._looks if look[0] >= end), default=self._looks[-1], key=itemgetter(0))
        return shares(first[1], last[1])


def shares(first: Any, last: Any) -> Processors:
    """Compare two readings of `psutil.cpu_times()`: seconds since the start of the machine, by what was done."""
    spent = {name: getattr(last, name) - getattr(first, name) for name in last._fields}
    # Linux counts the time of guests twice, in `user` and `nice` too.
    total = sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))
    idle, stolen = spent["idle"] + spent.get("iowait", 0.0), spent.get("steal", 0.0)
    if total <= 0:
        return Processors(psutil.cpu_count() or 1, 0.0, 0.0)
    busy = (total - idle - stolen) / total
    return Processors(psutil.cpu_count() or 1, round(100 * busy, 1), round(100 * stolen / total, 1))
