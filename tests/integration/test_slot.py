"""What is read of replication slots, and that one can be dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.slot import drop_slot, read_own_slot, read_slot, read_slots, unconfirmed_bytes

MAKE = "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')"


@pytest.fixture
def connection(config: Config) -> Iterator[Connection]:
    with connect(config) as connection:
        yield connection


def run(connection: psycopg2.extensions.connection, statement: str, *values: str) -> str:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return str(cursor.fetchall()[0][0])


def test_a_slot_is_read_and_dropped(connection: Connection) -> None:
    name = connection.names.slot
    assert (read_slots(connection), read_own_slot(connection)) == ((), None)
    run(connection, MAKE, name)
    slot = read_own_slot(connection)
    assert slot is not None
    assert slot == replace(slot, name=name, database=connection.info.dbname, active=False, wal_status="reserved")
    assert slot.lsn is not None
    assert slot.retained >= slot.behind >= 0
    drop_slot(connection, name)
    assert read_slots(connection) == ()


def test_what_the_slot_has_not_confirmed_is_counted_from_its_place(connection: Connection) -> None:
    marker = run(connection, "SELECT pg_logical_emit_message(true, 'tried', '')")
    everything = unconfirmed_bytes(connection, marker)
    run(connection, MAKE, connection.names.slot)
    try:
        assert unconfirmed_bytes(connection, marker) == 0
        later = run(connection, "SELECT pg_logical_emit_message(true, 'tried', '')")
        assert 0 < unconfirmed_bytes(connection, later) < everything
    finally:
        drop_slot(connection, connection.names.slot)


def test_the_slot_of_another_database_is_not_our_own(config: Config, connection: Connection) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE other")
    dsn = psycopg2.extensions.make_dsn(config.postgres.dsn, dbname="other")
    name = connection.names.slot
    with closing(psycopg2.connect(dsn)) as other:
        run(other, MAKE, name)
        try:
            found = read_slot(connection, name)
            assert found is not None
            assert (found.database, read_own_slot(connection)) == ("other", None)
        finally:
            drop_slot(other, name)
