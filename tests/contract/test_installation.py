"""What has the names of the installation written out itself has those of `penstock.installation`."""

from __future__ import annotations

import re

import pytest

from penstock import installation
from penstock.config import ROOT, Config
from penstock.connect.files import read_connectors
from penstock.connect.place import group_of
from penstock.project.folders import Project

PROJECT = Project.of(Config())
SOURCE, SINK = read_connectors(PROJECT.connectors, names=[installation.SOURCE, installation.SINK])
MANUAL = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")


def test_the_source_connector_has_them() -> None:
    named = ("slot.name", "publication.name", "topic.prefix", "signal.data.collection", "notification.sink.topic.name")
    assert [SOURCE.config[key] for key in named] == [
        installation.SLOT,
        installation.PUBLICATION,
        installation.TOPIC_PREFIX,
        installation.SIGNALS,
        installation.NOTIFICATIONS_TOPIC,
    ]


def test_the_sink_connector_has_them() -> None:
    assert SINK.config["errors.deadletterqueue.topic.name"] == installation.DEAD_LETTER_TOPICS[1]
    topics = SINK.config["topics"].split(",")
    assert all(topic.startswith(installation.VIEW_TOPICS) for topic in topics)
    mapped = {key.split(".")[3] for key in SINK.config if key.startswith("topic.") and key.endswith(".mapping")}
    assert mapped == {installation.KEYSPACE}


def test_the_files_of_postgres_have_them() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(PROJECT.postgres.glob("*.sql")))
    assert set(re.findall(r"pubname = '(\w+)'", text)) == {installation.PUBLICATION}
    assert f"CREATE TABLE IF NOT EXISTS {installation.SIGNALS} " in text


@pytest.mark.parametrize(
    "name",
    [
        installation.SOURCE,
        installation.SINK,
        installation.SLOT,
        installation.SIGNALS,
        installation.NOTIFICATIONS_TOPIC,
        installation.HEARTBEAT_TOPIC,
        *installation.DEAD_LETTER_TOPICS,
        installation.VIEWS_APP,
        installation.AGGREGATES_APP,
        group_of(installation.SINK),
    ],
)
def test_the_contract_has_them(name: str) -> None:
    assert f"`{name}`" in MANUAL.split("### Names of tables and columns")[0]
