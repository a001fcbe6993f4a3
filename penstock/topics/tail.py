"""Read a topic's committed records, decoded by the registry; an undecodable record is shown and the rest go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from penstock.errors import TerminalError
from penstock.registry.decode import AvroDecoder, Decoded, readable
from penstock.topics.admin import KafkaUnreachable
from penstock.topics.consumer import OFFSETS_PER_RECORD, TO_THE_END, Settings, open_consumer

# confluent_kafka.Message; its stub says that topic, partition and offset may be None, which those of a poll never are.
_Message = Any
_POLL_S = 0.5
_TIMEOUT_S = 15


class TopicUnknown(TerminalError):
    """There is no such topic."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}; `penstock topics list` shows those that exist")


@dataclass(frozen=True)
class Record:
    """One record; `headers` as text (hex where they are none), `timestamp` in ISO 8601 (after 9999 in milliseconds)."""

    topic: str
    partition: int
    offset: int
    timestamp: str
    key: Decoded
    value: Decoded
    headers: dict[str, str]


class TopicReader:
    """Reads topics of one cluster.

    :param bootstrap: `host:port` of a broker.
    :param group: of the consumers, which commit nothing.
    """

    def __init__(self, bootstrap: str, decoder: AvroDecoder, *, group: str = "penstock-tail") -> None:
        self._bootstrap, self._group = bootstrap, group
        self._decoder = decoder

    def last(self, topic: str, *, count: int) -> Iterator[Record]:
        """Return the newest records, oldest first; fewer when the end of the topic is mostly transaction markers.

        :raises TopicUnknown: there is no such topic.
        :raises KafkaUnreachable: no broker answers.
        """
        with closing(self._consumer()) as consumer:
            places = self._places(consumer, topic, OFFSET_BEGINNING)
            for place in places:
                low, high = self._bounds(consumer, place)
                place.offset = max(low, high - count * OFFSETS_PER_RECORD)
            consumer.assign(places)
            newest = sorted(self._until_end(consumer, len(places)), key=lambda message: message.timestamp()[1])
        yield from map(self._record, newest[-count:])

    def from_beginning(self, topic: str, *, follow: bool) -> Iterator[Record]:
        """Return every record and, when following, each new one for ever; raises as :meth:`last`."""
        with closing(self._consumer()) as consumer:
            places = self._places(consumer, topic, OFFSET_BEGINNING)
            consumer.assign(places)
            messages = self._for_ever(consumer) if follow else self._until_end(consumer, len(places))
            yield from map(self._record, messages)

    def from_end(self, topic: str) -> Iterator[Record]:
        """Return each record that comes from now on, for ever; raises as :meth:`last`."""
        with closing(self._consumer()) as consumer:
            consumer.assign(self._places(consumer, topic, OFFSET_END))
            yield from map(self._record, self._for_ever(consumer))

    def _consumer(self) -> Consumer:
        settings: Settings = {"auto.offset.reset": "earliest", **TO_THE_END}
        return open_consumer(self._bootstrap, group=self._group, more=settings)

    def _places(self, consumer: Consumer, topic: str, offset: int) -> list[TopicPartition]:
        try:
            found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        except KafkaException as exc:
            raise KafkaUnreachable(self._bootstrap, exc.args[0].str()) from exc
        if found.error is not None:
            raise TopicUnknown(topic)
        return [TopicPartition(topic, number, offset) for number in sorted(found.partitions)]

    def _bounds(self, consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
        try:
            found: tuple[int, int] = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        except KafkaException as exc:
            raise KafkaUnreachable(self._bootstrap, f"{place.topic}/{place.partition}: {exc.args[0].str()}") from exc
        return found

    def _until_end(self, consumer: Consumer, partitions: int) -> Iterator[_Message]:
        ended: set[int] = set()
        while len(ended) < partitions:
            message: _Message = consumer.poll(_POLL_S)
            if message is None:
                continue
            if self._is_end(message):
                ended.add(message.partition())
            else:
                yield message

    def _for_ever(self, consumer: Consumer) -> Iterator[_Message]:
        while True:
            message = consumer.poll(_POLL_S)
            if message is not None and not self._is_end(message):
                yield message

    def _is_end(self, message: _Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == KafkaError._PARTITION_EOF:
            return True
        raise KafkaUnreachable(self._bootstrap, error.str())

    def _record(self, message: _Message) -> Record:
        return Record(
            message.topic(),
            message.partition(),
            message.offset(),
            _in_iso(message.timestamp()[1]),
            self._decoder.decode(message.key()),
            self._decoder.decode(message.value()),
            {name: readable(value or b"") for name, value in message.headers() or ()},
        )


def _in_iso(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):  # a producer gave microseconds
        return str(at_ms)
