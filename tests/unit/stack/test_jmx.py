"""The MBeans of Kafka and Connect are shown only where a port is given, and only on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.layout import Layout
from penstock.sections.connect import Connect
from penstock.sections.kafka import Kafka, KafkaMode
from penstock.stack.part import Part
from penstock.stack.parts.connect import connect
from penstock.stack.parts.kafka import kafka
from penstock.stack.parts.kafka_zookeeper import kafka_zookeeper

BUILDERS = [("kafka", kafka), ("kafka", kafka_zookeeper), ("connect", connect)]


def built(build: object, state: Path, port: int | None) -> Part:
    mode = KafkaMode.ZOOKEEPER if build is kafka_zookeeper else KafkaMode.KRAFT
    config = Config(state=state, kafka=Kafka(mode=mode, metrics_port=port), connect=Connect(metrics_port=port))
    assert callable(build)
    part = build(config, Layout.of(config))
    assert isinstance(part, Part)
    return part


@pytest.mark.parametrize(("section", "build"), BUILDERS)
def test_an_agent_listens_on_loopback_where_a_port_is_given(section: str, build: object, tmp_path: Path) -> None:
    part = built(build, tmp_path, 9404)
    (agent,) = (option for option in part.command if option.startswith("-javaagent:"))
    jar, address, port, rules = agent.removeprefix("-javaagent:").replace("=", ":").split(":")
    assert (address, port) == ("127.0.0.1", "9404")
    assert Path(jar).exists() and Path(rules).exists()
    assert part.ports[f"{section}.metrics_port"] == 9404


@pytest.mark.parametrize(("section", "build"), BUILDERS)
def test_there_is_none_by_default(section: str, build: object, tmp_path: Path) -> None:
    part = built(build, tmp_path, None)
    assert not [option for option in part.command if "javaagent" in option]
    assert f"{section}.metrics_port" not in part.ports


def test_a_broker_with_an_agent_records_no_archive_of_classes(tmp_path: Path) -> None:
    assert not [each for each in built(kafka, tmp_path, 9404).command if each.startswith("-XX:ArchiveClassesAtExit")]
