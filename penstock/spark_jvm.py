"""The JVM of a command's Spark session: what it inherits, and where it writes. No PySpark is loaded here."""

from __future__ import annotations

import os
from pathlib import Path

from penstock_views.stream.local_jvm import local_jvm

from penstock.address import let_in_options
from penstock.config import Config
from penstock.environment import taken_from
from penstock.errors import TerminalError, first_line
from penstock.layout import Layout
from penstock.wait import log_tail

_NAME = "commands-spark"
"""Of its log, and of its folder for temporary files."""


class SparkNotStarted(TerminalError):
    """The JVM of a session does not start."""

    def __init__(self, cause: Exception, log: Path) -> None:
        java = os.environ.get("JAVA_HOME", "the first in PATH")
        said = first_line(cause)
        super().__init__(
            f"Spark did not start with the Java of JAVA_HOME ({java}): {said}\n  Where to look: {log}\n{log_tail(log)}"
        )


def begin_jvm(config: Config) -> Path:
    """Let the JVM start while other work is done, unless it runs already; return its log.

    :raises SparkNotStarted: there is no Java.
    """
    layout = Layout.of(config)
    log, folder = layout.log(_NAME), layout.temporary(_NAME)
    for each in (log.parent, folder):
        each.mkdir(parents=True, exist_ok=True)
    options, inherited = let_in_options(config.registry.url), taken_from(os.environ)
    try:
        local_jvm(options, environment=inherited, log=log, folder=folder)
    except OSError as exc:
        raise SparkNotStarted(exc, log) from exc
    return log
