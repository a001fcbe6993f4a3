"""Several brokers, and several Cassandra nodes, each of their kind alone: what they keep while one is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from confluent_kafka import Producer

from penstock.brokers import librdkafka_settings
from penstock.cassandra.session import CassandraUnreachable, open_session
from penstock.config import Config
from penstock.doctor import cassandra as doctor_cassandra
from penstock.doctor import kafka as doctor_kafka
from penstock.doctor.finding import Finding, Weight
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_topics, create_view_tables
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import declare_topics
from penstock.wait import wait_until
from tests.integration.servers import free_port, started_together
from tests.patience import PATIENCE_S, answered

Processes = dict[str, Popen[bytes]]
COPIES = 3


@pytest.fixture
def config(tmp_path: Path) -> Config:
    kafka = {"brokers": COPIES, "heap_mb": 256, "port": free_port(), "controller_port": free_port()}
    nodes = {"nodes": COPIES, "heap_mb": 512, "port": free_port(), "storage_port": free_port()}
    return Config.model_validate({"state": tmp_path, "kafka": kafka, "cassandra": nodes})


@pytest.fixture
def brokers(config: Config) -> Iterator[Processes]:
    with started_together(config, "kafka") as processes:
        yield processes


@pytest.fixture
def nodes(config: Config) -> Iterator[Processes]:
    with started_together(config, "cassandra") as processes:
        yield processes


def warnings(findings: list[Finding]) -> list[str]:
    assert not [finding for finding in findings if finding.weight is Weight.STOPS]
    return [finding.what for finding in findings if finding.weight is Weight.WARNING]


def test_topics_have_copies_and_go_on_while_a_broker_is_away(config: Config, brokers: Processes) -> None:
    workspace = Workspace(config)
    create_topics(workspace)
    admin = TopicAdmin(config.kafka.bootstrap)
    declared = declare_topics(config, workspace.views)
    names = [topic.name for topic in declared]
    assert {admin.topics()[name][1] for name in names} == {COPIES}
    assert {admin.settings(names)[name]["min.insync.replicas"] for name in names} == {"2"}

    brokers["kafka-2"].kill()
    brokers["kafka-2"].wait()
    address = f"{config.kafka.own_hosts[1]}:{config.kafka.port}"
    wait_until(lambda: address not in admin.cluster().brokers, timeout_s=PATIENCE_S, what="the broker counts as away")
    producer = Producer({**librdkafka_settings(config.kafka.bootstrap), "acks": "all", "log_level": 0})
    for number in range(100):
        producer.produce("views.users_by_id", key=str(number), value="written while a broker is away")
    assert producer.flush(PATIENCE_S) == 0
    assert sum(admin.records({"views.users_by_id": config.kafka.partitions}).values()) == 100
    said = answered(lambda: warnings([*doctor_kafka.examine(config, declared)]), AssertionError)
    assert f"1 of 3 brokers are away: kafka-2 ({address})" in said


def test_a_table_is_written_and_read_while_a_node_is_away(config: Config, nodes: Processes) -> None:
    create_view_tables(Workspace(config))
    with open_session(config) as session:
        copies = session.cluster.metadata.keyspaces["penstock"].replication_strategy
        assert copies.export_for_schema() == "{'class': 'NetworkTopologyStrategy', 'datacenter1': '3'}"
        session.execute("CREATE TABLE penstock.tried (id int PRIMARY KEY)")
    nodes["cassandra-2"].kill()
    nodes["cassandra-2"].wait()
    for number in range(100):
        answered(lambda n=number: write(config, n), CassandraUnreachable)  # type: ignore[misc]
    with open_session(config) as session:
        assert {row["id"] for row in session.execute("SELECT id FROM penstock.tried")} == set(range(100))
    wait_until(lambda: is_missed(config), timeout_s=PATIENCE_S, what="the doctor misses the node")


def write(config: Config, number: int) -> None:
    with open_session(config) as session:
        session.execute("INSERT INTO penstock.tried (id) VALUES (%s)", (number,))


def is_missed(config: Config) -> bool:
    away = f"nodes that do not answer: cassandra-2 ({config.cassandra.own_hosts[1]})"
    return away in warnings([*doctor_cassandra.examine(config)])
