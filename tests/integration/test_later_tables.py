"""A source without a list: it sends what is known, new tables without a restart, and leaves out the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from penstock.config import Config
from penstock.postgres.connection import connect
from penstock.postgres.publication import make_known, publish, withdraw
from penstock.postgres.record import read_known
from penstock.postgres.slot import read_reader
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.wait import wait_until
from tests.integration.source_alone import SourceAlone, catch_up
from tests.patience import PATIENCE_S

SIGNALS = {
    "signal.data.collection": "penstock.signals",
    "signal.enabled.channels": "source",
    "incremental.snapshot.watermarking.strategy": "insert_delete",
}
TABLES = ("first", '"First"', "aside", "quiet", "left_one", "right_one", "gone", "part", "parted")


class Sent:
    """What one source sends of the tables of a test."""

    def __init__(self, config: Config, cursor: psycopg2.extensions.cursor, folder: Path, *, restarts: bool) -> None:
        self.config, self.cursor, self.restarts, self.steps = config, cursor, restarts, 0
        for table in ("first", '"First"', "aside"):
            self.make(table)
            self.write(table, f"there in {table}")
        with connect(config) as connection:
            publish(connection, ["public.first", "public.aside"])
        self.know("first")
        self.source = SourceAlone(
            config, folder, table=None, more=SIGNALS | {"slot.drop.on.stop": str(not restarts).lower()}
        )
        # What was written by now is a read, and all that follows a change.
        self.catch_up()

    def make(self, table: str) -> None:
        """Make a table without rows."""
        self.cursor.execute(f"CREATE TABLE {table} (id text PRIMARY KEY); ALTER TABLE {table} REPLICA IDENTITY FULL")

    def write(self, table: str, key: str) -> None:
        """Write a row."""
        self.cursor.execute(f"INSERT INTO {table} VALUES (%s)", (key,))

    def know(self, *tables: str) -> None:
        """Publish tables, and let the source send them."""
        names = [f"public.{table}" for table in tables]
        with connect(self.config) as connection:
            publish(connection, names)
            make_known(connection, names)

    def reader(self) -> int:
        """Return the session that reads, as soon as there is one."""
        found: list[int] = []

        def look() -> bool:
            with connect(self.config) as connection:
                found.extend(pid for pid in [read_reader(connection)] if pid is not None)
            return bool(found)

        wait_until(look, timeout_s=PATIENCE_S, what="the source reads on")
        return found[0]

    def catch_up(self) -> None:
        """Wait until the source has read all that was written, and let another task go on where it shall."""
        self.steps += 1
        kind = "restart" if self.restarts else "step"
        catch_up(self.cursor, f"INSERT INTO penstock_beat VALUES ('{kind} {self.steps}')")

    def rows(self) -> list[tuple[str, str]]:
        """Return the keys and operations of all that was sent, but for the rows of this class."""
        changes = [(key, op) for key, op, *_ in self.source.changes() if op != "d"]
        return [each for each in changes if not each[0].startswith(("restart", "step", "asked"))]


@pytest.fixture
def cursor(config: Config) -> Iterator[psycopg2.extensions.cursor]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE penstock_beat (id text PRIMARY KEY)")
        with connect(config) as own:
            publish(own, ["public.penstock_beat"])
            make_known(own, ["public.penstock_beat"])
        yield cursor
        cursor.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        for table in (*TABLES, "penstock_beat"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute("DELETE FROM penstock.known_tables WHERE table_name <> 'penstock.signals'")


@pytest.mark.parametrize(
    "restarts",
    [pytest.param(False, id="one task"), pytest.param(True, id="a task for each step", marks=pytest.mark.slow)],
)
def test_the_source_sends_what_is_known_and_waits_for_nothing_else(
    config: Config, cursor: psycopg2.extensions.cursor, tmp_path: Path, restarts: bool
) -> None:
    sent = Sent(config, cursor, tmp_path, restarts=restarts)
    reader = sent.reader()
    # Published by somebody, or under another name before: it has no topic.
    sent.write("aside", "never: not known")
    sent.catch_up()
    sent.know("aside")
    sent.write("aside", "known now")
    sent.catch_up()
    cursor.execute("ALTER TABLE first RENAME TO gone")
    sent.write("gone", "never: another name")
    sent.write("aside", "goes on")
    sent.catch_up()
    cursor.execute("ALTER TABLE gone RENAME TO first")
    sent.write("first", "the name of before")
    sent.catch_up()
    for table in ("left_one", "right_one"):
        sent.make(table)
    sent.know("left_one", "right_one")
    cursor.execute("ALTER TABLE left_one RENAME TO gone; ALTER TABLE right_one RENAME TO left_one")
    cursor.execute("ALTER TABLE gone RENAME TO right_one")
    sent.write("left_one", "swapped, left")
    sent.write("right_one", "swapped, right")
    sent.catch_up()
    cursor.execute("CREATE TABLE parted (id text PRIMARY KEY) PARTITION BY LIST (id)")
    sent.know("parted")
    sent.make("part")
    cursor.execute("ALTER TABLE parted ATTACH PARTITION part FOR VALUES IN ('of a partition')")
    sent.write("parted", "of a partition")
    sent.catch_up()
    assert (sent.reader() == reader) == (not restarts)
    # Another table has a name that is known no more, after the source has sent the one before.
    with connect(config) as connection:
        assert withdraw(connection, "public.first")
        assert "public.first" not in read_known(connection)
    cursor.execute("DROP TABLE first; ALTER TABLE right_one RENAME TO first")
    sent.write("first", "never: a name of before")
    sent.write("aside", "end")
    assert sent.rows() == [
        ("there in first", "r"),
        ("known now", "c"),
        ("goes on", "c"),
        ("the name of before", "c"),
        ("swapped, left", "c"),
        ("swapped, right", "c"),
        ("of a partition", "c"),
        ("end", "c"),
    ]


@pytest.mark.slow
def test_a_table_that_never_changed_can_be_read_again(
    config: Config, cursor: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    sent = Sent(config, cursor, tmp_path, restarts=False)
    # A row of before the table was published, and no change since: by nothing has the source heard of it.
    sent.make("quiet")
    sent.write("quiet", "quiet")
    sent.know("quiet")
    ask(cursor, "penstock-know", {"tables": ["public.quiet", "public.nowhere"]})
    ask(cursor, "execute-snapshot", {"type": "incremental", "data-collections": ["public.quiet"]})
    wait_until(lambda: has_read(cursor), timeout_s=PATIENCE_S, what="its rows are read again")
    sent.write("first", "end")
    rows = [row for row in sent.rows() if row[0] in {"there in first", "quiet", "end"}]
    assert rows == [("there in first", "r"), ("quiet", "r"), ("end", "c")]


def test_a_role_of_the_source_alone_may_read_what_is_known(config: Config, cursor: psycopg2.extensions.cursor) -> None:
    cursor.execute('CREATE ROLE "a reader"; GRANT SELECT ON penstock.altered_columns TO "a reader"')
    create_tables(Workspace(config))
    cursor.execute("SELECT has_table_privilege('a reader', 'penstock.known_tables', 'SELECT')")
    assert cursor.fetchone() == (True,)
    cursor.execute('DROP OWNED BY "a reader"; DROP ROLE "a reader"')


def ask(cursor: psycopg2.extensions.cursor, kind: str, data: object) -> None:
    cursor.execute("INSERT INTO penstock.signals VALUES (%s, %s, %s)", (f"asked-{kind}", kind, json.dumps(data)))


def has_read(cursor: psycopg2.extensions.cursor) -> bool:
    """Return whether the source has closed its window, which deletes the row that opened it."""
    cursor.execute(
        "SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE schemaname = 'penstock' AND relname = 'signals'"
    )
    return cursor.fetchone() == (True,)
