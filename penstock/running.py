"""File in which a job says which views it runs: a command that changed the views sees there when they are taken up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from penstock.whole_file import write_whole


@dataclass(frozen=True)
class Running:
    """What a job reports.

    :param application: the id of its Spark application.
    :param views: the files of the views that it runs (`view_set`); no query of others runs any more.
    :param is_settled: whether all its queries take records, or wait for their first.
    :param settled: how many of its queries have started, or wait for their first record.
    """

    application: str
    views: dict[str, str]
    is_settled: bool
    settled: int = 0


def read_running(file: Path) -> Running | None:
    """Read what a job runs; None before it has written that, or when a job of another version has."""
    try:
        running = Running(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return running if isinstance(running.views, dict) else None


def running_since_s(file: Path) -> float | None:
    """Return when a job last began a query, in seconds since 1970; None before it has written that."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None


def write_running(file: Path, running: Running) -> None:
    """Write down what a job runs."""
    write_whole(file, json.dumps(asdict(running)))


def view_set(views_dir: Path, avro_dir: Path) -> dict[str, str]:
    """Stand for the files of all views and contracts as they are now: a digest of each, by its name."""
    return {file.name: digest_of([file]) for file in (*views_dir.glob("*.py"), *avro_dir.glob("views.*.avsc"))}


def digest_of(files: Iterable[Path]) -> str:
    """Stand for the names and contents of files; those that are not there do not count."""
    digest = sha256()
    for file in sorted(file for file in files if file.exists()):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
