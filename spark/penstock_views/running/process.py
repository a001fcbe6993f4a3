"""Process of a job: stop on a signal, report a failure in one line and write it down."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException

from penstock.errors import PenstockError
from penstock.trouble import TroubleBook
from penstock_views.running.job import Config
from penstock_views.running.queries import Orders
from penstock_views.stream.messages import reason_of, say


def main_of(name: str, run: Callable[[Config, Orders, TroubleBook], None], config: Config) -> int:
    """Run until SIGTERM or SIGINT (0) or a failure (1, with one line that says why); SIGHUP: take up changed views."""
    orders = Orders()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: orders.stop.set())
    signal.signal(signal.SIGHUP, lambda *_: orders.reload.set())
    book = TroubleBook(config.trouble_file)
    try:
        run(config, orders, book)
    except Exception as exc:  # noqa: BLE001 - the top of the process: whatever ends it is written down
        if not orders.stop.is_set():
            reason = _reason(exc)
            say(f"{name} failed: {reason}")
            book.fail(reason)
            return 1
    say(f"{name} stopped")
    book.end()
    return 0


def _reason(exc: Exception) -> str:
    """Say a failure in one line; one that nobody thought of is printed with its trace."""
    if isinstance(exc, PenstockError):
        return str(exc)
    if isinstance(exc, Py4JNetworkError | ConnectionError):
        return f"the driver's JVM has ended; it was killed, or had not enough memory ({reason_of(str(exc))})"
    if isinstance(exc, PySparkException | Py4JError | OSError):
        return f"Spark: {reason_of(str(exc))}"
    traceback.print_exc()
    return f"a fault of Penstock itself: {type(exc).__name__}: {exc}"
