"""Follows the ends of the change, view and dead-letter topics: what came last, when, and how much of it.

Of a change topic every record is counted, since the markers of transactions take offsets too. When more comes than can
be read in a moment, it goes to the end. Then the markers are few, and it takes the offsets for records.
Where a reader waits before all of that, the record there is read for its time.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from penstock.config import Config
from penstock.console.look.http import TIMEOUT_S
from penstock.offsets import Place
from penstock.topics.admin import KafkaUnreachable
from penstock.topics.consumer import Settings, open_consumer

AT_MOST = 2000
"""So many records are read of a partition at one look, before it goes to the end."""

_BACK = 30
_KEPT = 5000
_FETCH_S = 0.1
_LOOK_BACK_S = 0.5
_ONE_RECORD = {"auto.offset.reset": "earliest", "max.partition.fetch.bytes": 64 * 1024, "fetch.min.bytes": 1}
"""For who looks back: of what retention has deleted, the first record that is left."""
_OF_ONE_PLACE = {KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART}
"""What says nothing of other partitions: the end of one, and that its topic was deleted a moment ago."""
_EMPTY_LOOKS = 5
"""In all longer than the broker holds a fetch (`fetch.wait.max.ms`)."""


@dataclass(frozen=True)
class Newest:
    """The newest record of a partition, in its bytes; the time in seconds since 1970."""

    offset: int
    at: float
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]


@dataclass
class _End:
    """What is known of one partition."""

    position: int
    counts_from: int
    """The first offset that counts: what is read of before was there already."""
    counted: int = 0
    newest: Any = None
    """The message itself: of thousands that come between two looks one is looked into."""
    recent: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """(offset, time) of the newest records; none between two of them was left out."""
    marks: dict[int, float] = field(default_factory=dict)
    """Where readers wait before these, and when the record there was made."""


@dataclass(frozen=True)
class End:
    """One partition as it was last seen: `counted` records came since the console started."""

    counted: int
    newest: Newest | None
    recent: tuple[tuple[int, float], ...]
    marks: tuple[tuple[int, float], ...] = ()
    """(offset, time) of older records, at which readers wait."""

    def behind(self, position: int, end: int) -> tuple[int, float | None]:
        """Return how much lies from a position to the end: records, and the time of the first of them.

        Exact while the position is within the newest records that are known. Before them offsets stand for records, and
        the time is that of the last mark up to the position.
        """
        after = bisect_left(self.recent, (position,))
        if self.recent and (after > 0 or self.recent[0][0] <= position):
            waiting = len(self.recent) - after
            return waiting, self.recent[after][1] if waiting else None
        passed = [at for offset, at in self.marks if offset <= position]
        first = self.recent[0][1] if self.recent and position < self.recent[0][0] else None
        return max(0, end - position), passed[-1] if passed else first


class EndsCollector:
    """Keeps one consumer for all partitions that are followed.

    :param on_records: takes the records that came since the last look, as they are.
    """

    def __init__(self, config: Config, *, on_records: Callable[[Sequence[Any]], None]) -> None:
        self._on_records = on_records
        self._bootstrap, self._group = config.kafka.bootstrap, config.names.group("console")
        self._consumer: Any = None
        self._back: Any = None
        self._ends: dict[Place, _End] = {}

    def collect(
        self, ends: dict[Place, tuple[int, int]], positions: Iterable[tuple[Place, int]] = ()
    ) -> dict[Place, End]:
        """Read what came.

        :param ends: of each partition to follow, its beginning and end.
        :param positions: where readers wait.
        """
        if self._consumer is None:
            self._consumer = _consumer(self._bootstrap, self._group)
        try:
            self._assign(ends)
            self._read({place: end for place, (_, end) in ends.items()})
            self._look_back(positions)
        except KafkaException as exc:
            raise KafkaUnreachable(self._bootstrap, exc.args[0].str()) from exc
        return {
            place: End(end.counted, _newest(end), tuple(end.recent), tuple(sorted(end.marks.items())))
            for place, end in self._ends.items()
        }

    def _assign(self, ends: dict[Place, tuple[int, int]]) -> None:
        moved = set(ends) != set(self._ends)
        for place, (beginning, end) in ends.items():
            known = self._ends.get(place)
            if known is None or known.position > end:  # new, or deleted and made again
                self._ends[place] = _End(max(beginning, end - _BACK), end)
                moved = True
            elif end - known.position > AT_MOST:
                known.counted += end - known.position
                known.position, known.counts_from = max(beginning, end - _BACK), end
                known.recent.clear()
                moved = True
        self._ends = {place: self._ends[place] for place in ends}
        if moved:
            self._consumer.assign([TopicPartition(*place, end.position) for place, end in self._ends.items()])

    def _read(self, until: dict[Place, int]) -> None:
        waiting = {place for place, end in until.items() if self._ends[place].position < end}
        empty = 0
        while waiting and empty < _EMPTY_LOOKS:
            messages = self._consumer.consume(AT_MOST, timeout=_FETCH_S)
            empty = 0 if messages else empty + 1
            self._on_records([message for message in messages if self._take(message)])
            waiting = self._catch_up(waiting, until)

    def _catch_up(self, waiting: Iterable[Place], until: dict[Place, int]) -> set[Place]:
        """Take the consumer's own positions, which are behind the markers as well."""
        places = list(waiting)
        for at in self._consumer.position([TopicPartition(*place) for place in places]):
            end = self._ends[at.topic, at.partition]
            end.position = max(end.position, at.offset)
        return {place for place in places if self._ends[place].position < until[place]}

    def _look_back(self, positions: Iterable[tuple[Place, int]]) -> None:
        """Mark where readers wait before the newest records; once for a reader that does not move."""
        waits: dict[Place, list[int]] = {place: [] for place in self._ends}
        for place, at in positions:
            if place in waits and (recent := self._ends[place].recent) and at < recent[0][0]:
                waits[place].append(at)
        for place, end in self._ends.items():
            end.marks = _passed(end.marks, waits[place])
        missing = [(place, at) for place, each in waits.items() for at in each if at not in self._ends[place].marks]
        if missing:
            self._mark(missing)

    def _mark(self, missing: Sequence[tuple[Place, int]]) -> None:
        if self._back is None:
            self._back = _consumer(self._bootstrap, self._group, **_ONE_RECORD)
        until = time.monotonic() + _LOOK_BACK_S
        # By chance: a partition that does not answer takes its time from others, but not always from the same.
        for place, at in random.sample(missing, len(missing)):
            if (left_s := until - time.monotonic()) > 0:
                self._back.assign([TopicPartition(*place, at)])
                message = self._back.poll(left_s)
                if message is not None and message.error() is None and message.offset() >= at:
                    self._ends[place].marks[at] = _time_of(message)
        self._back.unassign()

    def _take(self, message: Any) -> bool:
        """Take a record; return whether it counts."""
        error = message.error()
        if error is not None:
            if error.code() in _OF_ONE_PLACE:
                return False
            raise KafkaException(error)
        end = self._ends.get((message.topic(), message.partition()))
        if end is None or (end.recent and message.offset() <= end.recent[-1][0]):
            return False
        counts: bool = message.offset() >= end.counts_from
        end.counted += counts
        end.position = message.offset() + 1
        end.recent.append((message.offset(), _time_of(message)))
        end.newest = message
        return counts


def _passed(marks: Mapping[int, float], positions: Iterable[int]) -> dict[int, float]:
    """Keep the last mark up to each position."""
    last = {max((mark for mark in marks if mark <= at), default=-1) for at in positions}
    return {mark: at for mark, at in marks.items() if mark in last}


def _newest(end: _End) -> Newest | None:
    message = end.newest
    if message is None:
        return None
    headers = {name: (value or b"").decode(errors="replace") for name, value in message.headers() or ()}
    return Newest(message.offset(), _time_of(message), message.key(), message.value(), headers)


def _time_of(message: Any) -> float:
    seconds: float = message.timestamp()[1] / 1000
    return seconds


def _consumer(bootstrap: str, group: str, **more: Any) -> Consumer:
    settings: Settings = {
        "auto.offset.reset": "latest",
        "reconnect.backoff.max.ms": 1000,
        "socket.timeout.ms": int(TIMEOUT_S * 1000),
        # It reads little and often: not librdkafka's 64 MB.
        "queued.max.messages.kbytes": 4096,
        "fetch.max.bytes": 4 * 1024 * 1024,
        "message.max.bytes": 4 * 1024 * 1024,
        # A few times a second what came, not each record as it comes: that was 55 fetches a second at 500 changes/s.
        "fetch.min.bytes": 1024 * 1024,
        "fetch.wait.max.ms": 300,
    }
    return open_consumer(bootstrap, group=group, more=settings | more)
