"""State: what this installation knows of itself, one record in Postgres (schemas/postgres/070_state.sql).

It lies with the data that it speaks of. What other servers hold is compared with it, never guessed from it.
"""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import connection as Connection

_IS_SET_UP = "SELECT to_regclass('penstock.installation') IS NOT NULL"
_EPOCH = "SELECT epoch FROM penstock.installation"
_BEGIN = "INSERT INTO penstock.installation (epoch) VALUES (%s) ON CONFLICT DO NOTHING"
_RAISE = "UPDATE penstock.installation SET epoch = %s WHERE epoch < %s"


def read_epoch(connection: Connection) -> int | None:
    """Return the epoch that the source stamps on each record; None before the first set-up."""
    found = _read(connection, _EPOCH)
    return int(found[0][0]) if found else None


def begin_record(connection: Connection, *, epoch: int) -> None:
    """Begin the record of an installation that has none."""
    _write(connection, _BEGIN, epoch)


def raise_epoch(connection: Connection, epoch: int) -> None:
    """Let a later epoch begin; it never falls."""
    _write(connection, _RAISE, epoch, epoch)


def _read(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """Return the rows; none before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_IS_SET_UP)
        if cursor.fetchone() == (False,):
            return []
        cursor.execute(query)
        return list(cursor.fetchall())


def _write(connection: Connection, statement: str, *values: object) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
