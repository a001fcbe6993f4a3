"""Environment in which somebody runs Penstock: its own processes and those it starts get only a part of it.

Spark, libpq, HTTP libraries, Kafka's and Airflow's scripts, Java and Python all read variables. The shell may have them
for something else (`SPARK_HOME`, `PGHOST`, `HTTP_PROXY`, `PYTHONPATH`). What one does not know by name can still break
a part. So this is a list of what stays, not of what goes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping
from difflib import get_close_matches
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
PART_MARK = f"{_OURS}PART"
"""The variable that names a part, in each of its processes."""
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


def misspelt(environment: Mapping[str, str], settings: Mapping[str, Collection[str] | None]) -> list[str]:
    """Say which variables were meant as a setting and are none: they would leave the default, which is another stack.

    Our own processes have more of them, for connectors. Kubernetes names a variable after each Service, too.

    :param settings: each with its keys; None where it has none, and nothing where they are the user's.
    """
    if PART_MARK in environment:
        return []
    services = tuple(name.removesuffix("SERVICE_HOST") for name in environment if name.endswith("_SERVICE_HOST"))
    asked = sorted(name for name in environment if name.startswith(_OURS) and not name.startswith(services))
    return [f"{name}: unknown variable; did you mean {meant}?" for name in asked if (meant := _meant(name, settings))]


def _meant(name: str, settings: Mapping[str, Collection[str] | None]) -> str:
    """Return the variable that a name is close to; empty where it is one, or is like none."""
    first, *keys = name.removeprefix(_OURS).lower().split("__")
    if first in settings and (settings[first] is not None or not keys):
        return ""
    for setting in settings:
        if first.startswith(f"{setting}_"):
            return _variable(setting, [first.removeprefix(f"{setting}_"), *keys], settings[setting])
    for setting in get_close_matches(first, settings, 1, 0.8):
        return _variable(setting, keys, settings[setting])
    return f"{_OURS}<SECTION>__<KEY>" if keys else ""


def _variable(setting: str, keys: list[str], known: Collection[str] | None) -> str:
    if known:
        keys = get_close_matches(keys[0] if keys else "", known, 1) or ["<key>"]
    return _OURS + "__".join([setting, *keys] if known is not None else [setting]).upper()
