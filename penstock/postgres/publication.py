"""Publication, which Debezium reads: it holds the tables of the views, each with REPLICA IDENTITY FULL.

A table that cannot be followed is left out before anything of it is touched, and holds up no other. Each statement is a
transaction of its own: with a second lock it could be in a deadlock with the application. It waits for its lock two
seconds at a time at most, as every client of the table queues behind it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from penstock.contract import PUBLISHES_GENERATED
from penstock.errors import TerminalError, first_line
from penstock.names import of_source, quoted
from penstock.postgres.catalogue import LiveTable, TableMissing, read_live_table
from penstock.postgres.connection import cure_of, has_run
from penstock.postgres.own import Connection
from penstock.postgres.published import published_tables
from penstock.postgres.record import read_known
from penstock.wait import NotInTime, wait_until

_LOCKED_S = 120.0
_LOCKED = (
    "a transaction of somebody else has held it for {seconds:.0f} s (`SELECT pid, state, query FROM pg_stat_activity "
    "ORDER BY xact_start` names it); let it end, then run this again"
)
# It belongs to no session, and may be forgotten.
_PREPARED = "prepared transaction {0} holds it: `COMMIT PREPARED {0}` or `ROLLBACK PREPARED {0}`, then run this again"
_HOLDERS = """
    SELECT DISTINCT quote_literal(gid)
    FROM pg_prepared_xacts
    JOIN pg_locks own ON own.transactionid = transaction AND own.pid IS NULL
    JOIN pg_locks held USING (virtualtransaction)
    WHERE held.pid IS NULL AND pg_prepared_xacts.database = current_database()
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND held.relation IN (
            SELECT to_regclass(%(table)s) UNION SELECT relid FROM pg_partition_tree(to_regclass(%(table)s))
        )
    ORDER BY 1
"""
_KNOW = "INSERT INTO penstock.known_tables VALUES ({}) ON CONFLICT DO NOTHING"
_FORGET = """
    DELETE FROM penstock.known_tables WHERE table_name = {0};
    UPDATE penstock.table_lives SET placed = NULL, moved = NULL WHERE table_name = {0}
"""
_EXISTS = "SELECT FROM pg_publication WHERE pubname = %s"


class TableRefused(TerminalError):
    """A table cannot be published as it must be."""

    def __init__(self, table: str, cause: str) -> None:
        super().__init__(f"table {table} cannot be published: {cause}")


@dataclass(frozen=True)
class _Option:
    """An option of the publication, and the query that says whether it is set."""

    text: str
    is_set: str


# Changes of a partition come as changes of the table that the views name.
_VIA_ROOT = _Option(
    "publish_via_partition_root = true",
    "SELECT pubviaroot FROM pg_publication WHERE pubname = %s",
)
# A publication of an earlier version does not have it: then UPDATE and DELETE of such a table fail.
_GENERATED = _Option(
    "publish_generated_columns = stored",
    "SELECT to_jsonb(p) ->> 'pubgencols' = 's' FROM pg_publication p WHERE pubname = %s",
)


def publish(connection: Connection, tables: Collection[str]) -> list[str]:
    """Publish tables with whole old rows; what is published already stays, also what no view needs.

    :param tables: `schema.table` each.
    :returns: what was changed and which tables were left out, for people.
    """
    wanted, missing = [], []
    for name in sorted(tables):
        try:
            wanted.append(read_live_table(connection, name))
        except TableMissing as exc:
            missing.append(f"left out: {exc}")
    connection.rollback()  # what was read holds locks, too
    said = _create(connection)
    return said + [line for live in wanted for line in _take_in(connection, live)] + missing


def _take_in(connection: Connection, live: LiveTable) -> list[str]:
    """Publish one table; whole old rows come first, as no change must come without."""
    if live.unfit:
        return [f"left out: {'; '.join(each.what for each in live.unfit)}"]
    try:
        said = _set(connection, live, _GENERATED) if live.has_generated else []
        said += _identify(connection, live)
        said += _set(connection, live, _VIA_ROOT) if live.is_partitioned else []
        return said if live.table.name in published_tables(connection) else [*said, _add(connection, live.table.name)]
    except TableRefused as exc:
        return [f"left out: {exc}"]


def withdraw(connection: Connection, table: str) -> bool:
    """Take a table out of the publication, and forget what its views needed; return whether it was in it."""
    was_published = table in published_tables(connection)
    connection.rollback()
    left = f"ALTER PUBLICATION {connection.names.publication} DROP TABLE {quoted(table)}; " if was_published else ""
    _execute(connection, table, left + connection.own(_FORGET).format(sql.Literal(table).as_string(connection)))
    return was_published


def make_known(connection: Connection, tables: Collection[str]) -> list[str]:
    """Let the source send the changes of tables whose topics are there; return what was done, for people.

    A change that it left out before has ended then, and whatever is read of the table from here on holds it.
    """
    published, known = published_tables(connection), read_known(connection)
    connection.rollback()  # what was read holds locks, too
    return [_know(connection, name, is_sent=name in published) for name in sorted({*tables} - known)]


def _know(connection: Connection, name: str, *, is_sent: bool) -> str:
    noted = connection.own(_KNOW).format(sql.Literal(name).as_string(connection))
    try:
        _execute(connection, name, f"{_locked(name)}; {noted}" if is_sent else noted)
    except TableRefused as exc:
        return f"the source takes a list of tables, which restarts it: {exc}"
    return f"{of_source(connection.names.source, name)} known to the source"


def _create(connection: Connection) -> list[str]:
    name, signals = connection.names.publication, connection.names.signals
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS, (connection.names.publication,))
        if cursor.fetchone() is None:
            options = _VIA_ROOT.text
            if connection.server_version >= PUBLISHES_GENERATED:
                options += f", {_GENERATED.text}"
            _execute(connection, signals, f"CREATE PUBLICATION {name} FOR TABLE {quoted(signals)} WITH ({options})")
            return [f"publication {name} created"]
    return [] if signals in published_tables(connection) else [_add(connection, signals)]


def _set(connection: Connection, live: LiveTable, option: _Option) -> list[str]:
    """Set an option that a table needs, unless the publication has it."""
    name = connection.names.publication
    with connection.cursor() as cursor:
        cursor.execute(option.is_set, (name,))
        if cursor.fetchone() == (True,):
            return []
    _execute(connection, live.table.name, f"ALTER PUBLICATION {name} SET ({option.text})")
    return [f"{option.text} set"]


def _add(connection: Connection, name: str) -> str:
    # Postgres decides for each change whether its table was published then: of a transaction that writes to the table
    # all the while the stream would have a part, and no snapshot that is taken before its end would have the rest.
    added = f"ALTER PUBLICATION {connection.names.publication} ADD TABLE {quoted(name)}"
    _execute(connection, name, f"{_locked(name)}; {added}")
    return f"{name} published"


def _locked(name: str) -> str:
    """Return the statements that wait until nobody is in the midst of writing to a table.

    The partitions are locked one after another: no wait for one may last until Postgres looks for deadlocks (1 s).
    """
    return f"SET LOCAL lock_timeout = '500ms'; LOCK TABLE {quoted(name)} IN SHARE ROW EXCLUSIVE MODE"


def _identify(connection: Connection, live: LiveTable) -> list[str]:
    # Only where it lacks: the ALTER locks the table even when it changes nothing. No look follows (049_look.sql): one
    # for all partitions comes when the table is published.
    unseen = "SET LOCAL penstock.looks = 'yes'"
    for part in live.not_full:
        _execute(connection, part, f"{unseen}; ALTER TABLE {quoted(part)} REPLICA IDENTITY FULL")
    return [f"{live.lacking}: REPLICA IDENTITY FULL"] if live.not_full else []


def _execute(connection: Connection, table: str, statement: str) -> None:
    """Run a statement in a transaction of its own, once nobody else holds the table.

    :raises TableRefused: when Postgres refuses it, or somebody holds the table for long.
    """
    what = f"nobody holds {table}: a transaction of somebody else has it in use"
    try:
        wait_until(lambda: has_run(connection, statement), timeout_s=_LOCKED_S, what=what)
    except NotInTime as exc:
        raise TableRefused(table, _who_holds(connection, table)) from exc
    except psycopg2.Error as exc:
        if connection.closed:
            raise  # Postgres is away, which says nothing about the table
        raise TableRefused(table, first_line(exc) + cure_of(exc)) from exc


def _who_holds(connection: Connection, table: str) -> str:
    """Say who holds a table, and what to do."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_HOLDERS, {"table": quoted(table)})
        prepared = [_PREPARED.format(gid) for (gid,) in cursor.fetchall()]
    return "; ".join(prepared) or _LOCKED.format(seconds=_LOCKED_S)
