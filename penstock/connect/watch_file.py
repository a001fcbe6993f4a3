"""File that the watcher leaves for `penstock status` and `penstock connectors list`."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from penstock.whole_file import write_whole

_FRESH_S = 10.0


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True)


class Watched(_Written):
    """A connector that fails, or was restarted lately; `next_try_in_s` counts from when the file was written."""

    restarts: int
    next_try_in_s: float | None
    reason: str


class Watch(_Written):
    """The whole file: who wrote it and where, when (seconds since 1970), on which Connect, and what it knows."""

    pid: int
    host: str
    written_at_s: float
    url: str
    connectors: dict[str, Watched]

    @property
    def is_alive(self) -> bool:
        """True when the file was written just now, by a process that still runs as far as can be seen from here."""
        # Another container has process ids of its own.
        is_gone = self.host == socket.gethostname() and not psutil.pid_exists(self.pid)
        return abs(time.time() - self.written_at_s) < _FRESH_S and not is_gone


def write_watch(file: Path, watch: Watch) -> None:
    """Replace the file."""
    write_whole(file, watch.model_dump_json(indent=2))


def read_watch(file: Path) -> Watch | None:
    """Return what a watcher wrote, or None when none did (or one of another version)."""
    try:
        return Watch.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def read_watched(file: Path, *, url: str) -> dict[str, Watched]:
    """Return what a living watcher of this Connect knows, by connector, with `next_try_in_s` counting from now.

    Empty when no watcher runs: it may be switched off, or watch another Connect.
    """
    watch = read_watch(file)
    if watch is None or not watch.is_alive or watch.url != url:
        return {}
    age_s = time.time() - watch.written_at_s
    return {name: _aged(watched, age_s) for name, watched in watch.connectors.items()}


def describe(watched: Watched) -> str:
    """Return for people: `restarted 3 times, next try in 8 s`."""
    next_try = "" if watched.next_try_in_s is None else f", next try in {watched.next_try_in_s:.0f} s"
    return how_often(watched.restarts) + next_try


def how_often(restarts: int) -> str:
    """Return for people: `restarted 3 times`."""
    return {0: "not restarted yet", 1: "restarted once"}.get(restarts, f"restarted {restarts} times")


def _aged(watched: Watched, age_s: float) -> Watched:
    if watched.next_try_in_s is None:
        return watched
    return watched.model_copy(update={"next_try_in_s": round(max(watched.next_try_in_s - age_s, 0.0), 1)})
