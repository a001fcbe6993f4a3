"""What Debezium may read, on a real Postgres: odd names, partitions, keys, and what is published already."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.config import Config, load_config
from penstock.doctor import postgres as doctor
from penstock.doctor.postgres import examine
from penstock.postgres import publication
from penstock.postgres.catalogue import TableMissing, read_live_table
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.postgres.publication import make_known, publish, withdraw
from penstock.postgres.published import published_tables
from penstock.postgres.record import read_known
from penstock.project.workspace import Workspace
from penstock.setup import actions as setup
from penstock.wait import wait_until
from tests.integration.servers import started
from tests.names import SIGNALS
from tests.patience import PATIENCE_S

TABLES = """
ALTER DATABASE app SET quote_all_identifiers = on;
CREATE SCHEMA IF NOT EXISTS "My Sales";
CREATE TYPE "My Sales".mood AS ENUM ('glad', 'sad');
CREATE DOMAIN "My Sales".percent AS numeric(5, 2);
CREATE DOMAIN "My Sales".day AS date;
CREATE TABLE "My Sales"."Order Items" (
    "Order" bigint, line int, tags text[], mood "My Sales".mood, moods "My Sales".mood[], share "My Sales".percent,
    due "My Sales".day, price money,
    PRIMARY KEY (line, "Order") INCLUDE (tags, mood)
);
CREATE DOMAIN feeling AS "My Sales".mood;
CREATE TABLE felt (id bigint, how feeling, other feeling, PRIMARY KEY (id, how));
CREATE TABLE parts (id bigint, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
"""
HELD = """
CREATE TABLE held (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
CREATE TABLE held_low PARTITION OF held FOR VALUES FROM (0) TO (10);
CREATE TABLE held_high PARTITION OF held FOR VALUES FROM (10) TO (20);
INSERT INTO held VALUES (5, 'a'), (15, 'a');
"""
ITEMS, PARTS = "My Sales.Order Items", "public.parts"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    folder = tmp_path_factory.mktemp("publication")
    file: Path = folder / "penstock.toml"
    file.write_text(f'state = "{folder / "var"}"\npostgres.port = 27160\n')
    config = load_config(file)
    with started(config, "postgres"):
        setup.create_tables(Workspace(config))
        with connect(config) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    with started(config, "postgres"):
        with connect(config) as connection, connection, connection.cursor() as cursor:
            cursor.execute(TABLES)
        yield config


@pytest.fixture
def connection(config: Config) -> Iterator[Connection]:
    with connect(config) as connection:
        yield connection


def test_the_set_up_publishes_the_tables_of_the_views_whole(connection: Connection) -> None:
    assert published_tables(connection) == {"public.users", SIGNALS}
    assert read_live_table(connection, "public.users").not_full == ()


def test_a_key_by_which_no_fill_can_go_on_is_named(connection: Connection) -> None:
    (unfit,) = read_live_table(connection, "public.felt").unfit
    assert "how of its primary key is a domain over an enum" in unfit.what
    assert read_live_table(connection, ITEMS).unfit == ()


def test_the_catalogue_tells_columns_key_and_what_is_left_out(connection: Connection) -> None:
    items = read_live_table(connection, ITEMS)
    assert items.table.primary_key == ("line", "Order")
    assert {field.name: field.dataType.simpleString() for field in items.table.columns.fields} == {
        "Order": "bigint",
        "line": "int",
        "tags": "array<string>",
        "mood": "string",
        "moods": "array<string>",
        "share": "string",
        "due": "date",
        "price": "string",
    }
    assert set(items.left_out) == {"price"}
    assert "lc_monetary" in items.left_out["price"]
    with pytest.raises(TableMissing, match=r"public\.nowhere"):
        read_live_table(connection, "public.nowhere")


def test_tables_join_with_all_their_partitions_once_and_leave_again(connection: Connection) -> None:
    assert read_live_table(connection, PARTS).not_full == (PARTS, "public.parts_2026")
    assert publish(connection, [ITEMS, PARTS])
    assert published_tables(connection) == {"public.users", SIGNALS, ITEMS, PARTS}
    assert [read_live_table(connection, name).not_full for name in (ITEMS, PARTS)] == [(), ()]
    assert publish(connection, [ITEMS, PARTS]) == []
    assert withdraw(connection, ITEMS)
    assert not withdraw(connection, ITEMS)
    assert published_tables(connection) == {"public.users", SIGNALS, PARTS}


def test_a_table_of_many_partitions_joins_with_few_questions_about_each(config: Config) -> None:
    """Postgres holds the locks of all partitions all the while."""
    many = 20
    with connect(config) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE many (id int PRIMARY KEY) PARTITION BY RANGE (id)")
        for number in range(many):
            cursor.execute(f"CREATE TABLE many_{number} PARTITION OF many FOR VALUES FROM ({number}) TO ({number + 1})")
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SET track_functions = 'all'; SELECT pg_stat_reset()")
        connection.commit()
        said = publish(connection, ["public.many"])
        assert said == [
            "public.many, public.many_0, public.many_1 and 18 more: REPLICA IDENTITY FULL",
            "public.many published",
        ]
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT funcname, calls FROM pg_stat_user_functions WHERE funcname IN ('why_unfit', 'look')")
        asked = dict(cursor.fetchall())
    assert asked["why_unfit"] <= 2 * (many + 1)
    assert asked["look"] <= 2
    with connect(config) as connection:
        assert read_live_table(connection, "public.many").not_full == ()


def test_a_table_that_is_missing_is_left_out(connection: Connection) -> None:
    said = publish(connection, [ITEMS, "public.nowhere"])
    assert said[-1].startswith("left out: table public.nowhere: ")
    assert ITEMS in published_tables(connection)


def test_an_application_that_holds_partitions_is_waited_for_and_never_in_a_deadlock(config: Config) -> None:
    with connect(config) as theirs, connect(config) as ours, theirs.cursor() as cursor:
        cursor.execute(HELD)
        theirs.commit()
        cursor.execute("LOCK TABLE held_low IN ROW EXCLUSIVE MODE")  # the second partition is in use
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(publish, ours, ["public.held"])
            wait_until(lambda: _is_full(config, "held_high"), timeout_s=PATIENCE_S, what="the first is ours")
            cursor.execute("LOCK TABLE held_high IN ROW EXCLUSIVE MODE")  # would wait for ours, and ours for it
            theirs.commit()
            assert said.result(PATIENCE_S) == [
                "public.held, public.held_high, public.held_low: REPLICA IDENTITY FULL",
                "public.held published",
            ]


def test_a_table_joins_when_nobody_is_in_the_midst_of_writing_to_it(config: Config) -> None:
    with connect(config) as theirs, connect(config) as ours, theirs.cursor() as cursor:
        cursor.execute("CREATE TABLE written (id int PRIMARY KEY); ALTER TABLE written REPLICA IDENTITY FULL")
        theirs.commit()
        cursor.execute("INSERT INTO written VALUES (1)")
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(publish, ours, ["public.written"])
            wait_until(lambda: _waits(config, "written"), timeout_s=PATIENCE_S, what="the publication waits for them")
            assert "public.written" not in published_tables(theirs)
            theirs.commit()
            assert said.result(PATIENCE_S) == ["public.written published"]


def test_a_table_is_known_when_nobody_is_in_the_midst_of_writing_to_it(config: Config) -> None:
    with connect(config) as theirs, connect(config) as ours, theirs.cursor() as cursor:
        cursor.execute("CREATE TABLE noted (id int PRIMARY KEY)")
        theirs.commit()
        publish(ours, ["public.noted"])
        cursor.execute("INSERT INTO noted VALUES (1)")
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(make_known, ours, ["public.noted"])
            wait_until(lambda: _waits(config, "noted"), timeout_s=PATIENCE_S, what="the note waits for them")
            assert "public.noted" not in read_known(theirs)  # which ends their transaction, too
            assert said.result(PATIENCE_S) == ["public.noted known to the source"]
        assert make_known(ours, ["public.noted"]) == []
        assert withdraw(ours, "public.noted")
        assert "public.noted" not in read_known(ours)


@pytest.mark.parametrize("table", ["once", "in_parts"])
def test_a_prepared_transaction_that_holds_the_table_is_named(
    config: Config, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No session has it, so pg_stat_activity does not show it."""
    monkeypatch.setattr(publication, "_LOCKED_S", 1.0)
    with connect(config) as theirs, connect(config) as ours, theirs.cursor() as cursor:
        cursor.execute("CREATE TABLE once (id int PRIMARY KEY)")
        cursor.execute("CREATE TABLE in_parts (id int PRIMARY KEY) PARTITION BY RANGE (id)")
        cursor.execute("CREATE TABLE of_parts PARTITION OF in_parts DEFAULT")
        theirs.commit()
        cursor.execute(f"INSERT INTO {'of_parts' if table == 'in_parts' else table} VALUES (1)")
        cursor.execute("PREPARE TRANSACTION 'it''s forgotten'")
        theirs.rollback()
        cursor.execute(
            "BEGIN; INSERT INTO public.parts VALUES (1, '2026-01-01'); PREPARE TRANSACTION 'of another table'"
        )
        theirs.rollback()
        (*_, said) = publish(ours, [f"public.{table}"])
        assert "left out: table public." in said
        assert "prepared transaction 'it''s forgotten'" in said
        assert "`ROLLBACK PREPARED 'it''s forgotten'`" in said
        assert "another" not in said
        cure = "ROLLBACK PREPARED 'it''s forgotten'; in database app, or COMMIT PREPARED"
        assert cure not in [each.cure for each in examine(config, [])]  # it may be at work
        monkeypatch.setattr(doctor, "_FORGOTTEN_S", 0)
        assert cure in [each.cure for each in examine(config, [])]
        theirs.autocommit = True
        cursor.execute("ROLLBACK PREPARED 'it''s forgotten'")
        cursor.execute("ROLLBACK PREPARED 'of another table'")
        assert publish(ours, [f"public.{table}"])[-1] == f"public.{table} published"
        assert withdraw(ours, f"public.{table}")
        cursor.execute("DROP TABLE once, in_parts")


def test_who_holds_the_table_else_is_told_how_to_find(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "_LOCKED_S", 1.0)
    with connect(config) as theirs, connect(config) as ours, theirs.cursor() as cursor:
        cursor.execute("CREATE TABLE used (id int PRIMARY KEY); ALTER TABLE used REPLICA IDENTITY FULL")
        theirs.commit()
        cursor.execute("INSERT INTO used VALUES (1)")
        (said,) = publish(ours, ["public.used"])
        assert "pg_stat_activity" in said


def _waits(config: Config, table: str) -> bool:
    with connect(config) as connection, connection.cursor() as cursor:
        waits = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
        cursor.execute(waits, (table,))
        return cursor.fetchone() == (1,)


def _is_full(config: Config, table: str) -> bool:
    with connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT relreplident = 'f' FROM pg_class WHERE relname = %s", (table,))
        return cursor.fetchone() == (True,)
