"""Lag: follows a few changes from their commit to Cassandra, and keeps how long each leg took as a histogram.

It sees the records that the console reads anyway. A change and its view record are one by offset and LSN, so any number
of partitions will do. An aggregate's record stands for many changes: of it only the sink's leg is known.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from prometheus_client import Histogram

from penstock.console.moment.progress import offset_of
from penstock.contract import AGGREGATE, LSN, VERSION
from penstock.errors import PenstockError
from penstock.offsets import Place
from penstock.project.declared import DeclaredView
from penstock.registry.decode import AvroDecoder, SchemaSource, only_origin

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
TEXT = (
    "Seconds that a change took, of some 5 each second and partition. source: commit to the connector's record; "
    "spark: to the view's record; sink: to when the sink's commit was seen (up to 2 s late); whole: all of it"
)
_EACH = 5
"""So many changes are followed of what one look brings of a partition."""
_MOST = 20_000
"""While so many are on their way no more are followed: those of a stall are kept, not the newest."""
_FORGOTTEN_S = 600.0
"""A change that no view shows (`.where()`), or a record of a view that the sink does not read, never arrives."""
_BLIND_S = 5.0
"""After so long without a look at the sink nobody knows when it wrote what it has written since."""
_LOOKS = 30
_REGISTRY_AWAY_S = 30.0
_CHANGED = {"c", "u", "d"}


@dataclass
class _Change:
    """A change that is followed; times in seconds since 1970, `shown` the views that have its record."""

    table: str
    committed_at: float
    captured_at: float
    shown: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Record:
    """A view's record that is followed; `change` None = it stands for many."""

    view: DeclaredView
    place: Place
    offset: int
    at: float
    change: _Change | None


@dataclass(frozen=True)
class _Look:
    """What the sink had committed, and when; `is_blind` = when it did so is not known."""

    at: float
    committed: Mapping[Place, int]
    is_blind: bool

    def has(self, record: _Record) -> bool:
        return self.committed.get(record.place, 0) > record.offset


class LagWatch:
    """Takes records from one thread and the sink's commits from another; `seconds` is for Prometheus."""

    def __init__(self, registry: SchemaSource) -> None:
        self.seconds = Histogram(
            "penstock_lag_seconds", TEXT, ("leg", "table", "view"), buckets=BUCKETS_S, registry=None
        )
        self._decoder = AvroDecoder(registry, partial(only_origin, of_source={"lsn", "ts_ms"}, beside={"op"}))
        self._decodes_from = 0.0
        self._lock = threading.Lock()
        self._views: dict[str, DeclaredView] = {}
        self._changes: dict[tuple[str, int, int], _Change] = {}
        self._waiting: deque[_Record] = deque()
        self._looks: deque[_Look] = deque(maxlen=_LOOKS)

    def watch(self, views: Iterable[DeclaredView]) -> None:
        """Say which views there are, once a look; let go what can no longer arrive."""
        self._views = {view.topic: view for view in views}
        with self._lock:
            self._forget(time.time())

    def take(self, messages: Sequence[Any]) -> None:
        """Take records as they were read: changes first, as a view's record follows its change."""
        sources = {view.source_topic: view.source_table for view in self._views.values()}
        with self._lock:
            for topic, few in _few_of_each(each for each in messages if each.topic() in sources):
                for message in few:
                    self._follow(sources[topic], message)
            for message in messages:
                if view := self._views.get(message.topic()):
                    self._arrive(view, message)

    def written(self, committed: Mapping[Place, int], at: float) -> None:
        """Take what the sink has committed: all before these offsets is in Cassandra."""
        with self._lock:
            is_blind = not self._looks or at - self._looks[-1].at > _BLIND_S
            look = _Look(at, committed, is_blind)
            self._looks.append(look)
            done = [record for record in self._waiting if look.has(record)]
            self._waiting = deque(record for record in self._waiting if not look.has(record))
            for record in done:
                self._finish(record, look)

    def _follow(self, table: str, message: Any) -> None:
        if len(self._changes) >= _MOST or not (change := self._decoded(message)):
            return
        captured_at, committed_at = _time_of(message), change["source"]["ts_ms"] / 1000
        self._observe("source", table, "", captured_at - committed_at)
        place = (message.topic(), message.offset(), change["source"]["lsn"])
        self._changes[place] = _Change(table, committed_at, captured_at)

    def _decoded(self, message: Any) -> dict[str, Any] | None:
        """Return the origin of a change; None of a row that was read, or when it cannot be known."""
        if time.monotonic() < self._decodes_from:
            return None
        try:
            value = self._decoder.decode(message.value()).value
        except PenstockError:
            # Each try may take seconds, in which nothing else of Kafka is looked at.
            self._decodes_from = time.monotonic() + _REGISTRY_AWAY_S
            return None
        return value if _is_change(value) else None

    def _arrive(self, view: DeclaredView, message: Any) -> None:
        if view.kind == AGGREGATE:
            self._await(view, message, None)
        elif (
            self._changes
            and (change := self._changes.get(self._origin(view, message)))
            and view.name not in change.shown
        ):
            change.shown.add(view.name)
            self._observe("spark", view.source_table, view.name, _time_of(message) - change.captured_at)
            self._await(view, message, change)

    @staticmethod
    def _origin(view: DeclaredView, message: Any) -> tuple[str, int, int]:
        headers = dict(message.headers() or ())
        version, lsn = headers.get(VERSION) or b"", headers.get(LSN) or b""
        known = version.isdigit() and lsn.isdigit()
        return (view.source_topic, offset_of(int(version)), int(lsn)) if known else (view.source_topic, -1, -1)

    def _await(self, view: DeclaredView, message: Any, change: _Change | None) -> None:
        if view.paused or len(self._waiting) >= _MOST:
            return
        place = (message.topic(), message.partition())
        record = _Record(view, place, message.offset(), _time_of(message), change)
        # The sink may have been quicker than our reading.
        looks = [look for look in self._looks if look.has(record)]
        if not looks:
            self._waiting.append(record)
        elif len(looks) < len(self._looks):
            self._finish(record, looks[0])

    def _finish(self, record: _Record, look: _Look) -> None:
        if look.is_blind:
            return
        self._observe("sink", record.view.source_table, record.view.name, look.at - record.at)
        if record.change:
            self._observe("whole", record.view.source_table, record.view.name, look.at - record.change.committed_at)

    def _observe(self, leg: str, table: str, view: str, seconds: float) -> None:
        # Clocks of two machines differ: nothing took less than no time.
        self.seconds.labels(leg, table, view).observe(max(0.0, seconds))

    def _forget(self, now: float) -> None:
        """Let go what shows in all its views, and what is too old."""
        shown = {view.source_topic: set[str]() for view in self._views.values()}
        for view in self._views.values():
            if view.kind != "aggregate":
                shown[view.source_topic].add(view.name)
        self._changes = {
            place: change
            for place, change in self._changes.items()
            if now - change.captured_at < _FORGOTTEN_S and not shown.get(place[0], set()) <= change.shown
        }
        self._waiting = deque(record for record in self._waiting if now - record.at < _FORGOTTEN_S)


def _is_change(value: Any) -> bool:
    """Return whether it is a change, not a row that was read or what somebody else wrote."""
    source = value.get("source") if isinstance(value, dict) and value.get("op") in _CHANGED else None
    return isinstance(source, dict) and all(isinstance(source.get(name), int) for name in ("lsn", "ts_ms"))


def _few_of_each(messages: Iterable[Any]) -> Iterable[tuple[str, list[Any]]]:
    """Choose a few by chance of each partition: the first of a look are those that waited longest."""

    def place(message: Any) -> Place:
        return message.topic(), message.partition()

    for (topic, _), of_place in groupby(sorted(messages, key=place), place):
        found = list(of_place)
        yield topic, random.sample(found, min(_EACH, len(found)))


def _time_of(message: Any) -> float:
    seconds: float = message.timestamp()[1] / 1000
    return seconds
