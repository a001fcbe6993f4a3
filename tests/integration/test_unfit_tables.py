"""What a table must not be, on a real Postgres: said before it is touched, refused at the statement; nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from penstock.config import Config
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish
from penstock.postgres.published import published_tables
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.stack.parts.postgres import major_version
from tests.integration.statements import run
from tests.names import OURS_IN_POSTGRES

REFUSES = "with REPLICA IDENTITY FULL, which views need, Postgres would refuse its UPDATE and DELETE"
GENERATED = "Replica identity must not contain unpublished generated columns"
PUBLISHES_GENERATED = major_version() >= 18
UNFIT = {
    "unlogged": (
        "CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, n int)",
        "of public.unlogged (This operation is not supported for unlogged tables)",
    ),
    "half_logged": (
        "CREATE TABLE half_logged (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
        "CREATE UNLOGGED TABLE half_1 PARTITION OF half_logged DEFAULT",
        "of public.half_1 (This operation is not supported for unlogged tables)",
    ),
    "vehicles": (
        "CREATE TABLE vehicles (id int PRIMARY KEY, n int); CREATE TABLE cars (PRIMARY KEY (id)) INHERITS (vehicles)",
        "public.vehicles has tables that inherit from it, whose rows come under their own names: cars",
    ),
    "listed": (
        "CREATE TABLE listed (id int PRIMARY KEY, n int); CREATE PUBLICATION theirs FOR TABLE listed (id)",
        f"public.listed has a list of columns in publication theirs: {REFUSES} (Column list used by",
    ),
    "a_view": (
        "CREATE VIEW a_view AS SELECT 1 AS id, 2 AS n",
        "of public.a_view (This operation is not supported for views)",
    ),
    "matview": (
        "CREATE MATERIALIZED VIEW matview AS SELECT 1 AS id, 2 AS n",
        "of public.matview (This operation is not supported for materialized views)",
    ),
    "far": (
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        "CREATE FOREIGN TABLE far (id int, n int) SERVER files OPTIONS (filename '/dev/null')",
        "of public.far (This operation is not supported for foreign tables)",
    ),
}
FIT = {
    "plain": "CREATE TABLE plain (id int PRIMARY KEY, n int)",
    "identity": "CREATE TABLE identity (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int DEFAULT 7)",
    "parts": "CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);"
    "CREATE TABLE parts_2 PARTITION OF parts DEFAULT",
    "bikes": "CREATE TABLE wheeled (id int PRIMARY KEY, n int);"
    "CREATE TABLE bikes (PRIMARY KEY (id)) INHERITS (wheeled)",
    "theirs_too": "CREATE TABLE theirs_too (id int PRIMARY KEY, n int); CREATE PUBLICATION whole FOR TABLE theirs_too",
}

if PUBLISHES_GENERATED:
    UNFIT["virtual"] = (
        "CREATE TABLE virtual (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) VIRTUAL, last int)",
        f"public.virtual has virtual generated columns, t: {REFUSES} ({GENERATED})",
    )
    UNFIT["parted"] = (
        "CREATE TABLE parted (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) VIRTUAL)"
        " PARTITION BY RANGE (id); CREATE TABLE parted_1 PARTITION OF parted DEFAULT",
        "public.parted has virtual generated columns, t",
    )
    UNFIT["published"] = (
        "CREATE TABLE published (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) STORED);"
        "CREATE PUBLICATION narrow_minded FOR TABLE published",
        f"public.published has generated columns, which publication narrow_minded leaves out: {REFUSES} ({GENERATED})",
    )
    FIT["stored"] = (
        "CREATE TABLE stored (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) STORED, last int);"
        "CREATE PUBLICATION broad_minded FOR TABLE stored WITH (publish_generated_columns = stored)"
    )
    FIT["parts_stored"] = (
        "CREATE TABLE parts_stored (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) STORED)"
        " PARTITION BY RANGE (id); CREATE TABLE parts_stored_1 PARTITION OF parts_stored DEFAULT"
    )
else:
    UNFIT["stored"] = (
        "CREATE TABLE stored (id int PRIMARY KEY, n int, t int GENERATED ALWAYS AS (n * 2) STORED, last int)",
        f"public.stored has generated columns, t, and Postgres publishes them from version 18 on: {REFUSES}",
    )


@pytest.fixture(scope="module")
def connection(config: Config) -> Iterator[Connection]:
    """Connect to a database with tables of every kind, all of which were to be published."""
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
        run(connection, *(statement for statement, _ in UNFIT.values()), *FIT.values())
        said = publish(connection, [f"public.{name}" for name in {**UNFIT, **FIT}])
        assert sum("left out" in line for line in said) == len(UNFIT)
        yield connection


def use(connection: Connection, table: str) -> None:
    """Run what an application does with a table."""
    generated = " OVERRIDING SYSTEM VALUE" if table == "identity" else ""
    run(
        connection,
        f"INSERT INTO {table} (id, n){generated} VALUES (1, 1), (2, 2), (3, 3), (12, 4)",
        f"INSERT INTO {table} (id, n){generated} VALUES (1, 8) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
        f"UPDATE {table} SET n = n + 1",
        f"MERGE INTO {table} USING (VALUES (2), (3)) AS source (id) ON {table}.id = source.id"
        " WHEN MATCHED AND source.id = 2 THEN UPDATE SET n = 20 WHEN MATCHED THEN DELETE",
        f"DELETE FROM {table} WHERE id = 1",
    )
    assert run(connection, f"SELECT id, n FROM {table} ORDER BY id") == [(2, 20), (12, 5)]
    run(connection, f"TRUNCATE {table}")


@pytest.mark.parametrize("table", UNFIT)
def test_what_cannot_be_followed_is_named_and_left_as_it_was(connection: Connection, table: str) -> None:
    found = read_live_table(connection, f"public.{table}")
    assert UNFIT[table][1] in found.unfit[0].what
    assert f"public.{table}" not in published_tables(connection)
    assert run(connection, f"SELECT relreplident FROM pg_class WHERE oid = '{table}'::regclass") in ([("d",)], [("n",)])


@pytest.mark.parametrize(
    ("catalogue", "extension"),
    [
        (
            "CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable AS "
            "SELECT 'public'::name AS schema_name, 'spread'::name AS table_name",
            "TimescaleDB",
        ),
        (
            "SET LOCAL allow_system_table_mods = on; "
            "CREATE TABLE pg_catalog.pg_dist_partition AS SELECT 'spread'::regclass AS logicalrelid",
            "Citus",
        ),
    ],
)
def test_a_table_that_an_extension_spreads_is_refused_with_and_without_rows(
    connection: Connection, catalogue: str, extension: str
) -> None:
    """A SUBSTITUTE: neither extension can be had here. The catalogue is made as their documents describe it."""
    what = f"public.spread is a table of {extension}, whose rows come under the names of tables that it makes"
    run(connection, "CREATE TABLE spread (id int PRIMARY KEY, n int)")
    try:
        run(connection, catalogue)
        assert [what in each.what for each in read_live_table(connection, "public.spread").unfit] == [True]
        run(connection, "CREATE TABLE _hyper_1_1_chunk () INHERITS (spread)")
        assert [what in each.what for each in read_live_table(connection, "public.spread").unfit] == [True]
    finally:
        run(
            connection,
            "SET LOCAL allow_system_table_mods = on",
            "DROP SCHEMA IF EXISTS _timescaledb_catalog CASCADE",
            "DROP TABLE IF EXISTS pg_catalog.pg_dist_partition, spread CASCADE",
        )


@pytest.mark.parametrize(("encoding", "is_fit"), [("SQL_ASCII", False), ("LATIN1", True)])
def test_a_database_whose_texts_may_be_no_utf8_is_refused(config: Config, encoding: str, is_fit: bool) -> None:
    name = encoding.lower()
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        locale = "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
        cursor.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' {locale} TEMPLATE template0")
    dsn = config.postgres.model_copy(update={"database": name}).dsn
    with closing(psycopg2.connect(dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
        connection.set_client_encoding("UTF8")  # as the source and Spark read
        run(connection, "CREATE TABLE cafes (id int PRIMARY KEY, name text)")
        run(connection, r"INSERT INTO cafes VALUES (1, convert_from('\x436166e9', 'LATIN1'))")
        found = read_live_table(connection, "public.cafes").unfit
        if is_fit:
            assert found == ()
            assert run(connection, "SELECT name FROM cafes") == [("Caf\u00e9",)]
            return
        assert [each.what.split(":")[0] for each in found] == [
            "public.cafes is in database sql_ascii of encoding SQL_ASCII"
        ]
        with pytest.raises(psycopg2.DataError, match='invalid byte sequence for encoding "UTF8"'):
            run(connection, "SELECT name FROM cafes")


@pytest.mark.parametrize("table", FIT)
def test_what_can_be_followed_is_published_beside_them(connection: Connection, table: str) -> None:
    assert read_live_table(connection, f"public.{table}").unfit == ()
    assert f"public.{table}" in published_tables(connection)


@pytest.mark.parametrize("table", [*FIT, *sorted(UNFIT.keys() - {"a_view", "matview", "far"})])
def test_the_statements_of_the_application_work_after_it(connection: Connection, table: str) -> None:
    use(connection, table)


OF_PUBLISHED = [
    ("ALTER TABLE plain ADD COLUMN t int GENERATED ALWAYS AS (n * 2) VIRTUAL", "generated column"),
    ("ALTER TABLE parts ADD COLUMN t int GENERATED ALWAYS AS (n * 2) VIRTUAL", "generated column"),
    ("CREATE PUBLICATION narrow FOR TABLE stored", "generated column that is not published"),
    ("CREATE PUBLICATION narrow FOR TABLE parts_stored_1", "generated column that is not published"),
    ("CREATE PUBLICATION narrow FOR ALL TABLES", "generated column that is not published"),
    ("CREATE PUBLICATION narrow FOR TABLES IN SCHEMA public", "generated column that is not published"),
    ("ALTER PUBLICATION penstock SET (publish_generated_columns = none)", "generated column that is not published"),
]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        *(OF_PUBLISHED if PUBLISHES_GENERATED else []),
        (
            "CREATE PUBLICATION narrow FOR TABLE plain; "
            "ALTER TABLE plain ADD COLUMN t int GENERATED ALWAYS AS (n * 2) STORED",
            "generated column that is not published",
        ),
        ("ALTER TABLE parts_1 SET UNLOGGED", "an unlogged table"),
        ("CREATE UNLOGGED TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)", "an unlogged table"),
        (
            "CREATE UNLOGGED TABLE loose (LIKE parts INCLUDING INDEXES); "
            "ALTER TABLE parts ATTACH PARTITION loose FOR VALUES FROM (20) TO (30)",
            "an unlogged table",
        ),
        ("CREATE TABLE heir () INHERITS (plain)", "a table that inherits"),
        ("CREATE TABLE heir (LIKE plain); ALTER TABLE heir INHERIT plain", "a table that inherits"),
        ("CREATE PUBLICATION narrow FOR TABLE plain (id)", "a list of columns"),
        ("CREATE PUBLICATION narrow; ALTER PUBLICATION narrow ADD TABLE plain (id)", "a list of columns"),
    ],
)
def test_what_would_make_a_published_table_so_is_refused(connection: Connection, statement: str, why: str) -> None:
    with pytest.raises(
        psycopg2.errors.RaiseException, match=f"table public.\\w+ feeds views of Penstock.*{why}"
    ) as refused:
        run(connection, statement)
    use(connection, str(refused.value).split()[1].removeprefix("public."))


WITH_PUBLISHED = [
    "ALTER TABLE plain ADD COLUMN t int GENERATED ALWAYS AS (n * 2) STORED",
    "UPDATE plain SET n = 3",
    "ALTER TABLE plain DROP COLUMN t",
    "CREATE PUBLICATION of_all FOR ALL TABLES WITH (publish_generated_columns = stored)",
    "DROP PUBLICATION of_all",
]


def test_other_ddl_is_as_free_as_it_was(connection: Connection) -> None:
    run(
        connection,
        "ALTER TABLE plain ADD COLUMN note text",
        "ALTER TABLE plain DROP COLUMN note",
        "CREATE TABLE parts_4 PARTITION OF parts FOR VALUES FROM (40) TO (50)",
        "CREATE TABLE other (id int, t int GENERATED ALWAYS AS (id) STORED)",
        "CREATE UNLOGGED TABLE another () INHERITS (other)",
        "CREATE PUBLICATION of_inserts FOR TABLE plain (id) WITH (publish = 'insert')",
        "DROP PUBLICATION of_inserts",
        *(WITH_PUBLISHED if PUBLISHES_GENERATED else []),
        "DROP TABLE another, other, parts_4",
    )


def test_a_table_that_was_so_before_stops_no_other_ddl(connection: Connection, config: Config) -> None:
    """As an installation can have it that published a parent before it was refused."""
    trigger = "ALTER EVENT TRIGGER penstock_refuse_unfit"
    run(connection, f"{trigger} DISABLE", "CREATE TABLE heir () INHERITS (plain)", f"{trigger} ENABLE ALWAYS")
    create_tables(Workspace(config))
    run(connection, "ALTER TABLE identity ADD COLUMN note text", "CREATE TABLE unrelated (id int)")
    assert [each.what.split(" ")[0] for each in read_live_table(connection, "public.plain").unfit] == ["public.plain"]
    run(connection, "DROP TABLE heir, unrelated")


def test_a_table_of_which_a_policy_hides_rows_is_named_until_the_role_may_see_all(connection: Connection) -> None:
    run(
        connection,
        "CREATE TABLE guarded (id int PRIMARY KEY, n int)",
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
        "CREATE ROLE some_reader",
    )
    assert read_live_table(connection, "public.guarded").unfit == ()  # a superuser sees all
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE some_reader")
        (found,) = read_live_table(connection, "public.guarded").unfit
        assert found.what.startswith("row level security hides rows of public.guarded from role some_reader")
        cursor.execute("RESET ROLE")
        cursor.execute(found.cure)
        cursor.execute("SET ROLE some_reader")
        assert read_live_table(connection, "public.guarded").unfit == ()
    connection.rollback()


@pytest.mark.skipif(not PUBLISHES_GENERATED, reason="Postgres publishes no generated column before version 18")
def test_a_publication_of_an_earlier_version_publishes_what_is_generated_before_it_takes_in_such_a_table(
    connection: Connection,
) -> None:
    run(
        connection,
        *(f"ALTER PUBLICATION penstock DROP TABLE {table}" for table in ("stored", "parts_stored")),
        "ALTER PUBLICATION penstock SET (publish_generated_columns = none)",
        "ALTER TABLE stored REPLICA IDENTITY DEFAULT",
    )
    said = publish(connection, ["public.stored"])
    assert said == [
        "publish_generated_columns = stored set",
        "public.stored: REPLICA IDENTITY FULL",
        "public.stored published",
    ]
    use(connection, "stored")
