"""Finds the newest records of one key in a topic, from its end backwards, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from penstock.console.look.kafka import TopicState
from penstock.console.records.messages import consume
from penstock.console.records.records import RecordReader, RecordView
from penstock.keys.values import base_of, canonical

# Windows double, from the smaller to the larger: of large rows a few must be looked at in time.
_WINDOW, _LARGEST_WINDOW = 200, 5000
_AS_THEY_ARE = {"text", "character varying", "uuid"}

KeyOf = Callable[[bytes | None], Any]


@dataclass(frozen=True)
class Trace:
    """The newest records of a key, newest first; `looked_at` of `of` offsets."""

    records: tuple[RecordView, ...] = ()
    looked_at: int = 0
    of: int = 0

    @property
    def newest(self) -> RecordView | None:
        """The newest of them."""
        return self.records[0] if self.records else None

    @property
    def is_whole(self) -> bool:
        """Return whether the whole topic was looked at."""
        return self.looked_at >= self.of


@dataclass(frozen=True)
class Wanted:
    """Which key: the columns that name it, as Postgres writes them, how a key's bytes are read, and the types."""

    key: Mapping[str, str]
    key_of: KeyOf
    types: Mapping[str, str]

    def matches(self, data: bytes | None) -> bool:
        """Return whether bytes are a key that has these columns with these values."""
        if data is None or not all(self._may_hold(data, name, text) for name, text in self.key.items()):
            return False
        found = self.key_of(data)
        return isinstance(found, dict) and all(self._is(found, name, text) for name, text in self.key.items())

    def _is(self, found: Mapping[str, Any], name: str, text: str) -> bool:
        value, sql_type = found.get(name), self.types.get(name, "")
        return canonical(sql_type, value) == canonical(sql_type, text) or str(value) == text

    def _may_hold(self, data: bytes, name: str, text: str) -> bool:
        # A text, a uuid too, stands in Avro as it is: most keys need not be decoded.
        return base_of(self.types.get(name, "")) not in _AS_THEY_ARE or text.encode() in data


def find_newest(
    consumer: Consumer, reader: RecordReader, state: TopicState, wanted: Wanted, *, count: int, budget_s: float
) -> Trace:
    """Look for the newest records of a key.

    A window that was not read to its end is left out: what is unread of it may be newer than what was found.

    :param consumer: is closed at the end.
    :raises KafkaUnreachable: the broker is away.
    """
    deadline = time.monotonic() + budget_s
    ends = {part.number: part.end for part in state.partitions}
    begins = {part.number: part.beginning for part in state.partitions}
    found: list[Any] = []
    looked_at, window = 0, _WINDOW
    with closing(consumer):
        while any(ends[each] > begins[each] for each in ends) and time.monotonic() < deadline:
            starts = {each: max(begins[each], end - window) for each, end in ends.items()}
            hits = _read_window(consumer, state.name, starts, ends, wanted, deadline)
            if hits is None:
                break
            found += hits
            looked_at += sum(ends[each] - starts[each] for each in ends)
            ends, window = starts, min(window * 2, _LARGEST_WINDOW)
            if len(found) >= count:
                break
    newest = sorted(found, key=lambda message: (message.timestamp()[1], message.offset()), reverse=True)[:count]
    whole = sum(part.end - part.beginning for part in state.partitions)
    return Trace(tuple(reader.read(message) for message in newest), looked_at, whole)


def _read_window(
    consumer: Any, topic: str, starts: dict[int, int], ends: dict[int, int], wanted: Wanted, deadline: float
) -> list[Any] | None:
    """Return the records of the key there; None when the time is over before all were read."""
    positions = dict(starts)
    consumer.assign([TopicPartition(topic, *place) for place in starts.items()])
    found = []
    while any(positions[each] < ends[each] for each in positions):
        if time.monotonic() >= deadline:
            return None
        for message in consume(consumer):
            if message.offset() < ends[message.partition()]:
                positions[message.partition()] = message.offset() + 1
                if wanted.matches(message.key()):
                    found.append(message)
        for at in consumer.position([TopicPartition(topic, each) for each in positions]):
            positions[at.partition] = max(positions[at.partition], at.offset)
    return found
