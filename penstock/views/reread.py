"""Read a table once more while changes go on: Debezium's incremental snapshot, asked for by a row of penstock.signals.

The reads arrive in the CDC topic with op `r`, at later offsets than every change before them. Debezium leaves out
those that a change overtook, so they fill and repair row views. An exactly-once source keeps its place over restarts.
https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-incremental-snapshots
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from penstock.config import Config
from penstock.connect.apply import ConnectorWatch
from penstock.errors import TerminalError, TransientError
from penstock.pipeline.fence import OnProgress
from penstock.postgres.own import Connection
from penstock.project.connector_lists import include_pattern
from penstock.registry.client import RegistryClient
from penstock.registry.decode import AvroDecoder
from penstock.topics.consumer import open_consumer

_SIGNAL = "INSERT INTO penstock.signals VALUES (%s, %s, %s)"
_END_SIGNALS = "DELETE FROM penstock.signals WHERE id = ANY(%s)"
_KNOW, _READ = "penstock-know", "execute-snapshot"
_POLL_S = 0.5
_GOOD = {"SUCCEEDED", "EMPTY"}


class ReReadBusy(TransientError):
    """Another re-read is under way."""

    def __init__(self) -> None:
        super().__init__("another penstock command has a re-read under way; let it end, then ask again")


class ReReadFailed(TerminalError):
    """Debezium could not read a table again."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the re-read failed: {what}; `penstock logs connect` says more. Nothing was lost: ask again")


@dataclass(frozen=True)
class Wanted:
    """What to read again: whole tables, or the rows of one that a condition of SQL picks."""

    tables: tuple[str, ...]
    condition: str | None = None

    def signal(self) -> str:
        """Return the data of the signal."""
        data: dict[str, Any] = {"type": "incremental", "data-collections": [include_pattern(t) for t in self.tables]}
        if self.condition:
            data["additional-conditions"] = [
                {"data-collection": include_pattern(table), "filter": self.condition} for table in self.tables
            ]
        return json.dumps(data)


@contextmanager
def only_reread(connection: Connection) -> Iterator[None]:
    """Hold the right to re-read.

    :raises ReReadBusy: when another process holds it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (connection.names.lock,))
        if cursor.fetchone() != (True,):
            raise ReReadBusy
        connection.commit()
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (connection.names.lock,))
            connection.commit()


def reread(config: Config, connection: Connection, wanted: Wanted, *, on_progress: OnProgress) -> None:
    """Ask for the re-read and wait until all its reads are in the CDC topics, as long as it takes.

    :raises ReReadFailed: with Debezium's word for it.
    :raises ConnectorFailed, ConnectorIdle: when the source does not work meanwhile.
    """
    with RegistryClient(config.registry.url) as registry, closing(_notifications(config)) as consumer:
        asked = _ask(connection, wanted)
        decoder = AvroDecoder(registry)
        read = set()
        for notification in _notified(config, consumer, decoder, asked):
            if line := _line(notification):
                on_progress(line)
            if notification["type"] == "TABLE_SCAN_COMPLETED":
                read.add(notification["additional_data"].get("scanned_collection"))
            if notification["type"] == "COMPLETED":
                break
        _forget(connection, asked)
    # Debezium leaves out a table whose name it cannot take apart, with a line in its log alone.
    if left_out := [table for table in wanted.tables if table not in read]:
        raise ReReadFailed(f"{', '.join(left_out)}: the source left it out")


def _ask(connection: Connection, wanted: Wanted) -> str:
    asked = str(uuid4())
    # The source may have heard of a table by nothing yet, and would leave it out (KnowTables.java).
    known = (_know(asked), _KNOW, json.dumps({"tables": wanted.tables}))
    with connection, connection.cursor() as cursor:
        cursor.executemany(connection.own(_SIGNAL), [known, (asked, _READ, wanted.signal())])
    return asked


def _know(asked: str) -> str:
    return f"{asked}-tables"


def _forget(connection: Connection, asked: str) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_END_SIGNALS), ([asked, _know(asked)],))


def _notifications(config: Config) -> Consumer:
    """Open a consumer at the end of the notifications."""
    consumer = open_consumer(config.kafka.bootstrap, group=config.names.group("reread"))
    place = TopicPartition(config.names.notifications_topic, 0)
    _, place.offset = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    return consumer


def _notified(config: Config, consumer: Consumer, decoder: AvroDecoder, asked: str) -> Iterator[dict[str, Any]]:
    """Yield what Debezium notifies of this re-read; raise when the source fails instead."""
    watch = ConnectorWatch(config.connect.url, config.names.source_connector)
    while True:
        record = consumer.poll(_POLL_S)
        watch.look()
        if record is None or record.error() is not None:
            continue
        value = decoder.decode(record.value()).value
        if isinstance(value, dict) and value.get("id") == asked:
            yield value


def _line(notification: dict[str, Any]) -> str | None:
    """Say a notification to people.

    :raises ReReadFailed: when it is of a failure.
    """
    more = notification.get("additional_data") or {}
    match notification["type"]:
        case "IN_PROGRESS":
            chunk, chunks = more.get("chunk_index", "?"), more.get("total_chunks", "?")
            return f"reading {more.get('current_collection_in_progress')}: chunk {chunk} of {chunks}"
        case "TABLE_SCAN_COMPLETED":
            if more.get("status") not in _GOOD:
                # The source adds Postgres' own words where it has some.
                raise ReReadFailed(f"{more.get('scanned_collection')}: {more.get('reason') or more.get('status')}")
            return f"read {more.get('scanned_collection')}: {more.get('total_rows_scanned')} rows"
        case "ABORTED" | "SKIPPED":
            raise ReReadFailed(str(notification["type"]).lower())
    return None
