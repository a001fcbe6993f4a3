"""A database without changes lets go of WAL while another database of the same server writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow

LSNS = "SELECT restart_lsn - '0/0', confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = 'penstock'"


@pytest.fixture
def quiet(config: Config) -> Iterator[psycopg2.extensions.cursor]:
    """Publish a table in the source database that nobody writes to."""
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE TABLE public.quiet (id text PRIMARY KEY)")
        cursor.execute("ALTER TABLE quiet REPLICA IDENTITY FULL; ALTER PUBLICATION penstock ADD TABLE quiet")
        yield cursor
        cursor.execute("DROP TABLE public.quiet")


@pytest.fixture
def other(config: Config) -> Iterator[psycopg2.extensions.cursor]:
    """Make another database in the same server."""
    with closing(psycopg2.connect(config.postgres.dsn_of("airflow_meta"))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE TABLE busy (id bigint GENERATED ALWAYS AS IDENTITY, data text)")
        yield cursor
        cursor.execute("DROP TABLE busy")


def test_the_slot_moves_while_only_another_database_writes(
    config: Config, quiet: psycopg2.extensions.cursor, other: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    source = SourceAlone(config, tmp_path, table="public.quiet")
    active = "SELECT 1 FROM pg_replication_slots WHERE slot_name = 'penstock' AND active"

    def found() -> bool:
        quiet.execute(active)
        return quiet.fetchone() is not None

    wait_until(found, timeout_s=PATIENCE_S, what="the source reads on")
    other.execute("INSERT INTO busy (data) SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
    other.execute("SELECT pg_current_wal_lsn() - '0/0'")
    ((written,),) = other.fetchall()

    def has_moved() -> bool:
        # Postgres notes from where a slot may begin when it notes what runs, here at each write.
        other.execute("INSERT INTO busy (data) VALUES ('x'); CHECKPOINT")
        quiet.execute(LSNS)
        ((restart, confirmed),) = quiet.fetchall()
        return bool(min(restart, confirmed) > written)

    wait_until(has_moved, timeout_s=PATIENCE_S, what="the slot lets go of what the other database wrote")
    quiet.execute("INSERT INTO quiet VALUES ('end')")
    assert [change[:2] for change in source.changes()] == [["end", "c"]]
