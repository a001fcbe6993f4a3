"""The archive of the classes that Spark loads: setup records it, every JVM of Spark reads it."""

from __future__ import annotations

from pathlib import Path

CLASS_ARCHIVE = Path(__file__).resolve().parents[1] / ".servers" / "spark" / "classes.jsa"


def class_archive_options() -> str:
    """Return the options by which a JVM with Spark's class path starts with half of the work.

    Java itself ignores an archive that was recorded with another class path or by another Java.
    """
    return f"-XX:SharedArchiveFile={CLASS_ARCHIVE} -Xlog:cds*=error" if CLASS_ARCHIVE.exists() else ""
