"""Pace of a fill: what is said of it to people, and a limit of its rate."""

from __future__ import annotations

import time
from collections.abc import Callable

from penstock.pipeline.fence import OnProgress

_SAID_AGAIN_S = 5.0
_BATCH_S = 5
"""So long a batch takes where the rate is limited: each is planned, which costs as much as thousands of rows."""


class Pace:
    """The pace of one fill.

    :param what: is filled, for people.
    :param total: the pages that there are.
    :param rate: at most so many rows a second.
    :param clock, sleep: for tests.
    """

    def __init__(
        self,
        what: str,
        total: int,
        rate: int | None,
        on_progress: OnProgress,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._what, self._total, self._rate, self._on_progress = what, total, rate, on_progress
        self._clock, self._sleep = clock, sleep
        self._began_at = self._said_at = clock()
        self._pages = self._rows = 0

    def pages(self, first: int, rows: int) -> int:
        """Say how many pages to read next.

        :param first: at the beginning, when nobody knows how many rows are in a page.
        :param rows: to be read at once, or those of some seconds at the limited rate.
        """
        wanted = rows if self._rate is None else min(rows, _BATCH_S * self._rate)
        return max(1, wanted * self._pages // self._rows) if self._rows else first

    def did(self, pages: int, rows: int) -> None:
        """Note what was read and written; say it now and then, and wait where the rate is limited."""
        self._pages += pages
        self._rows += rows
        if self._rate is not None:
            self._sleep(max(0.0, self._began_at + self._rows / self._rate - self._clock()))
        if self._clock() - self._said_at > _SAID_AGAIN_S:
            self._said_at = self._clock()
            self._on_progress(self._line())

    def end(self) -> None:
        """Say how much it was."""
        self._on_progress(f"{self._what}: read {self._rows:,} rows, {self._per_s():,.0f} rows/s")

    def _line(self) -> str:
        rows = self._rows * self._total // max(1, self._pages)
        left_s = (rows - self._rows) / max(1.0, self._per_s())
        done = 20 * self._pages // max(1, self._total)
        bar = "#" * done + "." * (20 - done)
        return (
            f"{self._what}: [{bar}] {self._rows:,} of about {rows:,} rows, "
            f"{self._per_s():,.0f} rows/s, {left_s:,.0f} s left"
        )

    def _per_s(self) -> float:
        return self._rows / max(0.001, self._clock() - self._began_at)
