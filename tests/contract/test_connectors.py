"""The connector files agree with the contracts, the topics that `up` declares, the CQL and each other."""

from __future__ import annotations

import re

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connector, read_connectors
from penstock.connect.heartbeat import HEARTBEAT_S
from penstock.project.folders import Project
from penstock.project.workspace import Workspace
from penstock.topics.declare import declare_topics

FILES = read_connectors(Project.of(Config()).connectors)
DECLARED = {topic.name for topic in declare_topics(Config(), Workspace(Config()).views)}
WORKER_ENVIRONMENT = {
    *(f"PENSTOCK_POSTGRES_{part}" for part in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE")),
    *(f"PENSTOCK_CASSANDRA_{part}" for part in ("HOST", "PORT", "DC")),
}


def connector(name: str) -> ConnectorFile:
    return read_connector(ROOT / "connect" / "connectors" / f"{name}.json")


def sink_topics() -> list[str]:
    return connector("cassandra-views-sink").config["topics"].split(",")


def test_the_two_connectors_of_the_contract_are_there() -> None:
    assert {"users-postgres-source", "cassandra-views-sink"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_secret_and_no_address_is_written_out(file: ConnectorFile) -> None:
    for key, value in file.config.items():
        if re.search(r"password|host|(^|\.)port$|contactPoints|url|database\.user|dbname|localDc", key):
            assert re.fullmatch(r"\$\{env:PENSTOCK_\w+\}", value), key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_only_variables_that_the_worker_gets_are_referred_to(file: ConnectorFile) -> None:
    named = {name for value in file.config.values() for name in re.findall(r"\$\{env:(\w+)\}", value)}
    assert named <= WORKER_ENVIRONMENT


def test_the_source_keeps_the_promises_of_the_contracts() -> None:
    config = connector("users-postgres-source").config
    promised = {
        "exactly.once.support": "required",
        "slot.name": "penstock",
        "publication.name": "penstock",
        "publication.autocreate.mode": "disabled",
        "topic.prefix": "app",
        "tombstones.on.delete": "false",
        "decimal.handling.mode": "string",
        "time.precision.mode": "adaptive_time_microseconds",
        "interval.handling.mode": "string",
        "datatype.propagate.source.type": ".*",
        "event.converting.failure.handling.mode": "fail",
        "offset.mismatch.strategy": "trust_offset",
        "transforms.epoch.header": "epoch",
        "heartbeat.interval.ms": f"{HEARTBEAT_S * 1000:.0f}",
        # Else a quiet database holds back the WAL that others of its server write, until the disk is full or the
        # slot is lost: the connector confirms only what it reads. A message takes no transaction id and reaches no
        # topic.
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'penstock-heartbeat', '')",
        "producer.override.linger.ms": "2147483647",  # tests/e2e/test_transactions.py
    }
    assert {key: config[key] for key in promised} == promised
    assert re.fullmatch(config["message.prefix.exclude.list"], "penstock-heartbeat")
    assert re.fullmatch(r"[1-9]\d*", config["transforms.epoch.value.literal"])


def test_every_topic_that_a_connector_writes_is_declared() -> None:
    source, sink = connector("users-postgres-source").config, connector("cassandra-views-sink").config
    prefix = source["topic.prefix"]
    assert {f"{prefix}.{table}" for table in source["table.include.list"].split(",")} <= DECLARED
    assert f"__debezium-heartbeat.{prefix}" in DECLARED
    assert f"{prefix}.{source['signal.data.collection']}" in DECLARED
    assert source["notification.sink.topic.name"] in DECLARED
    assert sink["errors.deadletterqueue.topic.name"] in DECLARED


def test_the_sink_reads_every_view_topic_and_maps_it_to_its_table() -> None:
    assert set(sink_topics()) == {name for name in DECLARED if name.startswith("views.")}
    config = connector("cassandra-views-sink").config
    for topic in sink_topics():
        table = topic.removeprefix("views.")
        mapping = config[f"topic.{topic}.{Config().names.keyspace}.{table}.mapping"]
        assert mapping == "*, row_version=header.version, __timestamp=header.version"


def test_the_sink_reads_committed_and_drops_nothing() -> None:
    config = connector("cassandra-views-sink").config
    assert config["consumer.override.isolation.level"] == "read_committed"
    assert config["errors.deadletterqueue.context.headers.enable"] == "true"
    assert config["errors.tolerance"] == "all"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_registry_that_is_away_is_waited_for_without_end(file: ConnectorFile) -> None:
    assert file.config["errors.retry.timeout"] == "-1"
