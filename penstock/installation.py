"""The names of an installation in the servers that it shares with others (docs/contracts.md, "Names").

The one home of each. The connector files, schemas/postgres and the Java parts have them too, and
tests/contract/test_installation.py holds them to this. No import here: whoever needs a name needs nothing else.
"""

from __future__ import annotations

SLOT = PUBLICATION = "penstock"
"""In Postgres, beside the schema of the same name."""

SIGNALS = "penstock.signals"
"""Where a re-read is asked for; it is published too, since Debezium reads it from the stream."""

KEYSPACE = "penstock"
"""In Cassandra."""

SOURCE, SINK = "users-postgres-source", "cassandra-views-sink"
"""The connectors, whose files have these stems."""

SINK_GROUP = f"connect-{SINK}"
"""The consumer group of the sink, as Connect names it."""

TOPIC_PREFIX = "app"
"""The `topic.prefix` of the source connector: its change topics begin so."""

NOTIFICATIONS_TOPIC = f"debezium-notifications.{TOPIC_PREFIX}"
"""Where the source connector says how far a snapshot or a re-read is."""

HEARTBEAT_TOPIC = f"__debezium-heartbeat.{TOPIC_PREFIX}"
"""The source connector writes to it every few seconds (`connect/heartbeat.py`)."""

VIEW_TOPICS = "views."
"""The topics of views begin so."""

DEAD_LETTER_TOPICS = ("dead-letters.views", "dead-letters.sink")
"""Of the Spark jobs, and of the sink."""

GROUPS = "penstock-"
"""The consumer groups of ours begin so; that of the sink is Connect's (`connect/place.py`)."""

VIEWS_APP, AGGREGATES_APP = "penstock-views", "penstock-aggregates"
"""The applications in Spark."""


def view_topic(view: str) -> str:
    """Name the topic of a view's records."""
    return VIEW_TOPICS + view


def group(reader: str) -> str:
    """Name the consumer group of one of our readers, none of which commits anything."""
    return GROUPS + reader
