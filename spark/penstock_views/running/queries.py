"""Keeps the queries of a job going, each apart: what fails waits and is begun again alone, and the others go on.

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
"""So many take long to begin at a time: each holds a task, and the queries that run need some."""


class QueryFailed(TerminalError):
    """Every query ends by itself: then it may be Spark that is ill, and another process helps."""

    def __init__(self, reasons: str) -> None:
        super().__init__(f"the query failed: {reasons}")


class Stopped(Exception):
    """Somebody asked the job to stop."""


@dataclass(frozen=True)
class Orders:
    """What a job is told while it runs.

    :param stop: end.
    :param reload: take up the views as their files are now.
    """

    stop: Event = field(default_factory=Event)
    reload: Event = field(default_factory=Event)


class Kept(ABC):
    """One query that a job keeps.

    :param name: for people.
    :param views: those that stand still while it does not run.
    :param identity: of what it computes; another one with the same would do the same.
    """

    name: str
    views: tuple[str, ...]
    identity: str

    @abstractmethod
    def begin(self) -> StreamingQuery | None:
        """Start the query from where it was.

        :returns: None when there is nothing to run until somebody changes something (`stopped` says why).
        :raises TransientError: for what may come by itself.
        """

    @property
    def takes_long_to_begin(self) -> bool:
        """Tell whether it begins beside the others, which are looked after meanwhile."""
        return False

    def give_up(self) -> None:  # noqa: B027 - what begins at once has nothing to give up
        """Let what takes long to begin fail soon, if it is under way; this may be asked again and again."""

    @property
    @abstractmethod
    def checkpoint(self) -> Path:
        """The folder of its progress, once it has begun."""

    @property
    @abstractmethod
    def stopped(self) -> dict[str, str]:
        """Those of its views that stand still until somebody changes something, each with the reason."""

    @property
    @abstractmethod
    def has_to_begin_anew(self) -> bool:
        """Tell whether somebody asked that the query which runs ends, and the next begins."""

    @abstractmethod
    def takes_up(self, failure: str | None) -> bool:
        """Say whether the query ended for what the next one knows: then that begins at once, and nothing has failed.

        :param failure: None when it came to its end.
        """


Query = TypeVar("Query", bound=Kept)


@dataclass(eq=False)
class _Life(Generic[Query]):
    """One kept query as it goes: beginning beside the others, running, due at some time, or failing."""

    kept: Query
    beginning: Future[StreamingQuery | None] | None = None
    query: StreamingQuery | None = None
    due_at: float = 0.0
    began_at: float = 0.0
    batch: int = -1
    said: str = ""
    said_at: float = 0.0
    remind_s: float = _REMIND_S
    failing: Failing | None = None

    @property
    def rests(self) -> bool:
        """Tell whether it is not begun again."""
        return self.due_at == math.inf

    @property
    def is_settled(self) -> bool:
        """Tell whether it has begun, or waits for something, or fails."""
        return self.query is not None or bool(self.said) or self.failing is not None or self.rests

    @property
    def is_well(self) -> bool:
        """Tell whether it runs or is beginning, all its views with it."""
        goes = self.query is not None or self.beginning is not None
        return goes and not self.failing and not self.kept.stopped

    def end(self) -> None:
        """End the query, also one that is beginning."""
        while self.beginning and not self.beginning.cancel() and not self.beginning.done():
            _unless_gone(self.kept.give_up)
            wait([self.beginning], timeout=POLL_S)
        if self.beginning and not self.beginning.cancelled() and not self.beginning.exception():
            self.query = self.beginning.result()
        if self.query is not None:
            _unless_gone(self.query.stop)
        self.beginning = self.query = None


@dataclass
class Tender(Generic[Query]):
    """Keeps queries until told to stop.

    :param book: where it is written down what is wrong with which view.
    """

    stop: Event
    book: TroubleBook
    lives: list[_Life[Query]] = field(default_factory=list)
    _beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_BESIDE))

    def tend(self, kept: Sequence[Query]) -> Iterator[None]:
        """Keep these queries; gives a turn to whoever asks, after each beginning and each look at all of them.

        :raises Stopped: when it was told to stop.
        :raises QueryFailed: when every query fails.
        """
        self.adopt(kept)
        try:
            while True:
                for life in list(self.lives):
                    # A hundred of them take minutes to begin: whoever asks has a turn after each.
                    if life in self.lives and self._look_after(life):
                        yield
                self._refuse_all_failing()
                yield
                if self.stop.wait(POLL_S):
                    raise Stopped
        finally:
            _end_all(self.lives)
            self._beside.shutdown()

    def adopt(self, kept: Sequence[Query]) -> None:
        """Keep these from now on: one that is as before and does well goes on; the others end, or begin anew."""
        well = {life.kept.identity: life for life in self.lives if life.is_well}
        adopted = [well.get(each.identity) or _Life(each) for each in kept]
        left = [life for life in self.lives if life not in adopted]
        _end_all(left)
        self.lives = adopted
        self._tell()

    @property
    def running(self) -> list[Query]:
        """Those whose queries run."""
        return [life.kept for life in self.lives if life.query is not None]

    @property
    def settled(self) -> int:
        """How many have begun, or wait for something, or fail."""
        return sum(life.is_settled for life in self.lives)

    @property
    def is_settled(self) -> bool:
        """Tell whether all have."""
        return self.settled == len(self.lives)

    def _look_after(self, life: _Life[Query]) -> bool:
        """See how one does; return whether it was begun."""
        if life.query is None:
            if time.monotonic() < life.due_at or self.stop.is_set():
                return False
            self._begin(life)
            return True
        if not life.query.isActive:
            self._note_end(life, life.query)
        elif life.kept.has_to_begin_anew:
            life.end()
        else:
            self._forget_failure(life)
        return False

    def _begin(self, life: _Life[Query]) -> None:
        if life.beginning is None and life.kept.takes_long_to_begin:
            life.beginning = self._beside.submit(life.kept.begin)
        if life.beginning is None or life.beginning.done():
            self._note_begin(life)

    def _note_begin(self, life: _Life[Query]) -> None:
        beginning, life.beginning = life.beginning, None
        try:
            life.query = beginning.result() if beginning else life.kept.begin()
        except TransientError as exc:
            life.due_at = time.monotonic() + RETRY_S
            self._say_waiting(life, str(exc))
        except (Py4JNetworkError, OSError):
            raise  # the JVM is gone, and all queries with it
        except Exception as exc:  # noqa: BLE001 - a user's function and table can break it in any way; it fails alone
            self._note_failure(life, reason_of(str(exc)) or type(exc).__name__)
        else:
            life.began_at, life.batch, life.said = time.monotonic(), last_batch_in(life.kept.checkpoint), ""
            life.due_at = math.inf if life.query is None else 0.0
        self._tell()

    def _note_end(self, life: _Life[Query], query: StreamingQuery) -> None:
        error = query.exception()
        failure, life.query = str(error) if error else None, None
        if not life.kept.takes_up(failure):
            self._note_failure(life, reason_of(failure or "it ended without a reason"))

    def _say_waiting(self, life: _Life[Query], reason: str) -> None:
        """Say it, and again ever less often: a table may not have a row for months."""
        is_new = reason != life.said
        if is_new or time.monotonic() - life.said_at > life.remind_s:
            life.remind_s = _REMIND_S if is_new else min(2 * life.remind_s, _LONGEST_REMIND_S)
            life.said, life.said_at = reason, time.monotonic()
            say(f"waiting: {life.kept.name}: {reason}")

    def _note_failure(self, life: _Life[Query], reason: str) -> None:
        """Let one that failed wait, each time longer; the others go on."""
        life.failing = Failing(life.failing.times + 1 if life.failing else 1, reason)
        life.due_at = time.monotonic() + min(RETRY_S * 2 ** (life.failing.times - 1), _LONGEST_RETRY_S)
        self._tell()
        say(f"FAILED: {life.kept.name} ({life.failing.times} in a row): {reason}")

    def _forget_failure(self, life: _Life[Query]) -> None:
        """See that one which failed before does its work."""
        if not (life.failing or self.book.now.times):
            return
        has_committed = last_batch_in(life.kept.checkpoint) > life.batch
        if has_committed or time.monotonic() - life.began_at > _IS_WELL_S:
            life.failing = None
            self._tell()
            self.book.recover()

    def _tell(self) -> None:
        """Write down which views stand still or fail, and say what is new."""
        stopped = {view: reason for life in self.lives for view, reason in life.kept.stopped.items()}
        for view, reason in stopped.items():
            if self.book.now.stopped.get(view) != reason:
                say(f"STOPPED: {reason}")
        failing = {view: life.failing for life in self.lives if life.failing for view in life.kept.views}
        self.book.tell(stopped=stopped, failing=failing)

    def _refuse_all_failing(self) -> None:
        reasons = [f"{life.kept.name}: {life.failing.reason}" for life in self.lives if life.failing and not life.query]
        if reasons and len(reasons) == sum(not life.rests for life in self.lives):
            raise QueryFailed("; ".join(reasons))


def close(spark: SparkSession) -> None:
    """End a session; that its JVM is gone already is no error."""
    _unless_gone(spark.stop)


def _end_all(lives: Sequence[_Life[Any]]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(_Life.end, lives))


def _unless_gone(end: Any) -> None:
    try:
        end()
    except (Py4JError, PySparkException, OSError):
        # SIGTERM to the whole process group ends the JVM too; then there is nothing left to stop.
        say("the JVM was gone already")
