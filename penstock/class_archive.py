"""Archives of loaded classes (application class-data sharing, JEP 350), with which a JVM starts with half of the work.

Java itself ignores an archive that was recorded with another class path or by another Java.
"""

from __future__ import annotations

import os
from pathlib import Path

_SERVERS = Path(__file__).resolve().parents[1] / ".servers"
_QUIET = "-Xlog:cds*=error"
CLASS_ARCHIVE = _SERVERS / "spark" / "classes.jsa"
"""Of the classes that Spark loads: setup records it, every JVM of Spark reads it."""


def class_archive_options() -> str:
    """Return the options by which a JVM with Spark's class path reads its archive."""
    return f"-XX:SharedArchiveFile={CLASS_ARCHIVE} {_QUIET}" if CLASS_ARCHIVE.exists() else ""


def server_archive_options(server: str, *, may_record: bool = True) -> tuple[str, ...]:
    """Return the options by which a server reads its archive, or records one when it ends for the first time.

    The archive lies beside the server's jars, so that another version of them begins without one.

    :param may_record: False for a JVM with an agent: Java refuses to start when it is to record one. False for all
        instances but one, which end at the same time.
    """
    folder = _SERVERS / server
    archive = folder / "classes.jsa"
    if archive.exists():
        return (f"-XX:SharedArchiveFile={archive}", _QUIET)
    return (f"-XX:ArchiveClassesAtExit={archive}", _QUIET) if may_record and os.access(folder, os.W_OK) else ()
