"""A table that goes and comes back, or loses its key, on a real Postgres: another identity, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, ISOLATION_LEVEL_SERIALIZABLE

from penstock.config import Config
from penstock.pipeline.identities import Identity, read_identities
from penstock.postgres.own import Connection
from penstock.postgres.publication import publish, withdraw
from penstock.postgres.silent import silent_changes
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from tests.integration.statements import run
from tests.names import OURS_IN_POSTGRES

ITEM, PARTED = "shop.item", "shop.parted"
MOODY = "shop.moody"
# The setting event_triggers is there from version 17 on.
UNSEEN, SEEN = (f"ALTER EVENT TRIGGER penstock_after_ddl {how}" for how in ("DISABLE", "ENABLE ALWAYS"))


@pytest.fixture
def connection(config: Config) -> Iterator[Connection]:
    """Open a connection that commits each statement, to a database with published tables in a schema of their own."""
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
        run(
            connection,
            "CREATE SCHEMA shop",
            "SET search_path = shop",
            "CREATE TABLE item (id int PRIMARY KEY, code int NOT NULL UNIQUE)",
            "INSERT INTO item SELECT n, n FROM generate_series(1, 10) n",
            "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)",
            "INSERT INTO parted VALUES (1)",
        )
        publish(connection, [ITEM, PARTED])
        yield connection
        connection.rollback()
        run(
            connection,
            "DROP SCHEMA IF EXISTS shop, store CASCADE",
            "DROP TABLE IF EXISTS public.item, public.parted_1",
            "TRUNCATE penstock.silent_changes",
        )


def each(connection: Connection, *statements: str) -> None:
    """Run each statement in a transaction of its own."""
    for statement in statements:
        run(connection, statement)


def identity(connection: Connection, table: str = ITEM) -> Identity:
    return read_identities(connection, [table])[table]


def noted(connection: Connection, *tables: str) -> list[tuple[str, str]]:
    return [(change.table, change.what) for change in silent_changes(connection, tables or (ITEM, PARTED))]


def test_a_table_that_stays_keeps_its_identity(connection: Connection, config: Config) -> None:
    before = identity(connection)
    each(
        connection,
        "ALTER TABLE item ADD COLUMN note text",
        "ALTER TABLE item DROP COLUMN note",
        "TRUNCATE item",
        "CREATE TABLE other (id int PRIMARY KEY)",
        "ALTER TABLE other RENAME TO another",
        "ALTER PUBLICATION penstock ADD TABLE another",
        "ALTER PUBLICATION penstock DROP TABLE another",
        "DROP TABLE another",
    )
    create_tables(Workspace(config))
    assert identity(connection).is_of(before.source)
    assert noted(connection) == []


MADE = "CREATE TABLE item (id int PRIMARY KEY)"
KEY_AGAIN = "ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY ({})"


@pytest.fixture
def spread(connection: Connection) -> Iterator[Connection]:
    """Let the source choose among several partitions, in the second epoch."""
    ((before,),) = run(connection, "SELECT partitions FROM penstock.installation")
    run(connection, "UPDATE penstock.installation SET partitions = 3, epoch = 2")
    yield connection
    run(connection, f"UPDATE penstock.installation SET partitions = {before}, epoch = 1")
    run(connection, "UPDATE penstock.table_lives SET placed = NULL, moved = NULL")


@pytest.mark.parametrize(
    ("statements", "moved"),
    [
        ([KEY_AGAIN.format("id"), "ALTER TABLE item ALTER id TYPE bigint, ALTER code TYPE bigint"], None),
        (["ALTER TABLE item RENAME id TO number", "ALTER TABLE item ALTER code TYPE text"], None),
        ([KEY_AGAIN.format("code, id")], 2),
        ([KEY_AGAIN.format("id, code")], 2),
        ([KEY_AGAIN.format("code")], 2),
        (["ALTER TABLE item DROP CONSTRAINT item_pkey", "ALTER TABLE item ADD PRIMARY KEY (id)"], 2),
        (["ALTER TABLE item ALTER id TYPE text"], 2),
        (
            ["DROP TABLE item", "CREATE TABLE item (id text PRIMARY KEY)", "ALTER PUBLICATION penstock ADD TABLE item"],
            2,
        ),
        (["DROP TABLE item", MADE, "ALTER PUBLICATION penstock ADD TABLE item"], None),
        ([UNSEEN, KEY_AGAIN.format("code"), SEEN, "SELECT penstock.look()"], 2),
    ],
)
def test_a_key_that_brings_rows_to_other_partitions_is_noted_with_its_epoch(
    spread: Connection, statements: list[str], moved: int | None
) -> None:
    each(spread, *statements)
    assert identity(spread).moved == moved


@pytest.mark.parametrize(("scale", "moved"), [(2, None), (4, 2)])
def test_a_key_of_another_scale_is_other_bytes(spread: Connection, scale: int, moved: int | None) -> None:
    each(
        spread,
        "CREATE TABLE parcel (label varchar(5), price numeric(10, 2), PRIMARY KEY (label, price))",
        "ALTER PUBLICATION penstock ADD TABLE parcel",
        f"ALTER TABLE parcel ALTER label TYPE text, ALTER price TYPE numeric(12, {scale})",
    )
    assert identity(spread, "shop.parcel").moved == moved


def test_of_one_partition_no_row_moves(connection: Connection) -> None:
    each(connection, KEY_AGAIN.format("code, id"))
    assert identity(connection).moved is None


def test_views_that_are_all_dropped_do_not_care_where_the_rows_were(spread: Connection) -> None:
    each(spread, KEY_AGAIN.format("code, id"))
    withdraw(spread, ITEM)
    each(spread, KEY_AGAIN.format("code"))
    publish(spread, [ITEM])
    assert identity(spread).moved is None


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["DROP TABLE item", MADE], "it was dropped"),
        (["DROP SCHEMA shop CASCADE", "CREATE SCHEMA shop", MADE], "it was dropped"),
        (["ALTER TABLE item RENAME TO away", "ALTER TABLE away RENAME TO item"], "it was renamed to shop.away"),
        (["ALTER INDEX item RENAME TO away", "ALTER INDEX away RENAME TO item"], "it was renamed to shop.away"),
        (
            [
                "CREATE TABLE new (id int PRIMARY KEY)",
                "ALTER TABLE item RENAME TO old",
                "ALTER TABLE new RENAME TO item",
            ],
            "it was renamed to shop.old",
        ),
        (["ALTER SCHEMA shop RENAME TO store", "ALTER SCHEMA store RENAME TO shop"], "it was renamed to store.item"),
        (["ALTER TABLE item SET SCHEMA public", "ALTER TABLE public.item SET SCHEMA shop"], "renamed to public.item"),
        (["ALTER PUBLICATION penstock DROP TABLE item"], "it left the publication"),
        (["ALTER PUBLICATION penstock SET TABLE penstock.signals, public.users"], "it left the publication"),
        (["DROP PUBLICATION penstock"], "it left the publication"),
    ],
)
@pytest.mark.parametrize("in_one_transaction", [True, False])
def test_a_table_that_goes_and_comes_back_has_another_identity(
    connection: Connection, config: Config, statements: list[str], why: str, in_one_transaction: bool
) -> None:
    before = identity(connection)
    (run if in_one_transaction else each)(connection, *statements)
    assert not identity(connection).is_of(before.source)
    publish(connection, [ITEM])
    create_tables(Workspace(config))
    after = identity(connection)
    assert after.is_there
    assert not after.is_of(before.source)
    assert why in after.why_not(before.source)


def test_two_published_tables_that_swap_their_names_have_other_identities(connection: Connection) -> None:
    run(connection, "CREATE TABLE other (id int PRIMARY KEY)")
    publish(connection, ["shop.other"])
    before = identity(connection), identity(connection, "shop.other")
    run(
        connection,
        "ALTER TABLE item RENAME TO away",
        "ALTER TABLE other RENAME TO item",
        "ALTER TABLE away RENAME TO other",
    )
    after = identity(connection), identity(connection, "shop.other")
    assert all(new.is_there and not new.is_of(old.source) for old, new in zip(before, after, strict=True))


def test_a_published_table_that_becomes_a_partition_has_no_identity_of_its_own(connection: Connection) -> None:
    run(connection, "CREATE TABLE own (id int PRIMARY KEY)", "INSERT INTO own VALUES (11)")
    publish(connection, ["shop.own"])
    before = identity(connection, "shop.own")
    run(connection, "ALTER TABLE parted ATTACH PARTITION own FOR VALUES FROM (10) TO (20)")
    assert identity(connection, "shop.own").why_not(before.source).startswith("it became a partition")
    assert noted(connection) == [(PARTED, "partition shop.own came with rows")]
    run(connection, "ALTER TABLE parted DETACH PARTITION own")
    assert identity(connection, "shop.own").is_there
    assert not identity(connection, "shop.own").is_of(before.source)
    assert noted(connection)[1:] == [(PARTED, "partition shop.own went, perhaps with rows")]


def test_what_no_event_trigger_saw_is_seen_by_the_next_look(connection: Connection) -> None:
    before = identity(connection)
    run(connection, UNSEEN, "DROP TABLE item", MADE, "ALTER PUBLICATION penstock ADD TABLE item")
    assert not identity(connection).is_of(before.source)
    run(connection, SEEN)
    run(connection, "ALTER TABLE item ADD COLUMN note text")
    assert identity(connection).is_there
    assert not identity(connection).is_of(before.source)


def test_a_copy_in_the_place_of_the_database_has_other_identities(config: Config) -> None:
    users = "public.users"
    create_tables(Workspace(config))
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as connection:
        before = identity(connection, users)
    with closing(psycopg2.connect(config.postgres.dsn_of("postgres"), connection_factory=OURS_IN_POSTGRES)) as other:
        other.autocommit = True
        run_open(other, "CREATE DATABASE beside TEMPLATE app")
        with closing(
            psycopg2.connect(config.postgres.dsn_of("beside"), connection_factory=OURS_IN_POSTGRES)
        ) as connection:
            after = identity(connection, users)
        run_open(other, "DROP DATABASE beside")
    assert after.is_there
    assert not after.is_of(before.source)
    assert after.why_not(before.source) == "the database is another one"


def test_a_schema_that_goes_takes_its_partitions_with_it(connection: Connection) -> None:
    run(
        connection,
        "CREATE SCHEMA store CREATE TABLE parted_2 (id int PRIMARY KEY)",
        "ALTER TABLE parted ATTACH PARTITION store.parted_2 FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parted VALUES (11)",
    )
    run(connection, "DROP SCHEMA store CASCADE")
    assert noted(connection) == [(PARTED, "partition store.parted_2 went, perhaps with rows")]


def test_a_renamed_partition_is_named_by_its_name_of_now(connection: Connection) -> None:
    each(connection, "ALTER TABLE parted_1 RENAME TO first", "DROP TABLE first")
    assert noted(connection) == [(PARTED, "partition shop.first went, perhaps with rows")]


def test_rows_of_a_new_partition_that_a_long_transaction_does_not_see(connection: Connection, config: Config) -> None:
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as long:
        long.set_session(ISOLATION_LEVEL_REPEATABLE_READ)
        run_open(long, "CREATE TABLE shop.parted_2 (id int PRIMARY KEY)")
        long.commit()
        run_open(long, "SELECT 1")
        run(connection, "INSERT INTO parted_2 VALUES (11)")
        run_open(long, "ALTER TABLE shop.parted ATTACH PARTITION shop.parted_2 FOR VALUES FROM (10) TO (20)")
        long.commit()
    assert noted(connection) == [(PARTED, "partition shop.parted_2 came with rows")]


DDL_OF_OTHERS = [
    ["CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)"],
    [
        "CREATE TABLE parted_2 (id int PRIMARY KEY)",
        "ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20)",
    ],
    ["DROP TABLE parted_1"],
    ["ALTER TABLE parted DETACH PARTITION parted_1"],
    ["ALTER TABLE parted RENAME TO away", "ALTER TABLE parted_1 RENAME TO first"],
    ["CREATE TABLE own (id int PRIMARY KEY)", "ALTER PUBLICATION penstock ADD TABLE own"],
    ["ALTER PUBLICATION penstock DROP TABLE item"],
    ["DROP TABLE item", "DROP TABLE parted"],
    ["ALTER TABLE item ADD COLUMN note text", "ALTER TABLE item DROP COLUMN code"],
    ["ALTER TYPE mood RENAME TO humour"],
    ["ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'"],
    ["ALTER TABLE moody DROP COLUMN m", "DROP TYPE mood"],
]


@pytest.mark.parametrize("level", [ISOLATION_LEVEL_REPEATABLE_READ, ISOLATION_LEVEL_SERIALIZABLE])
@pytest.mark.parametrize("meanwhile", DDL_OF_OTHERS, ids=" ".join)
def test_ddl_of_others_fails_none_of_a_long_transaction(
    connection: Connection, config: Config, meanwhile: list[str], level: int
) -> None:
    """Its snapshot is of before, but what Postgres keeps of relations in memory is of now."""
    run(connection, "CREATE TYPE mood AS ENUM ('ok')", "CREATE TABLE moody (id int PRIMARY KEY, m mood)")
    publish(connection, [MOODY])
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as long:
        long.set_session(level)
        run_open(long, "SELECT 1")
        each(connection, *meanwhile)
        said = noted(connection, ITEM, PARTED, MOODY)
        for statement in (
            "CREATE TEMP TABLE report (id int)",
            "CREATE TABLE shop.other (id int)",
            "ALTER TABLE shop.other ADD COLUMN n int",
            "CREATE TYPE shop.colour AS ENUM ('red')",
            "DROP TABLE shop.other",
            "DROP TYPE shop.colour",
        ):
            run_open(long, statement)
        long.commit()
    run(connection, "CREATE TABLE later (id int)")
    assert noted(connection, ITEM, PARTED, MOODY) == said


def test_ddl_does_not_wait_for_a_partition_that_another_session_alters(connection: Connection, config: Config) -> None:
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as other:
        run_open(other, "LOCK TABLE shop.parted_1")
        each(connection, "SET lock_timeout = '5s'", "CREATE TABLE other (id int)", "DROP TABLE other")


def run_open(connection: Connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("level", [ISOLATION_LEVEL_REPEATABLE_READ, ISOLATION_LEVEL_SERIALIZABLE])
@pytest.mark.parametrize("statement", ["TRUNCATE shop.item", "TRUNCATE shop.parted", "TRUNCATE shop.parted_1"])
def test_a_truncate_that_may_miss_rows_is_refused(
    connection: Connection, config: Config, level: int, statement: str
) -> None:
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as other:
        other.set_session(level)
        with pytest.raises(psycopg2.errors.RaiseException, match=r"TRUNCATE of shop\.\w+, which.*\n.*READ COMMITTED"):
            run(other, statement)
    assert run(connection, "SELECT count(*) FROM item") == [(10,)]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE item DISABLE TRIGGER ALL",
        "ALTER TABLE item ENABLE TRIGGER ALL",
        "ALTER TABLE item DISABLE TRIGGER penstock_truncate",
        "ALTER TRIGGER penstock_truncate ON item RENAME TO mine",
        "DROP TRIGGER penstock_truncate ON item",
    ],
)
def test_the_trigger_of_a_truncate_cannot_be_turned_off(connection: Connection, statement: str) -> None:
    run(connection, statement)
    state = "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'item'::regclass AND tgname = 'penstock_truncate'"
    assert run(connection, state) == [("A",)]
    (slot,) = run(connection, "SELECT slot_name FROM pg_create_logical_replication_slot('away', 'test_decoding')")[0]
    try:
        run(connection, "SET session_replication_role = replica", "TRUNCATE item")
        lines = run(connection, f"SELECT data FROM pg_logical_slot_get_changes('{slot}', NULL, NULL)")
    finally:
        run(connection, "RESET session_replication_role", f"SELECT pg_drop_replication_slot('{slot}')")
    assert sum("DELETE: id" in line for (line,) in lines) == 10


def test_a_deferrable_key_is_refused_before_its_table_is_published(connection: Connection) -> None:
    run(connection, "CREATE TABLE line (id int PRIMARY KEY DEFERRABLE)")
    (said,) = publish(connection, ["shop.line"])
    assert "its primary key is DEFERRABLE" in said
    assert run(connection, "SELECT relreplident FROM pg_class WHERE oid = 'line'::regclass") == [("d",)]


@pytest.mark.parametrize("table", ["item", "parted"])
def test_the_key_of_a_published_table_cannot_become_deferrable(connection: Connection, table: str) -> None:
    refused = rf"table shop\.{table} feeds.*DEFERRABLE\n.*NOT DEFERRABLE"
    again = f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id) DEFERRABLE"
    with pytest.raises(psycopg2.errors.RaiseException, match=refused):
        run(connection, again)
    assert noted(connection) == []
    run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    with pytest.raises(psycopg2.errors.RaiseException, match=refused):
        run(connection, f"ALTER TABLE {table} ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED")


def test_a_deferrable_key_of_before_stops_no_statement(connection: Connection, config: Config) -> None:
    run(
        connection,
        UNSEEN,
        "ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
        "DELETE FROM penstock.table_lives",
        SEEN,
    )
    create_tables(Workspace(config))
    run(connection, "ALTER TABLE item ADD COLUMN note text")
    (said,) = publish(connection, [ITEM])
    assert "DEFERRABLE" in said


def test_a_key_that_goes_or_changes_is_noted(connection: Connection) -> None:
    run(connection, "CREATE UNIQUE INDEX again ON item (id)")
    run(connection, "ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY USING INDEX again")
    assert noted(connection) == []
    run(connection, "ALTER TABLE item DROP CONSTRAINT again")
    run(connection, "ALTER TABLE item ADD PRIMARY KEY (id, code)")
    assert noted(connection) == [
        (ITEM, "its primary key was dropped"),
        (ITEM, "its primary key was made again, or of other columns"),
    ]


@pytest.mark.parametrize(
    ("types", "column"),
    [
        ([], "mood"),
        ([], "mood[]"),
        (["CREATE DOMAIN feeling AS mood NOT NULL"], "feeling"),
        (["CREATE DOMAIN feelings AS mood[]"], "feelings"),
        (["CREATE TYPE felt AS (at date, mood mood)"], "felt"),
        (["CREATE TYPE felt AS (at date, mood mood[])", "CREATE DOMAIN feeling AS felt"], "feeling[]"),
        (["CREATE TYPE span AS RANGE (subtype = mood)"], "span"),
        (["CREATE TYPE span AS RANGE (subtype = mood)"], "span_multirange"),
    ],
)
def test_a_renamed_value_of_an_enum_is_noted_where_rows_may_hold_it(
    connection: Connection, types: list[str], column: str
) -> None:
    run(connection, "CREATE TYPE mood AS ENUM ('sad', 'ok')", *types)
    run(connection, f"CREATE TABLE moody (id int PRIMARY KEY, m {column})")
    publish(connection, [MOODY])
    run(connection, "ALTER TYPE mood ADD VALUE 'glad'")
    run(connection, "ALTER TYPE mood RENAME TO humour")
    run(connection, "ALTER TYPE humour RENAME VALUE 'ok' TO 'fine'")
    run(connection, "ALTER TYPE humour RENAME VALUE 'sad' TO 'ok'")
    what = "value {!r} of shop.humour was renamed to {!r}"
    assert noted(connection, ITEM, PARTED, MOODY) == [
        (MOODY, what.format("ok", "fine")),
        (MOODY, what.format("sad", "ok")),
    ]
    run(connection, "DROP TABLE moody", "DROP TYPE humour CASCADE")


def test_sessions_that_make_types_do_not_wait_for_each_other(connection: Connection, config: Config) -> None:
    with closing(psycopg2.connect(config.postgres.dsn, connection_factory=OURS_IN_POSTGRES)) as other:
        run_open(other, "CREATE TYPE shop.open AS ENUM ('a')")
        each(
            connection,
            "SET lock_timeout = '5s'",
            "CREATE TYPE mood AS ENUM ('sad')",
            "ALTER TYPE mood ADD VALUE 'ok'",
            "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
            "ALTER TABLE item ADD COLUMN mood mood",
            "DROP TYPE mood CASCADE",
        )
        other.rollback()


def test_a_database_set_up_by_an_earlier_version_hears_of_more_statements(
    connection: Connection, config: Config
) -> None:
    run(
        connection,
        "DROP EVENT TRIGGER penstock_after_ddl",
        "CREATE EVENT TRIGGER penstock_after_ddl ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
        "EXECUTE FUNCTION penstock.after_ddl()",
    )
    create_tables(Workspace(config))
    before = identity(connection)
    run(connection, "DROP PUBLICATION penstock")
    assert not identity(connection).is_there
    publish(connection, [ITEM, PARTED])
    assert not identity(connection).is_of(before.source)
