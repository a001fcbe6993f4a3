"""The source connector's transactions are whole: KIP-618 promises it, and a race in Kafka's producer breaks it.

The network thread looks whether records are unsent, and then takes the transaction's next request. Held in between,
while the rest of the transaction is made and its commit begun, it takes the commit for the next request and leaves the
rest behind. It happened under load: a part of a transaction was in Kafka, the offsets were not, the connector hung on
its next `flush`, and after a restart changes were there twice. Records that are not sent before the commit is begun
(linger.ms) leave it no moment in which none is unsent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from penstock.config import ROOT
from tests.stack import Stack

TOPIC = "tests.transactions"
RECORDS = 3
KAFKA = ROOT / ".servers" / "kafka"


@pytest.fixture
def topic(stack: Stack) -> Iterator[str]:
    admin = AdminClient({"bootstrap.servers": stack.config.kafka.bootstrap})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result()
    yield TOPIC
    admin.delete_topics([TOPIC])[TOPIC].result()


def sent_when_committed(stack: Stack, topic: str, folder: Path, *, linger_ms: str) -> int:
    """Count the records of a transaction that were sent when its commit had succeeded."""
    program = f"javac -d {folder} -cp '{KAFKA}/*' tests/e2e/HeldCommit.java && java -cp '{KAFKA}/*:{folder}' HeldCommit"
    return int(stack.run(f"{program} {stack.config.kafka.bootstrap} {topic} {linger_ms}").stdout)


def test_a_commit_leaves_no_record_behind(stack: Stack, topic: str, tmp_path: Path) -> None:
    source = json.loads((ROOT / "connect" / "connectors" / "users-postgres-source.json").read_text())
    linger_ms = source["producer.override.linger.ms"]
    assert sent_when_committed(stack, topic, tmp_path, linger_ms=linger_ms) == RECORDS


def test_that_is_still_needed(stack: Stack, topic: str, tmp_path: Path) -> None:
    """When this fails, Kafka's producer is mended, and the connector can do without its linger.ms."""
    assert sent_when_committed(stack, topic, tmp_path, linger_ms="0") < RECORDS
