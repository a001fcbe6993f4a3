"""The row views job; `python spark/jobs/row_views.py --help` tells its options.

Whoever supervises it restarts it when it exits with 1, and stops it with SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from threading import Event

from penstock_views.config import parse_arguments
from penstock_views.runner import reason_of, run, say
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from penstock.errors import PenstockError


def main() -> int:
    """Run until SIGTERM or SIGINT (0) or a failure (1, with one line that says why)."""
    config, stop = parse_arguments(), Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(config, stop)
    except PenstockError as exc:
        say(f"views failed: {exc}")
        return 1
    except (PySparkException, Py4JError, OSError) as exc:
        if stop.is_set():
            return 0
        say(f"views failed: Spark: {reason_of(str(exc))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
