"""The names of the default installation, in which nearly every test runs."""

from __future__ import annotations

from pathlib import Path

from penstock_views.declaration import load
from penstock_views.declaration.views import View

from penstock import names
from penstock.installation import Names
from penstock.postgres.own import of_installation

OURS = Names()
OURS_IN_POSTGRES = of_installation(OURS)
"""The `connection_factory` of a connection that a test opens itself."""

SLOT, PUBLICATION, SIGNALS = OURS.slot, OURS.publication, OURS.signals
SOURCE, SINK = OURS.source_connector, OURS.sink
HEARTBEAT_TOPIC, NOTIFICATIONS_TOPIC = OURS.heartbeat_topic, OURS.notifications_topic
DEAD_LETTER_TOPICS, REGISTRY_TOPICS = OURS.dead_letter_topics, OURS.registry_topics
VIEWS_APP, AGGREGATES_APP = OURS.views_app, OURS.aggregates_app
DAG_ID = OURS.dag


def topic_of(table: str) -> str:
    """Name the change topic of a table."""
    return names.topic_of(table, OURS.topic_prefix)


def load_views(folder: Path) -> tuple[View, ...]:
    """Load the views of a folder."""
    return load.load_views(folder, OURS)
