"""Environment in which somebody runs Penstock: its own processes and those it starts get only a part of it.

Spark, libpq, HTTP libraries, Kafka's and Airflow's scripts, Java and Python all read variables. The shell may have them
for something else (`SPARK_HOME`, `PGHOST`, `HTTP_PROXY`, `PYTHONPATH`). What one does not know by name can still break
a part. So this is a list of what stays, not of what goes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_KEPT = frozenset(
    [
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "HOSTNAME"),
        # What a terminal and its programs are (pgcli, cqlsh).
        *("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "EDITOR", "VISUAL", "PAGER", "LESS"),
        # The Java that the servers run on (servers/prerequisites.sh).
        "JAVA_HOME",
        # How the machine's own libraries are found and behave: who sets it means every program.
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    ]
)
_OURS = "PENSTOCK_"
_ROOT = Path(__file__).resolve().parent.parent
_FIXED = {
    # The same in every shell: what people read is UTF-8, and what is computed knows no zone of the machine's.
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # Without it a child's text is decoded by the machine's locale where it has no C.UTF-8.
    "PYTHONUTF8": "1",
}


def taken_from(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what Penstock and the processes that it starts get of an environment."""
    kept = {name: value for name, value in environment.items() if name in _KEPT or name.startswith(_OURS)}
    return kept | _FIXED


def clean() -> None:
    """Make the environment of this process what Penstock takes of it, before any library reads it.

    Where Python found modules by `PYTHONPATH`, it finds them there no more.
    """
    _forget_paths(os.environ.get("PYTHONPATH", ""))
    kept = taken_from(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    time.tzset()


def _forget_paths(listed: str) -> None:
    own = {_ROOT, _ROOT / "spark"}
    wrong = {Path(folder).absolute() for folder in listed.split(os.pathsep) if folder} - own
    sys.path[:] = [folder for folder in sys.path if Path(folder).absolute() not in wrong]
