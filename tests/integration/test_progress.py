"""Spark's own progress against a real Kafka: a quiet topic whose records expire, and files that are cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from penstock_views.stream.broker import held_offsets
from penstock_views.stream.checkpoint import committed, last_batch_in, open_checkpoint
from penstock_views.stream.session import local_session
from pyspark.sql.streaming.query import StreamingQuery

from penstock.config import Config, load_config
from penstock.topics.admin import TopicAdmin
from penstock.topics.gaps import gaps_of
from penstock.topics.topic import Topic
from penstock.wait import wait_until
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    file = written(tmp_path_factory.mktemp("progress"), "kafka")
    with started(load_config(file), "kafka"):
        yield load_config(file)


@contextmanager
def reading(config: Config, topic: str, root: Path) -> Iterator[StreamingQuery]:
    """Run a query as the views job does, from a topic to another."""
    held = held_offsets(config.kafka.bootstrap, {topic: 1}, group="penstock-tests")
    checkpoint = open_checkpoint(root, topic, {0: held[topic, 0]})
    spark, kafka = local_session(), {"kafka.bootstrap.servers": config.kafka.bootstrap}
    source = {"kafka.isolation.level": "read_committed", "subscribe": topic}
    reader = spark.readStream.format("kafka").options(**kafka, **source)
    records = reader.option("startingOffsets", json.dumps(checkpoint.starting)).load().select("value")
    writer = records.writeStream.format("kafka").options(**kafka).option("topic", f"{topic}-out").outputMode("update")
    writer = writer.option("checkpointLocation", str(checkpoint.folder)).option("asyncProgressTrackingEnabled", "false")
    query: StreamingQuery = writer.trigger(realTime="5 seconds").start()  # type: ignore[call-overload]
    try:
        yield query
    finally:
        query.stop()


def make_topic(config: Config, name: str) -> None:
    TopicAdmin(config.kafka.bootstrap).create([Topic(each, 1, 1, {}) for each in (name, f"{name}-out")])


def write(config: Config, topic: str, *values: str) -> None:
    """Write records in a transaction, as the source does."""
    producer = Producer({"bootstrap.servers": config.kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions()
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value=value)
    producer.commit_transaction()


def arrived(config: Config, topic: str) -> set[str]:
    consumer = Consumer({"bootstrap.servers": config.kafka.bootstrap, "group.id": "test", "enable.partition.eof": True})
    consumer.assign([TopicPartition(f"{topic}-out", 0, 0)])
    found: set[str] = set()
    while (record := consumer.poll(PATIENCE_S)) is not None and record.error() is None:
        found.add((record.value() or b"").decode())
    consumer.close()
    return found


def wait_until_committed(query: StreamingQuery, root: Path, place: tuple[str, int], offset: int) -> None:
    def look() -> bool:
        assert query.isActive, str(query.exception())
        return committed(root, [place[0]]).get(place) == offset

    wait_until(look, timeout_s=PATIENCE_S, what=f"offset {offset} is committed")


def test_a_quiet_topic_whose_records_have_expired_stops_nothing(config: Config, tmp_path: Path) -> None:
    make_topic(config, "quiet")
    write(config, "quiet", "a", "b", "c")
    with reading(config, "quiet", tmp_path) as query:
        wait_until_committed(query, tmp_path, ("quiet", 0), 3)  # the marker is at 3
        client = AdminClient({"bootstrap.servers": config.kafka.bootstrap})
        for done in client.delete_records([TopicPartition("quiet", 0, 4)]).values():
            done.result()
        wait_until(lambda: not query.isActive, timeout_s=PATIENCE_S, what="Spark does not find the marker")
    assert gaps_of(TopicAdmin(config.kafka.bootstrap), committed(tmp_path, ["quiet"])) == []
    with reading(config, "quiet", tmp_path) as query:
        write(config, "quiet", "d")
        wait_until_committed(query, tmp_path, ("quiet", 0), 5)
    assert arrived(config, "quiet") == {"a", "b", "c", "d"}


@pytest.mark.parametrize("name", ["offsets", "commits", "metadata"])
def test_a_file_that_is_cut_short_stops_nothing(config: Config, tmp_path: Path, name: str) -> None:
    make_topic(config, name)
    write(config, name, "a", "b")
    with reading(config, name, tmp_path) as query:
        wait_until_committed(query, tmp_path, (name, 0), 2)
    folder = tmp_path / name / "1"
    (folder / name if name == "metadata" else folder / name / str(last_batch_in(folder))).write_text("")
    write(config, name, "c")
    with reading(config, name, tmp_path) as query:
        wait_until_committed(query, tmp_path, (name, 0), 4)
    assert arrived(config, name) == {"a", "b", "c"}
    assert committed(tmp_path, [name]) == {(name, 0): 4}
