"""How long anything may take before a test calls it lost: machines are shared, and no test asserts a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

PATIENCE_S = 600.0


def answered(ask: Callable[[], _T], away: type[Exception]) -> _T:
    """Ask until a busy server answers in time.

    :param away: what is raised when it does not.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except away:
            if time.monotonic() > deadline:
                raise
