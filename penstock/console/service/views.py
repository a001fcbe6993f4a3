"""Views: what each reads and writes, how fast, how the last `verify` ended, and running another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from penstock.clone import ROOT
from penstock.config import to_json
from penstock.connect.secrets import HIDDEN
from penstock.console.hub import Hub
from penstock.console.safety.guard import Caller
from penstock.errors import TerminalError, TransientError
from penstock.project.declared import DeclaredView
from penstock.verify.last import read_last

_VERIFY_S = 900


class VerifyRuns(TransientError):
    """One verify at a time: it holds a Spark of its own."""

    def __init__(self) -> None:
        super().__init__("a verify is running already; wait for its end")


class ViewMissing(TerminalError):
    """There is no such view."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no view {name}; those there are: {', '.join(known)}")


@dataclass(frozen=True)
class ViewRow:
    """A view. `rate` = records per second into its topic; `last` = the last `verify` of it, None = never."""

    view: DeclaredView
    table: str
    rate: float | None
    held: int | None
    newest_s: float | None
    behind: int | None
    last: dict[str, Any] | None


class Verifier:
    """Runs `penstock verify` as a child process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self.running: str | None = None
        self.failure: str | None = None

    def start(self, view: str | None, *, caller: Caller) -> None:
        """Start it; its outcome is that of :func:`list_views` when `running` is None again.

        :raises VerifyRuns: one runs already.
        :raises ViewMissing: there is no such view.
        """
        self._hub.guard.perform(lambda: self._start(view), caller=caller, what="verify", target=view or "all views")

    def _start(self, view: str | None) -> None:
        known = [each.name for each in self._hub.now.snapshot.known.views]
        if view is not None and known and view not in known:
            raise ViewMissing(view, known)
        with self._lock:
            if self.running is not None:
                raise VerifyRuns
            self.running, self.failure = view or "all views", None
        threading.Thread(target=self._run, args=(view,), name="verify", daemon=True).start()

    def _run(self, view: str | None) -> None:
        command = [sys.executable, "-m", "penstock.console.verify_child", *([view] if view else [])]
        try:
            done = subprocess.run(
                command,
                input=to_json(self._hub.config),
                capture_output=True,
                text=True,
                timeout=_VERIFY_S,
                check=False,
                cwd=ROOT,
                env=os.environ,
            )
            if done.returncode:
                self.failure = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        except subprocess.TimeoutExpired:
            self.failure = f"it took more than {_VERIFY_S // 60} minutes and was ended"
        finally:
            self.running = None


def list_views(hub: Hub) -> list[ViewRow]:
    """Return every view that is declared."""
    snapshot, last = hub.now.snapshot, read_last(hub.config)
    kafka = snapshot.kafka.value
    rows = []
    for view in snapshot.known.views:
        state = kafka.cluster.topics.get(view.topic) if kafka else None
        newest = (
            [e.newest.at for (topic, _), e in kafka.ends.items() if topic == view.topic and e.newest] if kafka else []
        )
        lags = [lag.behind for reader in hub.now.flow.readers for lag in reader.lags if lag.topic == view.topic]
        rows.append(
            ViewRow(
                view=view,
                table=f"{hub.config.names.keyspace}.{view.name}",
                rate=hub.recorder.rate(f"topic:{view.topic}") if snapshot.kafka.now else None,
                held=state.held if state else None,
                newest_s=max(0.0, snapshot.at - max(newest)) if newest else None,
                behind=max(lags, default=None),
                last=_masked(hub, last.get(view.name)),
            )
        )
    return rows


def _masked(hub: Hub, result: dict[str, Any] | None) -> dict[str, Any] | None:
    if result is None or not hub.mask:
        return result
    hidden = [_hide_columns(hub, difference) for difference in result["differences"]]
    absences = [{**absence, "example": HIDDEN} for absence in result.get("absences", ())]
    return {**result, "differences": hidden, "absences": absences}


def _hide_columns(hub: Hub, difference: dict[str, Any]) -> dict[str, Any]:
    columns = [
        {"column": each["column"], "expected": HIDDEN, "actual": HIDDEN} if hub.mask.hides(each["column"]) else each
        for each in difference["columns"]
    ]
    return {**difference, "key": hub.mask.hide(difference["key"]), "columns": columns}
