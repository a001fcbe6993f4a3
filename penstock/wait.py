"""Waiting for a condition with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from penstock.errors import TerminalError

POLL_S = 0.2
_TAIL = 20
"""Lines of a log in an error."""


class NotInTime(TerminalError):
    """A condition did not come true before its deadline."""

    def __init__(self, what: str, timeout_s: float, log: Path | None) -> None:
        where = f"\n  Where to look: {log}\n{log_tail(log)}" if log else ""
        super().__init__(f"waited {timeout_s:.0f} s in vain until {what}{where}")


def wait_until(check: Callable[[], bool], *, timeout_s: float, what: str, log: Path | None = None) -> None:
    """Poll until `check` is true.

    :raises NotInTime: saying what was waited for, with the last lines of the log.
    """
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise NotInTime(what, timeout_s, log)
        time.sleep(POLL_S)


def log_tail(log: Path | None) -> str:
    """Return the last lines of a log, indented for an error message; empty when there is no log yet."""
    if log is None or not log.exists():
        return ""
    text = log.read_text(errors="replace").splitlines()[-_TAIL:]
    return "\n".join(f"    {line}" for line in text)
