"""What every job does around its work: stop on a signal, and tell a failure in one line."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from penstock.errors import PenstockError
from penstock_views.runner import reason_of, say

Config = TypeVar("Config")


def main_of(name: str, run: Callable[[Config, Event], None], config: Config) -> int:
    """Run until SIGTERM or SIGINT (0) or a failure (1, with one line that says why)."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(config, stop)
    except PenstockError as exc:
        say(f"{name} failed: {exc}")
        return 1
    except (PySparkException, Py4JError, OSError) as exc:
        if stop.is_set():
            return 0
        say(f"{name} failed: Spark: {reason_of(str(exc))}")
        return 1
    return 0
