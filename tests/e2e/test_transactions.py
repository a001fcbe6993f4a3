"""The source connector's transactions are whole: KIP-618 promises it, and a race in Kafka's producer breaks it.

The network thread looks whether records are unsent, and then takes the transaction's next request. Held in between,
while the rest of the transaction is made and its commit started, it takes the commit for the next request and leaves
the rest behind. It happened under load: a part of a transaction was in Kafka, the offsets were not, the connector hung
on its next `flush`, and after a restart changes were there twice. Records that are not sent before the commit is
started (linger.ms) leave it no moment in which none is unsent.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.clone import ROOT
from penstock.connect.files import read_connector
from penstock.stack.parts.kafka import JARS
from penstock.topics.admin import TopicAdmin
from penstock.topics.topic import Topic
from tests.stack import Stack

TOPIC = "tests.transactions"
RECORDS = 3


@pytest.fixture(scope="module")
def held_commit(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Make the topic, and compile the program; return its command, which lacks only linger.ms."""
    admin, classes = TopicAdmin(stack.config.kafka.bootstrap), tmp_path_factory.mktemp("classes")
    admin.create([Topic(TOPIC, 1, 1, {})])
    stack.run(f"javac -d {classes} -cp '{JARS}/*' tests/e2e/HeldCommit.java")
    yield f"java -cp '{JARS}/*:{classes}' HeldCommit {stack.config.kafka.bootstrap} {TOPIC}"
    admin.delete([TOPIC])


def sent_when_committed(stack: Stack, held_commit: str, *, linger_ms: str) -> int:
    """Count the records of a transaction that were sent when its commit had succeeded."""
    return int(stack.run(f"{held_commit} {linger_ms}").stdout)


def test_a_commit_leaves_no_record_behind(stack: Stack, held_commit: str) -> None:
    source = read_connector(ROOT / "connect" / "connectors" / "users-postgres-source.json")
    linger_ms = source.config["producer.override.linger.ms"]
    assert sent_when_committed(stack, held_commit, linger_ms=linger_ms) == RECORDS


def test_that_is_still_needed(stack: Stack, held_commit: str) -> None:
    """When this fails, Kafka's producer is mended, and the connector can do without its linger.ms."""
    assert sent_when_committed(stack, held_commit, linger_ms="0") < RECORDS
