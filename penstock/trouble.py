"""Trouble of a job, in a file that outlives it: why its runs ended, and which views are stopped.

The job writes it; `penstock status`, the control center and every wait for the job read it. A job that dies before it
can write says so at its next start, as the run before has neither failed nor ended.

Beside the file, a folder names the views that were stopped. One that goes on by itself has missed what came meanwhile,
so its name stays until it is filled again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from penstock.whole_file import write_whole

_SHOWN = 500
_SILENT_DEATH = "it was killed, or died before it could say why"
_NO_MEMORY = ("OutOfMemoryError", "exit code 52", "exited with code 52", "exit code 137", "exited with code 137")
_LOST_DATA = ("failOnDataLoss", "Some data may have been lost", "OffsetOutOfRange", "KAFKA_DATA_LOSS")


@dataclass(frozen=True)
class Failing:
    """A query that ends again and again, while the others go on."""

    times: int
    reason: str


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a job.

    :param times: how many of its runs failed in a row, none of which did its work.
    :param at_s: when the last of them failed, in seconds since 1970.
    :param reason: of that one.
    :param stopped: the views that are stopped until somebody changes something, each with the reason.
    :param failing: the views whose query it begins again and again.
    """

    times: int = 0
    at_s: float = 0.0
    reason: str = ""
    stopped: Mapping[str, str] = field(default_factory=dict)
    failing: Mapping[str, Failing] = field(default_factory=dict)

    def of_view(self, name: str) -> str | None:
        """Say why a view is stopped; None when it is not, or may go on by itself."""
        if name in self.stopped:
            return self.stopped[name]
        found = self.failing.get(name)
        if found is None or found.times <= 1:
            return None
        cure = _cure_of(found.reason) or "`penstock views apply` begins it again"
        return f"view {name} keeps failing: {_cut(found.reason)}; {cure}"


def read_trouble(file: Path) -> Trouble:
    """Read what is wrong with a job; nothing when it never said anything."""
    return _trouble_in(_read(file))


def missed_folder(file: Path) -> Path:
    """Return the folder with the names of the views that were stopped since they were filled."""
    return file.with_name("missed")


class TroubleBook:
    """What one run of a job writes down; it starts from what the run before left.

    :param file: None writes nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        # Another command line may do better: its failures are counted from zero.
        self._command = sha256(json.dumps(sys.argv).encode()).hexdigest()
        before = _read(file) if file else {}
        if before.get("command") == self._command:
            self._now = replace(_trouble_in(before), stopped={}, failing={})
            if before.get("lives"):
                self._now = self._failed(_SILENT_DEATH)
        else:
            self._now = Trouble()
        self._write(runs=True)

    @property
    def now(self) -> Trouble:
        """What is wrong, as far as it is written down."""
        return self._now

    def report(self, *, stopped: Mapping[str, str] | None = None, failing: Mapping[str, Failing] | None = None) -> None:
        """Write down which views are stopped or fail, where that has changed."""
        now = replace(
            self._now,
            stopped=self._now.stopped if stopped is None else dict(stopped),
            failing=self._now.failing if failing is None else dict(failing),
        )
        if now != self._now:
            self._now = now
            self._note_missed(now.stopped)
            self._write(runs=True)

    def recover(self) -> None:
        """Write down that the job does its work: why runs before ended is over."""
        if self._now.times:
            self._now = replace(self._now, times=0, at_s=0.0, reason="")
            self._write(runs=True)

    def fail(self, reason: str) -> None:
        """Write down why this run ends."""
        self._now = self._failed(reason)
        self._write(runs=False)

    def end(self) -> None:
        """Write down that somebody ended this run: the next one starts from nothing."""
        if self._file:
            self._file.unlink(missing_ok=True)

    def _failed(self, reason: str) -> Trouble:
        return replace(self._now, times=self._now.times + 1, at_s=time.time(), reason=_with_cure(reason))

    def _note_missed(self, views: Iterable[str]) -> None:
        if self._file is None:
            return
        folder = missed_folder(self._file)
        for view in views:
            folder.mkdir(exist_ok=True)
            (folder / view).touch()

    def _write(self, *, runs: bool) -> None:
        if self._file is None:
            return
        document = {"command": self._command, "lives": runs, "trouble": asdict(self._now)}
        write_whole(self._file, json.dumps(document, indent=2))


def _with_cure(reason: str) -> str:
    cure = _cure_of(reason)
    return f"{_cut(reason)}; {cure}" if cure else _cut(reason)


def _cut(reason: str) -> str:
    """Cut a failure's reason to what fits a line of `status`."""
    return reason if len(reason) <= _SHOWN else f"{reason[:_SHOWN]} …"


def _cure_of(reason: str) -> str | None:
    """Say what cures a failure, where that is known."""
    if any(sign in reason for sign in _NO_MEMORY):
        return (
            "give it more memory (section [spark] of penstock.toml), or read fewer columns in a view; a function that "
            "makes a value as long as a column says (repeat, lpad, sequence) needs an upper limit"
        )
    if any(sign in reason for sign in _LOST_DATA):
        return "records that were not read yet are gone from Kafka: `penstock views rebuild` reads all again"
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _trouble_in(document: Mapping[str, Any]) -> Trouble:
    """Take what a file says; one of another version says nothing."""
    try:
        failing = {name: Failing(**each) for name, each in document["trouble"]["failing"].items()}
        return replace(Trouble(**document["trouble"]), failing=failing)
    except (KeyError, TypeError):
        return Trouble()
