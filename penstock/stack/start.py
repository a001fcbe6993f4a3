"""Starts the parts of a stack in the order of their needs, each as soon as what it needs answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from penstock.errors import TerminalError, TransientError
from penstock.layout import Layout
from penstock.stack.elsewhere import Elsewhere
from penstock.stack.part import Part, Step
from penstock.stack.supervisor import Supervisor
from penstock.stack.theirs import PartUnreachable
from penstock.wait import POLL_S, log_tail

START_TIMEOUT_S = 300.0
_ANSWER_TIMEOUT_S = 20.0
"""How long a part that others run may be silent: nobody starts it meanwhile."""
_DYING_S = 15.0
_STEP_TIMEOUT_S = 60.0


class Progress(StrEnum):
    """How far a part or step of the start has come."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"


@dataclass(frozen=True)
class Event:
    """One part or step came further; `detail` says what a step did, or why a part was stopped."""

    name: str
    progress: Progress
    elapsed_s: float
    detail: str = ""


OnEvent = Callable[[Event], None]


class StartFailed(TerminalError):
    """A part died while it started, or did not answer in time."""

    def __init__(self, part: Part, what: str, log: Path) -> None:
        why = part.why_not()
        said = f"{part.name} {what}" + (f": {why}" if why else "")
        super().__init__(f"{said}\n  Where to look: {log}\n{log_tail(log)}")


class _Start:
    """One start of a stack: every node in a thread of its own as soon as what it needs is there.

    A check may take long (Airflow builds its API when it is first asked), and nobody else should wait for it.
    """

    def __init__(self, layout: Layout, supervisor: Supervisor | Elsewhere, on_event: OnEvent) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._on_event = on_event
        self._started = time.monotonic()
        self._given_up = threading.Event()

    def run(self, nodes: Sequence[Part | Step]) -> None:
        """Bring every node to READY; raises StartFailed for the first that cannot."""
        with ThreadPoolExecutor(max_workers=len(nodes)) as threads:
            try:
                self._run(nodes, threads)
            except BaseException:
                self._given_up.set()
                raise

    def _run(self, nodes: Sequence[Part | Step], threads: ThreadPoolExecutor) -> None:
        """Hand out what has all it needs, until nothing is left; events are reported by this thread alone."""
        ready: set[str] = set()
        waiting, under_way = list(nodes), dict[Future[str], Part | Step]()
        before = {node.name: _before(node, among={each.name for each in nodes}) for node in nodes}
        while waiting or under_way:
            due = [node for node in waiting if ready.issuperset(before[node.name])]
            waiting = [node for node in waiting if node not in due]
            for node in due:
                under_way[threads.submit(self._bring, node)] = node
                self._tell(node.name, Progress.STARTING)
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                node, detail = under_way.pop(done), done.result()
                ready.add(node.name)
                self._tell(node.name, Progress.READY, detail)

    def _bring(self, node: Part | Step) -> str:
        """Take a step, or start a part and wait until it answers; return a word on what was done."""
        return self._take(node) if isinstance(node, Step) else self._bring_part(node)

    def _take(self, step: Step) -> str:
        """Take a step, again while a server is away: one that answers may be silent while all others start."""
        started = time.monotonic()
        while True:
            try:
                return step.action()
            except TransientError:
                if time.monotonic() - started > _STEP_TIMEOUT_S or self._given_up.wait(POLL_S):
                    raise

    def _bring_part(self, part: Part) -> str:
        if part.elsewhere:
            return self._find_part(part)
        if (part.one_shot or self._supervisor.state(part.name).state == "RUNNING") and part.is_ready():
            return "was done" if part.one_shot else "was running"
        part.prepare()
        self._supervisor.start_process(part.name)
        watch = _Watch(part, self._supervisor, self._layout.log(part.name))
        while not watch.is_ready() and not self._given_up.wait(POLL_S):
            pass
        return ""

    def _find_part(self, part: Part) -> str:
        """Wait a moment for a part that others run."""
        started = time.monotonic()
        while not part.is_ready():
            if time.monotonic() - started > _ANSWER_TIMEOUT_S or self._given_up.wait(POLL_S):
                raise PartUnreachable(part)
        return f"answers at {part.elsewhere}, not ours"

    def _tell(self, name: str, progress: Progress, detail: str = "") -> None:
        self._on_event(Event(name, progress, time.monotonic() - self._started, detail))


def _before(node: Part | Step, *, among: set[str]) -> set[str]:
    """Return what must be ready before a node starts; what it only lets go first counts when it is there."""
    return {*node.needs, *among.intersection(getattr(node, "starts_after", ()))}


class _Watch:
    """Looks at one part that starts, and says when there is no hope left."""

    def __init__(self, part: Part, supervisor: Supervisor | Elsewhere, log: Path) -> None:
        self._part, self._supervisor, self._log = part, supervisor, log
        self._came_to, self._moved_at = 0, time.monotonic()
        self._dying_since: float | None = None

    def is_ready(self) -> bool:
        """Return whether the part answers; raises StartFailed when it never will."""
        part, state = self._part, self._supervisor.state(self._part.name)
        if state.state == "BACKOFF" or (state.state == "EXITED" and not part.one_shot):
            self._bear_death()
            return False
        if part.is_ready():
            return True
        if state.state in {"FATAL", "EXITED", "UNKNOWN"}:
            raise StartFailed(part, f"ended while it started (exit code {state.exit_code})", self._log)
        self._note_progress()
        if time.monotonic() - self._moved_at > START_TIMEOUT_S:
            raise StartFailed(part, f"did not answer within {START_TIMEOUT_S:.0f} s", self._log)
        return False

    def _note_progress(self) -> None:
        came_to = self._part.came_to()
        if came_to > self._came_to:
            self._came_to, self._moved_at = came_to, time.monotonic()

    def _bear_death(self) -> None:
        """Let the supervisor try again for a while: a part may die because what it needs is just coming back."""
        self._dying_since = self._dying_since or time.monotonic()
        if time.monotonic() - self._dying_since > _DYING_S:
            raise StartFailed(self._part, "keeps dying while it starts", self._log)


def start_all(
    nodes: Sequence[Part | Step], *, layout: Layout, supervisor: Supervisor | Elsewhere, on_event: OnEvent
) -> None:
    """Bring every part to answer and take every step, in the order of their needs.

    :raises StartFailed: for the first part that dies or stays silent, with the last lines of its log.
    :raises PartUnreachable: for one that others run.
    """
    _Start(layout, supervisor, on_event).run(nodes)
