"""The command line of a Java server."""

from __future__ import annotations

from pathlib import Path


def java(
    main_class: str, *args: str, classpath: tuple[Path | str, ...], heap_mb: int, options: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the command that runs a main class.

    :param classpath: folders of jars, or single folders and files.
    :param heap_mb: the most heap that the process may use; it starts with a quarter.
    """
    entries = ":".join(f"{entry}/*" if _holds_jars(entry) else str(entry) for entry in classpath)
    heap = (f"-Xms{heap_mb // 4}m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
    return ("java", *heap, *options, "-cp", entries, main_class, *args)


def _holds_jars(entry: Path | str) -> bool:
    return isinstance(entry, Path) and any(entry.glob("*.jar"))
