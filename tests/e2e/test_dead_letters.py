"""A record that nobody can read stops nothing and is kept whole, with its origin and the reason."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'after@example.com', 'After', 'Garbage', '2023-03-03', 'Garbage')
"""


def produce(stack: Stack, topic: str, value: bytes) -> int:
    """Write one record; return its offset."""
    offsets: list[int | None] = []
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap})
    producer.produce(topic, key=b"key", value=value, on_delivery=lambda _, message: offsets.append(message.offset()))
    producer.flush(30)
    (offset,) = offsets
    assert offset is not None
    return offset


def headers_of(message: Any) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers() if value is not None}


def origin_of(message: Any) -> tuple[str, int]:
    headers = headers_of(message)
    return headers["__connect.errors.topic"], int(headers["__connect.errors.offset"])


def wait_for_dead_letter(stack: Stack, letters: str, origin: tuple[str, int]) -> Any:
    """Return the dead letter of the record at (topic, offset)."""
    begin = {"auto.offset.reset": "earliest"}  # somebody may have cleared the topic
    consumer = Consumer({"bootstrap.servers": stack.config.kafka.bootstrap, "group.id": "tests", **begin})
    consumer.assign([TopicPartition(letters, 0, 0)])
    deadline = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is not None and not message.error() and origin_of(message) == origin:
                return message
    finally:
        consumer.close()
    pytest.fail(f"no dead letter of {origin} in {letters}")


@pytest.mark.parametrize(
    ("topic", "letters"), [("app.public.users", "dead-letters.views"), ("views.users_by_id", "dead-letters.sink")]
)
def test_garbage_becomes_a_dead_letter_and_the_rest_goes_on(stack: Stack, topic: str, letters: str) -> None:
    garbage = b"no Avro at all"
    offset = produce(stack, topic, garbage)
    stack.sql(INSERT, str(uuid.uuid4()))
    letter = wait_for_dead_letter(stack, letters, (topic, offset))
    assert (letter.key(), letter.value()) == (b"key", garbage)
    assert headers_of(letter)["__connect.errors.exception.message"]
    wait_until_exact(stack)
    stack.sql("DELETE FROM public.users WHERE country = 'Garbage'")
    wait_until_exact(stack)


def test_status_names_letters_until_they_are_cleared(stack: Stack) -> None:
    letters = "dead-letters.sink"

    def said() -> str:
        document = json.loads(stack.penstock("status --json", check=False).stdout)
        return next(str(each["seen"]) for each in document["flow"] if each["name"] == letters)

    wait_for_dead_letter(stack, letters, ("views.users_by_id", produce(stack, "views.users_by_id", b"no Avro")))
    assert f"`penstock topics clear {letters}`" in said()
    refused = stack.penstock("topics clear views.users_by_id --yes", check=False)
    assert refused.returncode == 1
    assert "views.users_by_id holds no dead letters" in refused.stderr
    assert "records deleted" in stack.penstock(f"topics clear {letters} --yes").stdout
    assert said() == "0 records"
    assert "0 records deleted" in stack.penstock(f"topics clear {letters}").stdout
    wait_for_dead_letter(stack, letters, ("views.users_by_id", produce(stack, "views.users_by_id", b"no Avro")))
    assert stack.penstock(f"topics clear {letters} --yes").stdout == f"{letters}: 1 records deleted\n"
    wait_until_exact(stack)
