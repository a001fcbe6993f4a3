"""Asks Kafka what the job must know before it starts: partitions and end offsets of the CDC topics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from penstock.brokers import librdkafka_settings
from penstock.errors import TransientError
from penstock.offsets import Place
from penstock.topics.admin import KafkaUnreachable

TIMEOUT_S = 10.0
_LOOK_BACK = 100


class TopicMissing(TransientError):
    """A CDC topic does not exist yet."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; `penstock up` creates it")


def count_partitions(bootstrap: str, topics: Sequence[str]) -> dict[str, int]:
    """Count the partitions of each topic.

    :raises KafkaUnreachable: when Kafka does not answer within 10 s.
    :raises TopicMissing: naming the first topic that does not exist.
    """
    client = AdminClient({**librdkafka_settings(bootstrap), "log_level": 0})
    try:
        known = client.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as exc:
        raise KafkaUnreachable(bootstrap, exc.args[0].str()) from exc
    for topic in topics:
        if topic not in known:
            raise TopicMissing(topic)
    return {topic: len(known[topic].partitions) for topic in topics}


def end_offsets(bootstrap: str, topics: Sequence[str], *, group: str) -> dict[Place, int]:
    """Read where each partition ends now, for who reads only what is committed.

    :param group: that the consumer is in, with no other: nothing is committed.
    :raises KafkaUnreachable: when Kafka does not answer within 10 s a partition.
    """
    held = held_offsets(bootstrap, count_partitions(bootstrap, topics), group=group)
    return {place: end for place, (_, end) in held.items()}


def held_offsets(bootstrap: str, partitions: Mapping[str, int], *, group: str) -> dict[Place, tuple[int, int]]:
    """Read where each partition begins and ends now, for who reads only what is committed.

    :param partitions: of each topic.
    :raises KafkaUnreachable: when Kafka does not answer within 10 s a partition.
    """
    places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
    with _consumer(bootstrap, group) as consumer:
        return {place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=TIMEOUT_S) for place in places}


def offsets_since(bootstrap: str, ends: Mapping[Place, int], since_ms: int, *, group: str) -> dict[Place, int]:
    """Find in each partition the first record written since a time, or its end.

    :param since_ms: in milliseconds after 1970; 0 finds the first record that there is.
    :raises KafkaUnreachable: when Kafka does not answer within 10 s.
    """
    with _consumer(bootstrap, group) as consumer:
        asked = [TopicPartition(*place, since_ms) for place in ends]
        found = consumer.offsets_for_times(asked, timeout=TIMEOUT_S)
    offsets = {(at.topic, at.partition): at.offset for at in found}
    return {place: min(end, offsets[place]) if offsets[place] >= 0 else end for place, end in ends.items()}


def last_headers(bootstrap: str, ends: Mapping[Place, int], name: str, *, group: str) -> list[bytes]:
    """Read one header of the last record of each partition, where there is a record and it has the header.

    :raises KafkaUnreachable: when Kafka does not answer within 10 s a partition.
    """
    with _consumer(bootstrap, group) as consumer:
        found = [_last_record(consumer, place, end) for place, end in ends.items()]
    headers = [dict(record.headers() or ()).get(name) for record in found if record is not None]
    return [value for value in headers if isinstance(value, bytes)]


def _last_record(consumer: Consumer, place: Place, end: int) -> Message | None:
    """Read from ever further back: the last offsets may be markers of transactions, which are no records."""
    begin, _ = consumer.get_watermark_offsets(TopicPartition(*place), timeout=TIMEOUT_S)
    back = _LOOK_BACK
    while True:
        start = max(begin, end - back)
        consumer.assign([TopicPartition(*place, start)])
        last = _read_until(consumer, end)
        if last is not None or start == begin:
            return last
        back *= 10


def _read_until(consumer: Consumer, end: int) -> Message | None:
    last = None
    while (record := consumer.poll(TIMEOUT_S)) is not None:
        error, offset = record.error(), record.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if error is not None or offset is None or offset >= end:
            break
        last = record
    return last


@contextmanager
def _consumer(bootstrap: str, group: str) -> Iterator[Consumer]:
    settings = {"group.id": group, "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**librdkafka_settings(bootstrap), "log_level": 0, **settings})
    try:
        yield consumer
    except KafkaException as exc:
        raise KafkaUnreachable(bootstrap, exc.args[0].str()) from exc
    finally:
        consumer.close()
