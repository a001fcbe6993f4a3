"""Find a first snapshot that was cut off and started again, and note its tables among the silent changes.

The second try begins at a later place of the WAL. A row that the first had read, and that was deleted in between, is in
the views and no event will ever take it out. A re-read of the table and its sweep do (refill.py). A second snapshot of
one epoch does the same: the source had lost its place, as when its offsets are deleted over Connect's REST.
https://debezium.io/documentation/reference/stable/configuration/notification.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from penstock.config import Config
from penstock.contract import EPOCH
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.silent import SilentChange, silent_changes
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.topics.admin import KafkaUnreachable, TopicAdmin
from penstock.topics.consumer import TO_THE_END, open_consumer

_FIRST_SNAPSHOT = "Initial Snapshot"
_CUT_OFF = "its snapshot was cut off and started again, rows may have been deleted"
_LOST_PLACE = "the source lost its place and took another snapshot, rows may have been deleted"
_TIMEOUT_S = 10.0
_QUICKLY_S = 5.0

_IS_SET_UP = """
    SELECT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = to_regclass('penstock.snapshots_read') AND attname = 'complete_epoch'
    )
"""
_POSITION = "SELECT next_offset, complete_epoch FROM penstock.snapshots_read"
_SET_POSITION = """
    INSERT INTO penstock.snapshots_read (next_offset, complete_epoch) VALUES (%s, %s)
    ON CONFLICT (only_row) DO UPDATE SET next_offset = excluded.next_offset, complete_epoch = excluded.complete_epoch
"""
_NOTE = "INSERT INTO penstock.silent_changes (table_name, what) VALUES (%s, %s)"


@dataclass(frozen=True)
class Notification:
    """A notification of Debezium about a first snapshot: `STARTED`, `COMPLETED`, ..., where, and in which epoch."""

    offset: int
    type: str
    epoch: int


@dataclass(frozen=True)
class Outcome:
    """What became of the snapshots.

    :param why: rows may be left over: a snapshot was started again, or another one of the same epoch was taken.
    :param open_since: where the last one began that is not complete.
    :param complete: the epoch whose snapshot is complete.
    """

    why: str | None
    open_since: int | None
    complete: int | None


def follow(notifications: Iterable[Notification], *, complete: int | None) -> Outcome:
    """Follow what Debezium notified.

    :param complete: the epoch whose snapshot was complete before.
    """
    why, open_since = None, None
    for each in notifications:
        if each.type == "STARTED":
            if open_since is not None:
                why = why or _CUT_OFF
            if complete == each.epoch:
                # Said once: looked at again from here, the epoch has none that is complete.
                why, complete = why or _LOST_PLACE, None
            open_since = each.offset
        elif each.type == "COMPLETED":
            open_since, complete = None, each.epoch
    return Outcome(why, open_since, complete)


def unsent_changes(workspace: Workspace) -> list[SilentChange]:
    """Return what changed rows of the views' tables and sent no event, snapshots that were started again among it.

    :raises PostgresUnreachable, KafkaUnreachable, RegistryUnreachable: the caller has to ask again.
    """
    config = workspace.config
    tables = {view.table for view in workspace.declared}
    with connect(config) as connection:
        note_restarted(config, connection, tables)
        return silent_changes(connection, tables)


def note_restarted(config: Config, connection: Connection, tables: Collection[str]) -> None:
    """Note these tables as silently changed when their first snapshot was started again; each time is noted once.

    Before the first set-up it does nothing.

    :param tables: `schema.table`, those of the views.
    :raises KafkaUnreachable, RegistryUnreachable: the caller has to ask again.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() == (False,) or not _has_notifications(config):
            return
        cursor.execute(connection.own(_POSITION))
        position, complete = cursor.fetchone() or (0, None)
        notifications, end = _read(config, position)
        outcome = follow(notifications, complete=complete)
        if outcome.why:
            cursor.executemany(connection.own(_NOTE), [(table, outcome.why) for table in sorted(tables)])
        cursor.execute(
            connection.own(_SET_POSITION), (end if outcome.open_since is None else outcome.open_since, outcome.complete)
        )


def _has_notifications(config: Config) -> bool:
    return config.names.notifications_topic in TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).topics()


def _read(config: Config, position: int) -> tuple[list[Notification], int]:
    """Read the notifications from a position on; return it, and where the next look begins."""
    group = config.names.group("snapshots")
    with (
        RegistryClient(config.registry.url) as registry,
        closing(open_consumer(config.kafka.bootstrap, group=group, more=TO_THE_END)) as consumer,
    ):
        place = TopicPartition(config.names.notifications_topic, 0)
        low, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        # Kafka may have started again since, or have let go of what is old.
        place.offset = position if low <= position <= end else low
        consumer.assign([place])
        decoder = AvroDecoder(registry)
        notifications: list[Notification] = []
        # The end of what is committed: an open transaction may hold the next notification.
        while (record := _next(config, consumer)).error() is None:
            value = decoder.decode(record.value()).value
            if isinstance(value, dict) and value.get("aggregate_type") == _FIRST_SNAPSHOT:
                notifications.append(Notification(record.offset() or 0, value["type"], _epoch(record)))
        return notifications, record.offset() or 0


def _epoch(record: Message) -> int:
    """Return the epoch that the source stamps on each record."""
    stamped = dict(record.headers() or []).get(EPOCH)
    return int(stamped) if stamped else 1


def _next(config: Config, consumer: Consumer) -> Message:
    """Return the next record, or the message that says there is none."""
    record = consumer.poll(_TIMEOUT_S)
    error = None if record is None else record.error()
    if record is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
        raise KafkaUnreachable(config.kafka.bootstrap, "no record" if error is None else error.str())
    return record
