"""Keeps the queries of a job going, each apart: what fails waits and is started again alone, and the others go on.

A table's row views are one query, and so is each aggregate: what stops, poisons or alters one table is that table's.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Generic, TypeVar

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError, TransientError
from penstock.trouble import Failing, TroubleBook
from penstock_views.stream.checkpoint import last_batch_in
from penstock_views.stream.messages import reason_of, say

POLL_S = 0.25
RETRY_S = 1.0
_REMIND_S = 30.0
_LONGEST_REMIND_S = 3600.0
_LONGEST_RETRY_S = 60.0
_IS_WELL_S = 30.0
"""So long a query has run when what was wrong with it before is over; at rest it commits nothing."""
_BESIDE = 2
"""So many take long to start at a time: each holds a task, and the queries that run need some."""


class QueryFailed(TerminalError):
    """Every query ends by itself: then it may be Spark that is unhealthy, and another process helps."""

    def __init__(self, reasons: str) -> None:
        super().__init__(f"the query failed: {reasons}")


class Stopped(Exception):
    """Somebody asked the job to stop."""


@dataclass(frozen=True)
class Orders:
    """What a job is asked while it runs.

    :param stop: end.
    :param reload: take up the views as their files are now.
    """

    stop: Event = field(default_factory=Event)
    reload: Event = field(default_factory=Event)


class ManagedQuery(ABC):
    """One query that a job keeps.

    :param name: for people.
    :param views: those that are stopped while it does not run.
    :param identity: of what it computes; another one with the same would do the same.
    """

    name: str
    views: tuple[str, ...]
    identity: str

    @abstractmethod
    def start(self) -> StreamingQuery | None:
        """Start the query from where it was.

        :returns: None when there is nothing to run until somebody changes something (`stopped` says why).
        :raises TransientError: for what may come by itself.
        """

    @property
    def takes_long_to_start(self) -> bool:
        """Return whether it starts beside the others, which are looked after meanwhile."""
        return False

    def cancel_start(self) -> None:  # noqa: B027 - what starts at once has nothing to give up
        """Let what takes long to start fail soon, if it is under way; this may be asked again and again."""

    @property
    @abstractmethod
    def checkpoint(self) -> Path:
        """The folder of its progress, once it has started."""

    @property
    @abstractmethod
    def stopped(self) -> dict[str, str]:
        """Those of its views that are stopped until somebody changes something, each with the reason."""

    @property
    @abstractmethod
    def has_to_restart(self) -> bool:
        """Return whether somebody asked that the query which runs ends, and the next starts."""

    @abstractmethod
    def restarts_at_once(self, failure: str | None) -> bool:
        """Say whether the query ended for what the next one knows: then that starts at once, and nothing has failed.

        :param failure: None when it came to its end.
        """


Query = TypeVar("Query", bound=ManagedQuery)


@dataclass(eq=False)
class _State(Generic[Query]):
    """One managed query as it goes: starting beside the others, running, due at some time, or failing."""

    managed: Query
    starting: Future[StreamingQuery | None] | None = None
    query: StreamingQuery | None = None
    due_at: float = 0.0
    started_at: float = 0.0
    batch: int = -1
    said: str = ""
    said_at: float = 0.0
    remind_s: float = _REMIND_S
    failing: Failing | None = None

    @property
    def rests(self) -> bool:
        """Return whether it is not started again."""
        return self.due_at == math.inf

    @property
    def is_settled(self) -> bool:
        """Return whether it has started, or waits for something, or fails."""
        return self.query is not None or bool(self.said) or self.failing is not None or self.rests

    @property
    def is_well(self) -> bool:
        """Return whether it runs or is starting, all its views with it."""
        goes = self.query is not None or self.starting is not None
        return goes and not self.failing and not self.managed.stopped

    def end(self) -> None:
        """End the query, also one that is starting."""
        while self.starting and not self.starting.cancel() and not self.starting.done():
            _unless_gone(self.managed.cancel_start)
            wait([self.starting], timeout=POLL_S)
        if self.starting and not self.starting.cancelled() and not self.starting.exception():
            self.query = self.starting.result()
        if self.query is not None:
            _unless_gone(self.query.stop)
        self.starting = self.query = None


@dataclass
class QueryManager(Generic[Query]):
    """Keeps queries until asked to stop.

    :param book: where it is written down what is wrong with which view.
    """

    stop: Event
    book: TroubleBook
    states: list[_State[Query]] = field(default_factory=list)
    _beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_BESIDE))

    def run(self, queries: Sequence[Query]) -> Iterator[None]:
        """Keep these queries; gives a turn to each caller, after each starting and each look at all of them.

        :raises Stopped: when it was asked to stop.
        :raises QueryFailed: when every query fails.
        """
        self.adopt(queries)
        try:
            while True:
                for state in list(self.states):
                    # A hundred of them take minutes to start: a caller has a turn after each.
                    if state in self.states and self._look_after(state):
                        yield
                self._refuse_all_failing()
                yield
                if self.stop.wait(POLL_S):
                    raise Stopped
        finally:
            _end_all(self.states)
            self._beside.shutdown()

    def adopt(self, queries: Sequence[Query]) -> None:
        """Keep these from now on: one that is as before and does well goes on; the others end, or start again."""
        well = {state.managed.identity: state for state in self.states if state.is_well}
        adopted = [well.get(each.identity) or _State(each) for each in queries]
        left = [state for state in self.states if state not in adopted]
        _end_all(left)
        self.states = adopted
        self._report()

    @property
    def running(self) -> list[Query]:
        """Those whose queries run."""
        return [state.managed for state in self.states if state.query is not None]

    @property
    def settled(self) -> int:
        """How many have started, or wait for something, or fail."""
        return sum(state.is_settled for state in self.states)

    @property
    def is_settled(self) -> bool:
        """Return whether all have."""
        return self.settled == len(self.states)

    def _look_after(self, state: _State[Query]) -> bool:
        """See how one does; return whether it was started."""
        if state.query is None:
            if time.monotonic() < state.due_at or self.stop.is_set():
                return False
            self._start(state)
            return True
        if not state.query.isActive:
            self._note_end(state, state.query)
        elif state.managed.has_to_restart:
            state.end()
        else:
            self._forget_failure(state)
        return False

    def _start(self, state: _State[Query]) -> None:
        if state.starting is None and state.managed.takes_long_to_start:
            state.starting = self._beside.submit(state.managed.start)
        if state.starting is None or state.starting.done():
            self._note_start(state)

    def _note_start(self, state: _State[Query]) -> None:
        starting, state.starting = state.starting, None
        try:
            state.query = starting.result() if starting else state.managed.start()
        except TransientError as exc:
            state.due_at = time.monotonic() + RETRY_S
            self._say_waiting(state, str(exc))
        except (Py4JNetworkError, OSError):
            raise  # the JVM is gone, and all queries with it
        except Exception as exc:  # noqa: BLE001 - a user's function and table can break it in any way; it fails alone
            self._note_failure(state, reason_of(str(exc)) or type(exc).__name__)
        else:
            state.started_at, state.batch, state.said = time.monotonic(), last_batch_in(state.managed.checkpoint), ""
            state.due_at = math.inf if state.query is None else 0.0
        self._report()

    def _note_end(self, state: _State[Query], query: StreamingQuery) -> None:
        error = query.exception()
        failure, state.query = str(error) if error else None, None
        if not state.managed.restarts_at_once(failure):
            self._note_failure(state, reason_of(failure or "it ended without a reason"))

    def _say_waiting(self, state: _State[Query], reason: str) -> None:
        """Say it, and again ever less often: a table may not have a row for months."""
        is_new = reason != state.said
        if is_new or time.monotonic() - state.said_at > state.remind_s:
            state.remind_s = _REMIND_S if is_new else min(2 * state.remind_s, _LONGEST_REMIND_S)
            state.said, state.said_at = reason, time.monotonic()
            say(f"waiting: {state.managed.name}: {reason}")

    def _note_failure(self, state: _State[Query], reason: str) -> None:
        """Let one that failed wait, each time longer; the others go on."""
        state.failing = Failing(state.failing.times + 1 if state.failing else 1, reason)
        state.due_at = time.monotonic() + min(RETRY_S * 2 ** (state.failing.times - 1), _LONGEST_RETRY_S)
        self._report()
        say(f"FAILED: {state.managed.name} ({state.failing.times} in a row): {reason}")

    def _forget_failure(self, state: _State[Query]) -> None:
        """See that one which failed before does its work."""
        if not (state.failing or self.book.now.times):
            return
        has_committed = last_batch_in(state.managed.checkpoint) > state.batch
        if has_committed or time.monotonic() - state.started_at > _IS_WELL_S:
            state.failing = None
            self._report()
            self.book.recover()

    def _report(self) -> None:
        """Write down which views are stopped or fail, and say what is new."""
        stopped = {view: reason for state in self.states for view, reason in state.managed.stopped.items()}
        for view, reason in stopped.items():
            if self.book.now.stopped.get(view) != reason:
                say(f"STOPPED: {reason}")
        failing = {view: state.failing for state in self.states if state.failing for view in state.managed.views}
        self.book.report(stopped=stopped, failing=failing)

    def _refuse_all_failing(self) -> None:
        reasons = [
            f"{state.managed.name}: {state.failing.reason}"
            for state in self.states
            if state.failing and not state.query
        ]
        if reasons and len(reasons) == sum(not state.rests for state in self.states):
            raise QueryFailed("; ".join(reasons))


def close(spark: SparkSession) -> None:
    """End a session; that its JVM is gone already is no error."""
    _unless_gone(spark.stop)


def _end_all(states: Sequence[_State[Any]]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(_State.end, states))


def _unless_gone(end: Any) -> None:
    try:
        end()
    except (Py4JError, PySparkException, OSError):
        # SIGTERM to the whole process group ends the JVM too; then there is nothing left to stop.
        say("the JVM was gone already")
