"""Find a first snapshot that was cut off and begun again, and note its tables among the silent changes.

The second try begins at a later place of the WAL. A row that the first had read, and that was deleted in between, is in
the views and no event will ever take it out. A re-read of the table and its sweep do (refill.py).
https://debezium.io/documentation/reference/stable/configuration/notification.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from psycopg2.extensions import connection as Connection

from penstock.config import Config
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.topics.admin import KafkaUnreachable, TopicAdmin
from penstock.topics.consumer import open_consumer
from penstock.topics.declare import NOTIFICATIONS_TOPIC
from penstock.views.catalogue import connect
from penstock.views.load import views_of
from penstock.views.silent import SilentChange, silent_changes

_FIRST_SNAPSHOT = "Initial Snapshot"
_WHAT = "its snapshot was cut off and begun again, rows may have been deleted"
_TIMEOUT_S = 10.0
_QUICKLY_S = 5.0

_IS_SET_UP = "SELECT to_regclass('penstock.snapshots_read') IS NOT NULL"
_POSITION = "SELECT next_offset FROM penstock.snapshots_read"
_SET_POSITION = """
    INSERT INTO penstock.snapshots_read (next_offset) VALUES (%s)
    ON CONFLICT (only_row) DO UPDATE SET next_offset = excluded.next_offset
"""
_NOTE = "INSERT INTO penstock.silent_changes (table_name, what) VALUES (%s, %s)"


@dataclass(frozen=True)
class Told:
    """What Debezium said of a first snapshot: `STARTED`, `COMPLETED`, ..., and where."""

    offset: int
    type: str


def begun_again(told: Iterable[Told]) -> tuple[bool, int | None]:
    """Tell whether a snapshot was begun again before it was complete, and where the last one began that is not."""
    again, open_since = False, None
    for each in told:
        if each.type == "STARTED":
            again, open_since = again or open_since is not None, each.offset
        elif each.type == "COMPLETED":
            open_since = None
    return again, open_since


def unsent_changes(config: Config) -> list[SilentChange]:
    """Return what changed rows of the views' tables and sent no event, snapshots that were begun again among it.

    :raises PostgresAway, KafkaUnreachable, RegistryUnreachable: whoever asks has to ask again.
    """
    tables = {view.table for view in views_of(config)}
    with connect(config) as connection:
        note_begun_again(config, connection, tables)
        return silent_changes(connection, tables)


def note_begun_again(config: Config, connection: Connection, tables: Collection[str]) -> None:
    """Note these tables as silently changed when their first snapshot was begun again; each time is noted once.

    Before the first set-up it does nothing.

    :param tables: `schema.table`, those of the views.
    :raises KafkaUnreachable, RegistryUnreachable: whoever asks has to ask again.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(_IS_SET_UP)
        if cursor.fetchone() == (False,) or not _has_notifications(config):
            return
        cursor.execute(_POSITION)
        position = (cursor.fetchone() or (0,))[0]
        told, end = _read(config, position)
        again, open_since = begun_again(told)
        if again:
            cursor.executemany(_NOTE, [(table, _WHAT) for table in sorted(tables)])
        cursor.execute(_SET_POSITION, (end if open_since is None else open_since,))


def _has_notifications(config: Config) -> bool:
    return NOTIFICATIONS_TOPIC in TopicAdmin(config.kafka.bootstrap, timeout_s=_QUICKLY_S).topics()


def _read(config: Config, position: int) -> tuple[list[Told], int]:
    """Read what was told from a position on; return it, and where the next look begins."""
    settings: dict[str, str | int | float | bool] = {"enable.partition.eof": True}
    with (
        RegistryClient(config.registry.url) as registry,
        closing(open_consumer(config.kafka.bootstrap, group="penstock-snapshots", more=settings)) as consumer,
    ):
        place = TopicPartition(NOTIFICATIONS_TOPIC, 0)
        low, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        # Kafka may have begun anew since, or have let go of what is old.
        place.offset = position if low <= position <= end else low
        consumer.assign([place])
        decoder = AvroDecoder(registry)
        told: list[Told] = []
        # The end of what is committed: an open transaction may hold the next notification.
        while (record := _next(config, consumer)).error() is None:
            value = decoder.decode(record.value()).value
            if isinstance(value, dict) and value.get("aggregate_type") == _FIRST_SNAPSHOT:
                told.append(Told(record.offset() or 0, value["type"]))
        return told, record.offset() or 0


def _next(config: Config, consumer: Consumer) -> Message:
    """Return the next record, or the message that says there is none."""
    record = consumer.poll(_TIMEOUT_S)
    error = None if record is None else record.error()
    if record is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
        raise KafkaUnreachable(config.kafka.bootstrap, "no record" if error is None else error.str())
    return record
