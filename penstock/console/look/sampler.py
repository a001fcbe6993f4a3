"""Looks at one system for ever, in a thread of its own: one that hangs makes its own reading old, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from penstock.console.look.reading import Reading
from penstock.errors import Unreachable, first_line

T = TypeVar("T")
_TEXT_LIMIT = 500


class Sampler(Generic[T]):
    """Calls a collector every `interval_s`; `reading` never waits.

    :param stale_after_s: after so long without a word the reading is no longer of the present.
    """

    def __init__(
        self, source: str, collect: Callable[[], T], *, interval_s: float, stale_after_s: float | None = None
    ) -> None:
        self._collect = collect
        self._interval_s = interval_s
        self.reading: Reading[T] = Reading(source, stale_after_s or interval_s * 2 + 2)
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with the process at the latest."""
        threading.Thread(target=self._run, name=self.reading.source, daemon=True).start()

    def stop(self) -> None:
        """Let the thread end after the look that it is at."""
        self._stopped.set()

    def look(self) -> None:
        """Look once."""
        try:
            value = self._collect()
        except Exception as exc:  # noqa: BLE001 - the top of a thread: whatever it is, it is shown as the reason
            self._tell(exc)
        else:
            self.reading = replace(self.reading, value=value, at=time.time(), problem=None, since=0.0)

    def _tell(self, exc: Exception) -> None:
        text = exc.fact if isinstance(exc, Unreachable) else first_line(exc)
        since = self.reading.since if self.reading.problem else time.time()
        self.reading = replace(self.reading, problem=text[:_TEXT_LIMIT], since=since)

    def _run(self) -> None:
        while not self._stopped.is_set():
            started = time.monotonic()
            self.look()
            self._stopped.wait(max(0.1, self._interval_s - (time.monotonic() - started)))
