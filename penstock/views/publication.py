"""What Debezium may read: the publication holds the tables of the views, and each of them has REPLICA IDENTITY FULL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import psycopg2
from penstock_views.names import quoted
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from penstock.errors import TerminalError
from penstock.views.catalogue import PUBLICATION, LiveTable, published_tables, read_live_table

SIGNALS = "penstock.signals"
"""Where a re-read is asked for; it is published too, since Debezium reads it from the stream."""

DEFERRABLE = "its primary key is DEFERRABLE, so rows may share a key for a while, and a view would lose one of them"

_EXISTS = "SELECT pubviaroot FROM pg_publication WHERE pubname = %s"


class TableRefused(TerminalError):
    """A table cannot be published as it must be."""

    def __init__(self, table: str, cause: str) -> None:
        super().__init__(f"table {table} cannot be published: {cause}")


def publish(connection: Connection, tables: Collection[str]) -> list[str]:
    """Publish tables with whole old rows; what is published already stays, also what no view needs.

    :param tables: `schema.table` each.
    :returns: what was changed, for people.
    :raises TableMissing: before anything is changed.
    :raises TableRefused: with Postgres' reason, or ours; nothing is changed then either.
    """
    wanted = [read_live_table(connection, name) for name in sorted(tables)]
    _refuse_deferrable(wanted, published_tables(connection))
    with connection:  # one transaction for everything
        return [*_grow(connection, wanted), *_identify(connection, wanted)]


def withdraw(connection: Connection, table: str) -> bool:
    """Take a table out of the publication; return whether it was in it."""
    if table not in published_tables(connection):
        return False
    with connection:
        _execute(connection, table, f"ALTER PUBLICATION {PUBLICATION} DROP TABLE {quoted(table)}")
    return True


def _refuse_deferrable(wanted: Sequence[LiveTable], published: Collection[str]) -> None:
    # One that is published already stops nobody here: `views check` says it, and the views of other tables go on.
    for live in wanted:
        if live.has_deferrable_key and live.table.name not in published:
            raise TableRefused(live.table.name, DEFERRABLE)


def _grow(connection: Connection, wanted: Sequence[LiveTable]) -> list[str]:
    names = [SIGNALS, *(live.table.name for live in wanted)]
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS, (PUBLICATION,))
        found = cursor.fetchone()
    if found is None:
        listed = ", ".join(map(quoted, names))
        # Changes of a partition come as changes of the table that the views name.
        options = "WITH (publish_via_partition_root = true)"
        _execute(connection, names[-1], f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {listed} {options}")
        return [f"publication {PUBLICATION} created for {', '.join(names)}"]
    said = []
    if not found[0] and any(live.is_partitioned for live in wanted):
        _execute(connection, names[-1], f"ALTER PUBLICATION {PUBLICATION} SET (publish_via_partition_root = true)")
        said.append("publish_via_partition_root set")
    missing = [name for name in names if name not in published_tables(connection)]
    for name in missing:
        _execute(connection, name, f"ALTER PUBLICATION {PUBLICATION} ADD TABLE {quoted(name)}")
    return said + [f"{name} published" for name in missing]


def _identify(connection: Connection, wanted: Sequence[LiveTable]) -> list[str]:
    # Only where it lacks: the ALTER locks the table even when it changes nothing.
    parts = [part for live in wanted for part in live.not_full]
    for part in parts:
        _execute(connection, part, f"ALTER TABLE {quoted(part)} REPLICA IDENTITY FULL")
    return [f"{part}: REPLICA IDENTITY FULL" for part in parts]


def _execute(connection: Connection, table: str, statement: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement))
    except psycopg2.Error as exc:
        raise TableRefused(table, str(exc).strip().splitlines()[0]) from exc
