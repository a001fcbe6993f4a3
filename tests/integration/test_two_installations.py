"""Two installations in one database of a real Postgres: what one notes, publishes, watches and drops is its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg2
import pytest

from penstock.config import Config
from penstock.installation import RESERVED
from penstock.postgres.connection import connect
from penstock.postgres.publication import publish, withdraw
from penstock.postgres.published import published_tables
from penstock.postgres.record import note_paused, raise_epoch, read_epoch, read_paused
from penstock.postgres.silent import forget_changes, note_changes, sees_ddl, silent_changes
from penstock.project.workspace import Workspace
from penstock.setup.actions import create_tables
from penstock.views.reread import ReReadBusy, only_reread

OURS, THEIRS, SHARED = "public.of_ours", "public.of_orders", "public.of_both"


@pytest.fixture(scope="module")
def both(config: Config) -> Iterator[tuple[Config, Config]]:
    """Set both up in one database, each with a table of its own and one that feeds views of both."""
    orders = config.model_copy(update={"name": "orders"})
    for table in (OURS, THEIRS, SHARED):
        run(config, f"CREATE TABLE {table} (id int PRIMARY KEY, name text)")
    for each, table in ((config, OURS), (orders, THEIRS)):
        create_tables(Workspace(each))
        with connect(each) as connection:
            publish(connection, [table, SHARED])
    yield config, orders
    with connect(config) as connection:
        for table in (OURS, SHARED):
            withdraw(connection, table)
    if run(config, "SELECT to_regnamespace('orders')") != [(None,)]:
        run(config, "DROP PUBLICATION orders")
        run(config, "DROP SCHEMA orders CASCADE")
    run(config, f"DROP TABLE {OURS}, {THEIRS}, {SHARED}")


@pytest.fixture(autouse=True)
def forget(both: tuple[Config, Config]) -> Iterator[None]:
    yield
    for each in both:
        with connect(each) as connection:
            if changes := silent_changes(connection, [OURS, THEIRS, SHARED]):
                forget_changes(connection, changes)


def run(config: Config, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def noted(config: Config) -> list[tuple[str, str]]:
    with connect(config) as connection:
        return [(each.table, each.what) for each in silent_changes(connection, [OURS, THEIRS, SHARED])]


def test_each_publishes_its_own_and_has_its_own_triggers(both: tuple[Config, Config]) -> None:
    ours, orders = both
    for each, own, others in ((ours, OURS, THEIRS), (orders, THEIRS, OURS)):
        with connect(each) as connection:
            published = published_tables(connection)
            assert sees_ddl(connection)
        assert {own, SHARED, each.names.signals} <= published
        assert others not in published
    assert "orders.signals" not in {table for (table,) in run(ours, PUBLISHED.format("penstock"))}
    assert {name for (name,) in run(ours, "SELECT evtname FROM pg_event_trigger")} >= {
        *("penstock_after_ddl", "penstock_before_rewrite", "penstock_refuse_unfit", "penstock_refuse_renamed"),
        *("orders_after_ddl", "orders_before_rewrite", "orders_refuse_unfit", "orders_refuse_renamed"),
    }
    triggers = {name for (name,) in run(ours, f"SELECT tgname FROM pg_trigger WHERE tgrelid = '{SHARED}'::regclass")}
    assert triggers == {"penstock_truncate", "orders_truncate"}


PUBLISHED = "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = '{}'"
REWRITE = "ALTER TABLE {} ALTER COLUMN name TYPE varchar(9) USING left(name, 9)"


def test_ddl_is_noted_by_those_whose_table_it_is(both: tuple[Config, Config]) -> None:
    ours, orders = both
    run(ours, REWRITE.format(OURS))
    assert [table for table, _ in noted(ours)] == [OURS]
    assert noted(orders) == []
    run(ours, REWRITE.format(THEIRS))
    assert [table for table, _ in noted(orders)] == [THEIRS]
    run(ours, REWRITE.format(SHARED))
    assert [[table for table, _ in noted(each)] for each in both] == [[OURS, SHARED], [THEIRS, SHARED]]


def test_a_truncate_of_a_shared_table_takes_each_row_once(both: tuple[Config, Config]) -> None:
    ours, _ = both
    run(ours, f"INSERT INTO {SHARED} VALUES (1, 'one'), (2, 'two')")
    slot = "SELECT pg_create_logical_replication_slot('both', 'test_decoding')"
    run(ours, slot)
    try:
        run(ours, f"TRUNCATE {SHARED}")
        lines = run(ours, "SELECT data FROM pg_logical_slot_get_changes('both', NULL, NULL)")
    finally:
        run(ours, "SELECT pg_drop_replication_slot('both')")
    assert [line for (line,) in lines if f"{SHARED}: DELETE" in line] == [
        f"table {SHARED}: DELETE: id[integer]:{number} name[character varying]:'{name}'"
        for number, name in ((1, "one"), (2, "two"))
    ]
    assert [noted(each) for each in both] == [[], []]


def test_the_record_of_one_is_not_the_others(both: tuple[Config, Config]) -> None:
    ours, orders = both
    with connect(ours) as connection, connect(orders) as other:
        before = read_epoch(connection)
        raise_epoch(other, 7, partitions=1)
        note_paused(other, ["users_by_id"])
        note_changes(other, [SHARED], "a test")
        assert (read_epoch(other), read_epoch(connection)) == (7, before)
        assert (read_paused(other), read_paused(connection)) == (frozenset(["users_by_id"]), frozenset())
        assert silent_changes(connection, [SHARED]) == []


def test_both_can_read_a_table_again_at_once(both: tuple[Config, Config]) -> None:
    ours, orders = both
    with ExitStack() as held:
        one, other, second = (held.enter_context(connect(each)) for each in (ours, orders, orders))
        held.enter_context(only_reread(one))
        held.enter_context(only_reread(other))
        with pytest.raises(ReReadBusy):
            held.enter_context(only_reread(second))


def test_no_name_is_one_that_needs_quotes(both: tuple[Config, Config]) -> None:
    """A name stands in statements without quotes: each word that Postgres reserves is refused for it."""
    reserved = {word for (word,) in run(both[0], "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")}
    assert reserved - set(RESERVED.split()) == set()


def test_dropping_one_leaves_the_other(both: tuple[Config, Config]) -> None:
    """The last test: what `penstock reset` prints for a server of others, and what is left then."""
    ours, orders = both
    run(ours, "DROP PUBLICATION orders")
    run(ours, "DROP SCHEMA orders CASCADE")
    left = {name for (name,) in run(ours, "SELECT evtname FROM pg_event_trigger")}
    assert left == {
        *("penstock_after_ddl", "penstock_before_rewrite", "penstock_refuse_unfit", "penstock_refuse_renamed")
    }
    run(ours, REWRITE.format(SHARED).replace("9", "8"))
    assert [table for table, _ in noted(ours)] == [SHARED]
    assert noted(orders) == []
    with connect(ours) as connection:
        assert {OURS, SHARED} <= published_tables(connection)
        assert sees_ddl(connection)
