"""Starts and stops the parts of a stack in the order of their needs, each as soon as what it needs answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from penstock.errors import TerminalError
from penstock.stack.elsewhere import Elsewhere
from penstock.stack.layout import Layout
from penstock.stack.part import Part, Step
from penstock.stack.supervisor import Supervisor
from penstock.stack.wait import POLL_S, log_tail, wait_until

START_TIMEOUT_S = 300.0
_DYING_S = 15.0


class Progress(StrEnum):
    """How far a part or step of the start has come."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"


@dataclass(frozen=True)
class Event:
    """One part or step came further; `detail` says what a step did."""

    name: str
    progress: Progress
    elapsed_s: float
    detail: str = ""


OnEvent = Callable[[Event], None]


class StartFailed(TerminalError):
    """A part died while it started, or did not answer in time."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        super().__init__(f"{name} {what}\n  Where to look: {log}\n{log_tail(log)}")


class _Start:
    """One start of a stack: a loop that moves every part and step as far as its needs allow."""

    def __init__(self, layout: Layout, supervisor: Supervisor | Elsewhere, on_event: OnEvent) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._on_event = on_event
        self._begun = time.monotonic()
        self._ready: set[str] = set()
        self._started_at: dict[str, float] = {}
        self._dying_since: dict[str, float] = {}

    def run(self, nodes: Sequence[Part | Step]) -> None:
        """Bring every node to READY; raises StartFailed for the first that cannot."""
        while waiting := [node for node in nodes if node.name not in self._ready]:
            before = len(self._ready)
            for node in waiting:
                self._move(node)
            if len(self._ready) == before:
                time.sleep(POLL_S)

    def _move(self, node: Part | Step) -> None:
        if not self._ready.issuperset(node.needs):
            return
        if isinstance(node, Step):
            self._tell(node.name, Progress.STARTING)
            self._tell(node.name, Progress.READY, node.action())
        elif node.name not in self._started_at:
            self._start(node)
        else:
            self._check(node)

    def _start(self, part: Part) -> None:
        self._started_at[part.name] = time.monotonic()
        if (part.one_shot or self._supervisor.state(part.name).state == "RUNNING") and part.is_ready():
            self._tell(part.name, Progress.READY, "was done" if part.one_shot else "was running")
            return
        self._tell(part.name, Progress.STARTING)
        part.prepare()
        self._supervisor.start_process(part.name)

    def _check(self, part: Part) -> None:
        log = self._layout.log(part.name)
        state = self._supervisor.state(part.name)
        if state.state == "BACKOFF" or (state.state == "EXITED" and not part.one_shot):
            self._bear_death(part, log)
        elif part.is_ready():
            self._tell(part.name, Progress.READY)
        elif state.state in {"FATAL", "EXITED", "UNKNOWN"}:
            raise StartFailed(part.name, f"ended while it started (exit code {state.exit_code})", log)
        elif time.monotonic() - self._started_at[part.name] > START_TIMEOUT_S:
            raise StartFailed(part.name, f"did not answer within {START_TIMEOUT_S:.0f} s", log)

    def _bear_death(self, part: Part, log: Path) -> None:
        """Let the supervisor try again for a while: a part may die because what it needs is just coming back."""
        since = self._dying_since.setdefault(part.name, time.monotonic())
        if time.monotonic() - since > _DYING_S:
            raise StartFailed(part.name, "keeps dying while it starts", log)

    def _tell(self, name: str, progress: Progress, detail: str = "") -> None:
        if progress is Progress.READY:
            self._ready.add(name)
        self._on_event(Event(name, progress, time.monotonic() - self._begun, detail))


def start_all(
    nodes: Sequence[Part | Step], *, layout: Layout, supervisor: Supervisor | Elsewhere, on_event: OnEvent
) -> None:
    """Bring every part to answer and take every step, in the order of their needs.

    :raises StartFailed: for the first part that dies or stays silent, with the last lines of its log.
    """
    _Start(layout, supervisor, on_event).run(nodes)


def stop_all(nodes: Sequence[Part | Step], *, supervisor: Supervisor, on_stopped: Callable[[str], None]) -> None:
    """Stop every part once nothing that needs it runs any more: wave by wave, each wave at once."""
    needs = _all_needs(nodes)
    # A supervisord of before an upgrade does not know the parts that came with it.
    known = supervisor.states()
    remaining = {node.name for node in nodes if isinstance(node, Part) and node.name in known}
    while remaining:
        wave = {name for name in remaining if not any(name in needs[other] for other in remaining - {name})}
        for name in wave:
            supervisor.stop_process(name)
        for name in sorted(wave):
            wait_until(partial(_is_stopped, supervisor, name), timeout_s=120, what=f"{name} stops")
            on_stopped(name)
        remaining -= wave


def _all_needs(nodes: Sequence[Part | Step]) -> dict[str, set[str]]:
    """Return for each node all that must outlive it: what it needs or uses, directly or through others."""
    direct = {node.name: {*node.needs, *getattr(node, "stops_before", ())} for node in nodes}

    def closure(name: str) -> set[str]:
        return direct[name].union(*(closure(need) for need in direct[name]))

    return {name: closure(name) for name in direct}


def _is_stopped(supervisor: Supervisor, name: str) -> bool:
    return supervisor.state(name).state in {"STOPPED", "EXITED", "FATAL"}
