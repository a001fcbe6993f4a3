"""Asks Kafka what the job must know before it starts: partitions and end offsets of the CDC topics."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from penstock.errors import TransientError

TIMEOUT_S = 10.0


class BrokerAway(TransientError):
    """Kafka does not answer."""

    def __init__(self, bootstrap: str, reason: str) -> None:
        super().__init__(f"Kafka at {bootstrap} does not answer ({reason}); is it up?")


class TopicMissing(TransientError):
    """A CDC topic does not exist yet."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; `penstock up` creates it")


def count_partitions(bootstrap: str, topics: Sequence[str]) -> dict[str, int]:
    """Count the partitions of each topic.

    :raises BrokerAway: when Kafka does not answer within 10 s.
    :raises TopicMissing: naming the first topic that does not exist.
    """
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        known = client.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as exc:
        raise BrokerAway(bootstrap, exc.args[0].str()) from exc
    for topic in topics:
        if topic not in known:
            raise TopicMissing(topic)
    return {topic: len(known[topic].partitions) for topic in topics}


def end_offsets(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Read where each partition ends now.

    :raises BrokerAway: when Kafka does not answer within 10 s a partition.
    """
    counts = count_partitions(bootstrap, topics)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "penstock-views-ends", "log_level": 0})
    try:
        return {
            (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_S)[1]
            for topic, count in counts.items()
            for number in range(count)
        }
    except KafkaException as exc:
        raise BrokerAway(bootstrap, exc.args[0].str()) from exc
    finally:
        consumer.close()
