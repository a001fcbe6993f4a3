"""A source without a list of tables: the publication says what it reads, and no new table restarts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone
from tests.patience import PATIENCE_S

SIGNALS = {
    "signal.data.collection": "penstock.signals",
    "signal.enabled.channels": "source",
    "incremental.snapshot.watermarking.strategy": "insert_delete",
}
MADE = "CREATE TABLE {0} (id text PRIMARY KEY); ALTER TABLE {0} REPLICA IDENTITY FULL"
PUBLISHED = "ALTER PUBLICATION penstock ADD TABLE {0}"
TABLES = ("first", '"First"', "aside", "quiet", "later")


@pytest.fixture
def cursor(config: Config) -> Iterator[psycopg2.extensions.cursor]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        yield cursor
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")


def test_a_table_that_is_published_later_is_streamed_and_can_be_read_again(
    config: Config, cursor: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    for table in ("first", '"First"', "aside"):
        cursor.execute(MADE.format(table))
        cursor.execute(f"INSERT INTO {table} VALUES (%s)", (f"there in {table}",))
    cursor.execute(PUBLISHED.format("first"))
    source = SourceAlone(config, tmp_path, table=None, more=SIGNALS)
    wait_until(lambda: is_streaming(cursor), timeout_s=PATIENCE_S, what="the source reads on")
    # A row of before the table was published, and no change since: by nothing has the source heard of it.
    cursor.execute(MADE.format("quiet"))
    cursor.execute("INSERT INTO quiet VALUES ('quiet')")
    cursor.execute(PUBLISHED.format("quiet"))
    ask(cursor, "penstock-know", {"tables": ["public.quiet", "public.nowhere"]})
    ask(cursor, "execute-snapshot", {"type": "incremental", "data-collections": ["public.quiet"]})
    wait_until(lambda: has_read(cursor), timeout_s=PATIENCE_S, what="its rows are read again")
    cursor.execute(MADE.format("later"))
    cursor.execute(PUBLISHED.format("later"))
    cursor.execute("INSERT INTO later VALUES ('streamed')")
    cursor.execute("INSERT INTO aside VALUES ('never')")
    cursor.execute("INSERT INTO first VALUES ('end')")
    told = [(key, op) for key, op, *_ in source.changes() if op != "d"]
    rows = [each for each in told if each[0] in {"there in first", "quiet", "streamed", "end"}]
    assert rows == [("there in first", "r"), ("quiet", "r"), ("streamed", "c"), ("end", "c")]
    assert not [key for key, _ in told if key.startswith(("there in", "never")) and key != "there in first"]


def ask(cursor: psycopg2.extensions.cursor, kind: str, data: object) -> None:
    cursor.execute("INSERT INTO penstock.signals VALUES (%s, %s, %s)", (f"asked-{kind}", kind, json.dumps(data)))


def has_read(cursor: psycopg2.extensions.cursor) -> bool:
    """Tell whether the source has closed its window, which deletes the row that opened it."""
    cursor.execute(
        "SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE schemaname = 'penstock' AND relname = 'signals'"
    )
    return cursor.fetchone() == (True,)


def is_streaming(cursor: psycopg2.extensions.cursor) -> bool:
    cursor.execute("SELECT active FROM pg_replication_slots WHERE slot_name = 'penstock'")
    return cursor.fetchone() == (True,)
