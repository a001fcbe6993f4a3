"""Every CDC and view topic is Avro in Confluent's wire format: Confluent's deserializer reads it by the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.stack import Stack

TOPICS = ("app.public.users", "views.users_by_id", "views.users_by_country")


@pytest.fixture(scope="module")
def registry(stack: Stack) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": stack.config.registry.url}) as client:
        yield client


@pytest.mark.parametrize("topic", TOPICS)
def test_key_and_value_have_subjects(registry: SchemaRegistryClient, topic: str) -> None:
    assert {f"{topic}-key", f"{topic}-value"} <= set(registry.get_subjects())


@pytest.mark.parametrize("topic", TOPICS)
def test_confluents_deserializer_reads_the_first_record(
    stack: Stack, registry: SchemaRegistryClient, topic: str
) -> None:
    message = first_record(stack, topic)
    read = AvroDeserializer(registry)
    key: Any = read(message.key(), SerializationContext(topic, MessageField.KEY))
    value: Any = read(message.value(), SerializationContext(topic, MessageField.VALUE))
    row = value["after"] if topic.startswith("app.") else value
    assert str(key["id"]) == str(row["id"])
    assert row["email"]


def test_a_view_record_says_its_version_and_lsn(stack: Stack) -> None:
    change, view = first_record(stack, "app.public.users"), first_record(stack, "views.users_by_id")
    headers = {name: int(value) for name, value in view.headers()}
    assert headers["version"] == 2**52 + change.offset()
    assert headers["lsn"] > 0
    assert dict(change.headers())["epoch"] == b"1"


def first_record(stack: Stack, topic: str) -> Any:
    """Return the first record of a topic's first partition."""
    consumer = Consumer(
        {"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests", "isolation.level": "read_committed"}
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(30)
        assert message is not None
        assert message.error() is None
        return message
    finally:
        consumer.close()
