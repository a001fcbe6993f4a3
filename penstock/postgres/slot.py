"""Reads and drops replication slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2.extensions

from penstock.postgres.own import Connection

# A standby has no place to write at. `inactive_since` came with Postgres 17.
_SLOTS = """
    SELECT slot_name::text, database::text, active, wal_status, coalesce(pg_wal_lsn_diff(here, restart_lsn), 0)::bigint,
        coalesce(pg_wal_lsn_diff(here, confirmed_flush_lsn), 0)::bigint, confirmed_flush_lsn::text, safe_wal_size,
        extract(epoch FROM (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8
    FROM pg_replication_slots s, (SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END) AS w (here)
    ORDER BY slot_name
"""
# Without a slot everything is still to come.
_UNCONFIRMED = """
    SELECT pg_wal_lsn_diff(%s, coalesce(max(confirmed_flush_lsn), '0/0'))::bigint
    FROM pg_replication_slots WHERE slot_name = %s
"""
_READER = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s"


@dataclass(frozen=True)
class Slot:
    """A replication slot; sizes in bytes, `inactive_since` in seconds since 1970.

    :param database: that a logical slot reads.
    :param retained: how much WAL it holds back.
    :param behind: how much WAL its reader has not confirmed.
    :param lsn: up to which its reader has confirmed; None while the slot is being made.
    """

    name: str
    database: str | None
    active: bool
    wal_status: str | None
    retained: int
    behind: int
    lsn: str | None
    safe_wal_size: int | None
    inactive_since: float | None


def read_slots(connection: psycopg2.extensions.connection) -> tuple[Slot, ...]:
    """Return every slot of the server, also those of other databases, by name."""
    return tuple(Slot(*row) for row in _rows(connection, _SLOTS))


def read_slot(connection: psycopg2.extensions.connection, name: str) -> Slot | None:
    """Return the slot of that name, whatever database it reads."""
    return next((slot for slot in read_slots(connection) if slot.name == name), None)


def read_own_slot(connection: Connection) -> Slot | None:
    """Return the slot of the installation in this database: another database that took its place has none."""
    slot = read_slot(connection, connection.names.slot)
    return slot if slot is not None and slot.database == connection.info.dbname else None


def unconfirmed_bytes(connection: Connection, lsn: str) -> int:
    """Return how many bytes of WAL before an LSN the reader of the installation's slot has not confirmed."""
    ((missing,),) = _rows(connection, _UNCONFIRMED, (lsn, connection.names.slot))
    return max(0, int(missing))


def read_reader(connection: Connection) -> int | None:
    """Return the session that reads from the installation's slot; a source that was started again has another one."""
    found = _rows(connection, _READER, (connection.names.slot,))
    return found[0][0] if found else None


def drop_slot(connection: psycopg2.extensions.connection, name: str) -> None:
    """Drop a slot that nobody reads."""
    with connection:
        _rows(connection, "SELECT pg_drop_replication_slot(%s)", (name,))


def _rows(
    connection: psycopg2.extensions.connection, query: str, values: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    # Of this kind whatever the connection's own cursors give.
    with connection.cursor(cursor_factory=psycopg2.extensions.cursor) as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
