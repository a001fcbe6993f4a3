"""Counts how far changes have come: into the change topics, into the view topics, into Cassandra.

A `Passage` begins before the changes are made and counts from there, so that it can say "done" without a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import OFFSET_INVALID, Consumer, TopicPartition

from penstock.config import Config
from penstock.topics.consumer import open_consumer

_TIMEOUT_S = 10.0
_BATCH = 5000


@dataclass(frozen=True)
class HopCounts:
    """Records since the beginning of the passage."""

    changed: int
    """In the change topics; what an aborted transaction left does not count."""
    viewed: int
    """In the view topics."""
    written: int
    """Acknowledged by Cassandra and committed by the sink, of those in the view topics."""


class Passage:
    """Counts the records that pass each hop from now on."""

    def __init__(self, config: Config, *, change_topics: Sequence[str], view_topics: Sequence[str], sink: str) -> None:
        self._changes = _RecordCounter(config, change_topics)
        self._views = _RecordCounter(config, view_topics)
        self._sink = open_consumer(config.kafka.bootstrap, group=f"connect-{sink}")
        self.views = len(view_topics)
        """How many view topics it watches."""

    def counts(self) -> HopCounts:
        """Look how far the records have come; takes as long as reading the new ones."""
        return HopCounts(self._changes.count(), self._views.count(), self._written())

    def close(self) -> None:
        """Close the connections."""
        for consumer in (self._changes.consumer, self._views.consumer, self._sink):
            consumer.close()

    def _written(self) -> int:
        begin = self._views.begin
        committed = self._sink.committed([TopicPartition(*place) for place in begin], timeout=_TIMEOUT_S)
        return sum(max(0, at.offset - begin[at.topic, at.partition]) for at in committed if at.offset != OFFSET_INVALID)


def records_behind(config: Config, *, topics: Sequence[str], sink: str) -> int:
    """Return how many records of some topics a sink connector has not committed yet."""
    with closing(open_consumer(config.kafka.bootstrap, group=f"connect-{sink}")) as consumer:
        places = [TopicPartition(*place) for topic in topics for place in _partitions(consumer, topic)]
        committed = consumer.committed(places, timeout=_TIMEOUT_S)
        return sum(_end(consumer, (at.topic, at.partition)) - max(0, at.offset) for at in committed)


class _RecordCounter:
    """Counts the records of some topics, from the ends that they had at the beginning."""

    def __init__(self, config: Config, topics: Sequence[str]) -> None:
        self.consumer = open_consumer(config.kafka.bootstrap, group=config.names.group("passage"))
        self.begin = {
            place: _end(self.consumer, place) for topic in topics for place in _partitions(self.consumer, topic)
        }
        self.consumer.assign([TopicPartition(*place, offset) for place, offset in self.begin.items()])
        self._count = 0

    def count(self) -> int:
        while records := self.consumer.consume(_BATCH, timeout=0.1):
            self._count += sum(record.error() is None for record in records)
        return self._count


def _partitions(consumer: Consumer, topic: str) -> list[tuple[str, int]]:
    metadata = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    return [(topic, partition) for partition in metadata.partitions]


def _end(consumer: Consumer, place: tuple[str, int]) -> int:
    _, end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)
    return int(end)
