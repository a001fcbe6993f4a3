"""The connector files agree with the contracts, the topics that `up` declares, the CQL and each other."""

from __future__ import annotations

import re

import pytest

from penstock.clone import ROOT
from penstock.config import Config
from penstock.connect.files import ConnectorFile, read_connector, read_connectors
from penstock.project.folders import Project
from penstock.project.required import completed
from penstock.project.workspace import Workspace
from penstock.topics.declare import declare_topics
from tests.names import SINK, SOURCE

FILES = read_connectors(Project.of(Config()).connectors)
DECLARED = {topic.name for topic in declare_topics(Config(), Workspace(Config()).views)}
WORKER_ENVIRONMENT = {
    *(f"PENSTOCK_POSTGRES_{part}" for part in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE")),
    *(f"PENSTOCK_CASSANDRA_{part}" for part in ("HOST", "PORT", "DC")),
}


def connector(name: str) -> ConnectorFile:
    return read_connector(ROOT / "connect" / "connectors" / f"{name}.json")


def sink_topics() -> list[str]:
    return connector(SINK).config["topics"].split(",")


def test_the_two_connectors_of_the_contract_are_there() -> None:
    assert {SOURCE, SINK} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_secret_and_no_address_is_written_out(file: ConnectorFile) -> None:
    for key, value in file.config.items():
        if re.search(r"password|host|(^|\.)port$|contactPoints|url|database\.user|dbname|localDc", key):
            assert re.fullmatch(r"\$\{env:PENSTOCK_\w+\}", value), key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_only_variables_that_the_worker_gets_are_referred_to(file: ConnectorFile) -> None:
    named = {name for value in file.config.values() for name in re.findall(r"\$\{env:(\w+)\}", value)}
    assert named <= WORKER_ENVIRONMENT


@pytest.mark.parametrize(("name", "source"), [(SOURCE, ""), (SINK, None)])
def test_the_files_say_all_that_they_must(name: str, source: str | None) -> None:
    path = ROOT / "connect" / "connectors" / f"{name}.json"
    assert completed(path, connector(name), source) == connector(name)


def test_the_source_sends_no_message_of_the_log_and_has_an_epoch() -> None:
    config = connector(SOURCE).config
    assert re.fullmatch(config["message.prefix.exclude.list"], "penstock-heartbeat")
    assert re.fullmatch(r"[1-9]\d*", config["transforms.epoch.value.literal"])


def test_every_topic_that_a_connector_writes_is_declared() -> None:
    source, sink = connector(SOURCE).config, connector(SINK).config
    prefix = source["topic.prefix"]
    assert {f"{prefix}.{table}" for table in source["table.include.list"].split(",")} <= DECLARED
    assert f"__debezium-heartbeat.{prefix}" in DECLARED
    assert f"{prefix}.{source['signal.data.collection']}" in DECLARED
    assert source["notification.sink.topic.name"] in DECLARED
    assert sink["errors.deadletterqueue.topic.name"] in DECLARED


def test_the_sink_reads_every_view_topic_and_maps_it_to_its_table() -> None:
    assert set(sink_topics()) == {name for name in DECLARED if name.startswith("views.")}
    config = connector(SINK).config
    tables = [topic.removeprefix("views.") for topic in sink_topics()]
    assert {f"topic.views.{table}.{Config().names.keyspace}.{table}.mapping" for table in tables} <= config.keys()
