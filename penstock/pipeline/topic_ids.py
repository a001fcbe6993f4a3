"""Ids of the topics that the views were filled through: one that is gone, or was made again, has lost records unread.

The ids stand in Postgres (schemas/postgres/060_topic_ids.sql): a Kafka that is made again loses all of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.project.workspace import Workspace
from penstock.topics.admin import TopicAdmin
from penstock.topics.declare import cdc_topics, view_topics

_IS_SET_UP = "SELECT to_regclass('penstock.topic_ids') IS NOT NULL"
_NOTED = "SELECT topic, id FROM penstock.topic_ids"
_NOTE = """
    INSERT INTO penstock.topic_ids (topic, id) VALUES (%s, %s)
    ON CONFLICT (topic) DO UPDATE SET id = excluded.id, noted_at = now()
"""
_NOTE_NEW = "INSERT INTO penstock.topic_ids (topic, id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM penstock.topic_ids WHERE topic = ANY(%s)"
_QUICKLY_S = 5.0


class TopicsMadeAgain(TerminalError):
    """Offsets begin again in a topic that versions are made from, or a registry that gives its ids once more."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(
            f"deleted or made again: {', '.join(topics)}; later changes would lose against what Cassandra has; "
            "`penstock views rebuild` reads everything again"
        )


def topics_of(workspace: Workspace) -> tuple[str, ...]:
    """Return the topics whose ids matter."""
    views = workspace.declared
    return (*cdc_topics(views), *view_topics(views), workspace.config.names.registry_topics[0])


def made_again(workspace: Workspace) -> list[str]:
    """Return the topics that are gone, or others than the views were filled through.

    :raises PostgresUnreachable, KafkaUnreachable: the caller has to ask again.
    """
    config = workspace.config
    with connect(config) as connection:
        noted = noted_ids(connection)
    wanted = [topic for topic in topics_of(workspace) if topic in noted]
    there = TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).ids(wanted)
    return [topic for topic in wanted if there.get(topic) != noted[topic]]


def refuse_made_again(workspace: Workspace) -> None:
    """Make sure that the source can go on in its topics; a topic of a view is made good by a fill.

    :raises TopicsMadeAgain: before anything is changed.
    """
    of_views = view_topics(workspace.declared)
    if found := [topic for topic in made_again(workspace) if topic not in of_views]:
        raise TopicsMadeAgain(found)


def note_topics(workspace: Workspace) -> None:
    """Note the topics of now: whatever went before is made good."""
    config = workspace.config
    there = TopicAdmin(config.kafka.bootstrap).ids(topics_of(workspace))
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_NOTED))
        gone = [topic for topic, _ in cursor.fetchall() if topic not in there]
        cursor.execute(connection.own(_FORGET), (gone,))
        cursor.executemany(connection.own(_NOTE), sorted(there.items()))


def note_first_ids(config: Config, topics: Sequence[str]) -> None:
    """Note the topics of which nothing is known: one that is deleted from here on is seen to be another one."""
    there = TopicAdmin(config.kafka.bootstrap).ids(topics)
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.executemany(connection.own(_NOTE_NEW), sorted(there.items()))


def forget_topic(config: Config, topic: str) -> None:
    """Forget a topic that is deleted on purpose."""
    with connect(config) as connection:
        if noted_ids(connection):
            with connection, connection.cursor() as cursor:
                cursor.execute(connection.own(_FORGET), ([topic],))


def noted_ids(connection: Connection) -> dict[str, str]:
    """Return the ids by topic; none before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() == (False,):
            return {}
        cursor.execute(connection.own(_NOTED))
        return dict(cursor.fetchall())
