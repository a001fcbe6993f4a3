"""A Kafka of others: TLS with passwords (PLAIN, SCRAM) or certificates, for librdkafka and for Spark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from penstock_views.stream.broker import end_offsets
from penstock_views.stream.config import JobConfig, parse_arguments
from penstock_views.stream.kafka import read_records, write_records
from penstock_views.stream.session import local_session
from pyspark.sql import functions as F

from penstock.brokers import Brokers, librdkafka_settings
from penstock.config import Config
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_topics
from penstock.stack.health import part_healths
from penstock.topics.admin import KafkaUnreachable, TopicAdmin, TopicNotCreated
from penstock.topics.consumer import open_consumer
from penstock.topics.topic import Topic
from tests.integration.certificates import STORE_PASSWORD, Certificates
from tests.integration.their_kafka import PASSWORD, TheirKafka, their_kafka
from tests.patience import PATIENCE_S

WAYS = ["scram", *(pytest.param(way, marks=pytest.mark.slow) for way in ("plain", "mtls", "mtls-pem"))]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirKafka]:
    folder = tmp_path_factory.mktemp("theirs")
    with their_kafka(folder, Certificates.made_in(folder / "tls")) as server:
        yield server


def config_of(theirs: TheirKafka, way: str, state: Path) -> Config:
    return Config.model_validate({"state": state, "kafka": theirs.section(way)})


@pytest.mark.parametrize("way", WAYS)
def test_topics_are_made_written_and_read(theirs: TheirKafka, tmp_path: Path, way: str) -> None:
    config = config_of(theirs, way, tmp_path)
    (health,) = (each for each in part_healths(config) if each.name == "kafka")
    assert (health.state, health.answers) == ("not ours", True)
    create_topics(Workspace(config))
    topic = f"views.{way}"
    TopicAdmin(config.kafka.bootstrap).create([Topic(topic, 1, 1, {})])
    producer = Producer(librdkafka_settings(config.kafka.bootstrap))
    producer.produce(topic, value=b"one")
    assert producer.flush(PATIENCE_S) == 0
    with closing(open_consumer(config.kafka.bootstrap, group="penstock-test")) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        record = consumer.poll(PATIENCE_S)
    assert record is not None
    assert record.value() == b"one"
    assert end_offsets(config.kafka.bootstrap, [topic], group="penstock-tests") == {(topic, 0): 1}


def job(config: Config, folder: Path) -> JobConfig:
    given = ["--bootstrap-servers", str(config.kafka.bootstrap), "--registry-url", "-", "--master", "-"]
    let_in = ["--kafka-properties", str(config.kafka.bootstrap.properties_file)]
    return parse_arguments([*given, *let_in, "--checkpoint", str(folder)])


@pytest.mark.parametrize("way", ["scram", pytest.param("mtls-pem", marks=pytest.mark.slow)])
def test_spark_reads_and_writes(theirs: TheirKafka, tmp_path: Path, way: str) -> None:
    config, topics = config_of(theirs, way, tmp_path), (f"app.{way}", f"views.{way}-out")
    TopicAdmin(config.kafka.bootstrap).create([Topic(name, 1, 1, {}) for name in topics])
    producer = Producer(librdkafka_settings(config.kafka.bootstrap))
    producer.produce(topics[0], value=b"one")
    assert producer.flush(PATIENCE_S) == 0
    settings = job(config, tmp_path)
    records = read_records(local_session(), settings, topics[0], starting="earliest", options={})
    out = records.select("value", F.lit(topics[1]).alias("topic"))
    query = (
        write_records(out, settings, name=way, checkpoint=tmp_path / "checkpoint").trigger(availableNow=True).start()
    )
    query.awaitTermination()
    assert end_offsets(config.kafka.bootstrap, [topics[1]], group="penstock-tests") == {(topics[1], 0): 1}
    plan = query._jsq.explainInternal(True)
    assert "5ecret" not in plan


def test_a_wrong_password_is_said_and_not_shown(theirs: TheirKafka, tmp_path: Path) -> None:
    file = tmp_path / "wrong.properties"
    file.write_text(theirs.properties["scram"].read_text().replace("k4fka", "wr0ng"))
    admin = TopicAdmin(Brokers(f"127.0.0.1:{theirs.ports['scram']}", file), timeout_s=5)
    with pytest.raises(KafkaUnreachable, match="uthentication failed") as away:
        admin.topics()
    assert "5ecret" not in str(away.value)


def test_a_topic_of_others_is_not_ours_to_touch(theirs: TheirKafka, tmp_path: Path) -> None:
    config = config_of(theirs, "scram", tmp_path)
    with pytest.raises(TopicNotCreated, match="uthorization failed"):
        TopicAdmin(config.kafka.bootstrap).create([Topic("of-others", 1, 1, {})])


def test_without_its_properties_nobody_is_let_in(theirs: TheirKafka) -> None:
    with pytest.raises(KafkaUnreachable) as away:
        TopicAdmin(f"127.0.0.1:{theirs.ports['scram']}", timeout_s=5).topics()
    assert PASSWORD not in str(away.value)
    assert STORE_PASSWORD not in str(away.value)
