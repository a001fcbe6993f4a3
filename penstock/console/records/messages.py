"""Searching a topic on the server, from an offset, a time, the beginning or near the end, within a time limit.

It says how many records it looked at, of how many, and where to go on. Nobody must believe that a record is not there
because the search ended early.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from penstock.console.look.kafka import KafkaCollector, PartitionState, TopicState
from penstock.console.records.filter import Filter
from penstock.console.records.records import RecordReader, RecordView
from penstock.errors import TerminalError
from penstock.topics.admin import KafkaUnreachable
from penstock.topics.consumer import OFFSETS_PER_RECORD, Settings, open_consumer

BUDGET_S = 5.0
LIMIT = 50
LIMIT_AT_MOST = 500
_BATCH = 1000
_POLL_S = 0.05
_NUMBER = re.compile(r"[0-9]{1,18}")


class TopicNotFound(TerminalError):
    """There is no such topic or partition."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}; /topics lists those that exist")


class StartInvalid(TerminalError):
    """Where to begin cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"from={text!r} is not known; write `end-50`, `beginning`, `offset:1200` or `time:1764000000000`"
        )


class CursorInvalid(TerminalError):
    """Where to go on cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(f'cursor={text[:100]!r} is none; give `next` of the answer before, such as {{"0": 1200}}')


@dataclass(frozen=True)
class Search:
    """What is looked for. `start` is `end-N`, `beginning`, `offset:N` or `time:MS`; `cursor` goes on there."""

    topic: str
    start: str = "end-50"
    partition: int | None = None
    keeps: Filter = field(default_factory=Filter)
    limit: int = LIMIT
    budget_s: float = BUDGET_S
    cursor: dict[int, int] | None = None


@dataclass(frozen=True)
class Found:
    """What was found, newest last. `of` is how many offsets lay ahead; `next` where to go on, None at the end."""

    records: tuple[RecordView, ...]
    looked_at: int
    of: int
    seconds: float
    next: dict[int, int] | None


def search(kafka: KafkaCollector, reader: RecordReader, *, bootstrap: str, group: str, wanted: Search) -> Found:
    """Look for records.

    :raises TopicNotFound: there is no such topic or partition.
    :raises StartInvalid: `start` is none.
    :raises KafkaUnreachable: no broker answers.
    """
    started = time.monotonic()
    state = kafka.topics().topics.get(wanted.topic)
    if state is None:
        raise TopicNotFound(f"topic {wanted.topic}")
    starts, last = _starts(kafka, state, wanted)
    ends = {number: end for number, end in state.ends.items() if number in starts}
    ahead = sum(max(0, ends[number] - start) for number, start in starts.items())
    with closing(open_small_consumer(bootstrap, group)) as consumer:
        walk = _Walk(consumer, wanted.topic, starts, ends, deadline=started + min(wanted.budget_s, 30.0))
        records = _collect(walk, reader, wanted, last)
    done = walk.is_done
    return Found(
        tuple(records), walk.looked_at, ahead, time.monotonic() - started, None if done else dict(walk.positions)
    )


def _collect(walk: _Walk, reader: RecordReader, wanted: Search, last: int | None) -> list[RecordView]:
    if last is not None:
        newest = nlargest(last, walk.messages(), key=lambda message: (message.timestamp()[1], message.offset()))
        return [reader.read(message) for message in reversed(newest)]
    limit, found = min(wanted.limit, LIMIT_AT_MOST), []
    for message in walk.messages():
        record = reader.read(message)
        if wanted.keeps.keeps(record):
            found.append(record)
            if len(found) >= limit:
                walk.stop()
    return sorted(found, key=lambda record: record.timestamp_ms)


class _Walk:
    """Reads a topic from given offsets to the ends that it had, for so long as the deadline lets it."""

    def __init__(
        self, consumer: Any, topic: str, starts: dict[int, int], ends: dict[int, int], *, deadline: float
    ) -> None:
        self._consumer, self._topic, self._ends, self._deadline = consumer, topic, ends, deadline
        self.positions = dict(starts)
        self.looked_at = 0
        self._stopped = False

    @property
    def is_done(self) -> bool:
        """Return whether everything was looked at."""
        return all(self.positions[number] >= end for number, end in self._ends.items())

    def stop(self) -> None:
        """End after the message that was given out last."""
        self._stopped = True

    def messages(self) -> Iterator[Any]:
        """Give out message after message."""
        self._consumer.assign([TopicPartition(self._topic, *place) for place in self.positions.items()])
        while not self.is_done and time.monotonic() < self._deadline:
            for message in consume(self._consumer):
                if self._is_wanted(message):
                    self.positions[message.partition()] = message.offset() + 1
                    self.looked_at += 1
                    yield message
                    if self._stopped:
                        return
            self._pass_markers()

    def _is_wanted(self, message: Any) -> bool:
        return bool(self.positions[message.partition()] <= message.offset() < self._ends[message.partition()])

    def _pass_markers(self) -> None:
        """Take the consumer's positions: at the end of a topic there may be nothing but a marker."""
        for at in self._consumer.position([TopicPartition(self._topic, number) for number in self.positions]):
            self.positions[at.partition] = max(self.positions[at.partition], at.offset)


def _starts(kafka: KafkaCollector, state: TopicState, wanted: Search) -> tuple[dict[int, int], int | None]:
    """Say where to begin in each partition, and how many of the newest are wanted, if all are that come from there."""
    partitions = {partition.number: partition for partition in state.partitions}
    if wanted.partition is not None:
        if wanted.partition not in partitions:
            raise TopicNotFound(f"partition {wanted.partition} of topic {state.name}")
        partitions = {wanted.partition: partitions[wanted.partition]}
    if wanted.cursor is not None:
        places = wanted.cursor
        return {number: min(places.get(number, part.beginning), part.end) for number, part in partitions.items()}, None
    kind, number = _read_start(wanted.start)
    is_last = kind == "end" and not wanted.keeps.asks
    if is_last:
        number = min(number, wanted.limit, LIMIT_AT_MOST)
    if kind == "time":
        at = kafka.offsets_at([(state.name, each) for each in partitions], number)
        return {each: _first(at.get((state.name, each)), part) for each, part in partitions.items()}, None
    begins = {
        "beginning": lambda part: part.beginning,
        "offset": lambda part: min(max(number, part.beginning), part.end),
        "end": lambda part: max(part.beginning, part.end - number * OFFSETS_PER_RECORD),
    }
    return {each: begins[kind](part) for each, part in partitions.items()}, number if is_last else None


def _first(at: int | None, part: PartitionState) -> int:
    """Return where the first record at or after a time is: -1 = after the last one, None = nobody knows."""
    return part.beginning if at is None else at if at >= 0 else part.end


def _read_start(text: str) -> tuple[str, int]:
    if text == "beginning":
        return text, 0
    for kind, mark in (("end", "end-"), ("offset", "offset:"), ("time", "time:")):
        number = text.removeprefix(mark)
        if text.startswith(mark) and is_number(number):
            return kind, int(number)
    raise StartInvalid(text)


def is_number(text: str) -> bool:
    """Return whether a text is a number that an offset or a time can be: digits of ASCII, and not too many."""
    return _NUMBER.fullmatch(text) is not None


def read_cursor(text: str) -> dict[int, int]:
    """Read where to go on: `next` of an answer, as JSON.

    :raises CursorInvalid: it is none.
    """
    try:
        places = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise CursorInvalid(text) from exc
    if not isinstance(places, dict) or not all(is_number(n) and is_number(str(at)) for n, at in places.items()):
        raise CursorInvalid(text)
    return {int(number): int(at) for number, at in places.items()}


def consume(consumer: Any) -> list[Any]:
    """Take what is there; what is no record is left out.

    :raises KafkaUnreachable: the broker is away.
    """
    messages = consumer.consume(_BATCH, timeout=_POLL_S)
    if trouble := _trouble_in(messages):
        raise KafkaUnreachable("the broker", trouble)
    return [message for message in messages if message.error() is None]


def _trouble_in(messages: list[Any]) -> str | None:
    errors = [error for message in messages if (error := message.error()) is not None]
    return next((error.str() for error in errors if error.code() != KafkaError._PARTITION_EOF), None)


def open_small_consumer(bootstrap: str, group: str) -> Consumer:
    """Open a consumer that holds little and commits nothing."""
    settings: Settings = {"auto.offset.reset": "earliest", "queued.max.messages.kbytes": 8192, "fetch.wait.max.ms": 100}
    return open_consumer(bootstrap, group=group, more=settings)


class Tail:
    """What comes to a topic from now on, for one who watches; paused, it stays where it is.

    It never falls behind for good: what is more than can be shown is counted, and passed over.
    """

    AT_ONCE = 50

    def __init__(
        self, bootstrap: str, reader: RecordReader, *, group: str, topic: str, keeps: Filter | None = None
    ) -> None:
        self._consumer: Any = open_small_consumer(bootstrap, group)
        # One thread polls, while another may close.
        self._lock = threading.Lock()
        self._reader = reader
        self._keeps = keeps or Filter()
        self.looked_at = 0
        self.passed_over = 0
        self.trouble: str | None = None
        """Why nothing comes any more, as of a topic that was deleted."""
        try:
            found = self._consumer.list_topics(topic, timeout=2.0).topics[topic]
            places = [TopicPartition(topic, number) for number in found.partitions]
            # Where "now" is must be fixed here: an end that is asked for later may lie behind what came meanwhile.
            for place in places:
                _, place.offset = self._consumer.get_watermark_offsets(place, timeout=2.0)
            self._consumer.assign(places)
        except KafkaException as exc:
            self.close()
            raise KafkaUnreachable(bootstrap, exc.args[0].str()) from exc

    def poll(self) -> list[RecordView]:
        """Return what came since the last call; waits for nobody but the registry."""
        with self._lock:
            came = self._consumer.consume(_BATCH, timeout=0) if self._consumer is not None else []
        messages = [message for message in came if message.error() is None]
        if came:
            self.trouble = _trouble_in(came)
        self.looked_at += len(messages)
        if not self._keeps.asks:
            self.passed_over += max(0, len(messages) - self.AT_ONCE)
            return [self._reader.read(message) for message in messages[-self.AT_ONCE :]]
        kept = [record for record in map(self._reader.read, messages) if self._keeps.keeps(record)]
        self.passed_over += max(0, len(kept) - self.AT_ONCE)
        return kept[-self.AT_ONCE :]

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None
