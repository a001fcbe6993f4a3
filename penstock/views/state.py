"""State: what this installation knows of itself, one record in Postgres (schemas/postgres/070_state.sql).

It lies with the data that it speaks of. What other servers hold is compared with it, never guessed from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from penstock.errors import TerminalError

_EPOCH = "SELECT epoch FROM penstock.installation"
_BEGIN = "INSERT INTO penstock.installation (epoch) VALUES (%s) ON CONFLICT DO NOTHING"
_RAISE = "UPDATE penstock.installation SET epoch = %s WHERE epoch < %s"
_PAUSED = "SELECT view FROM penstock.paused_views"
_PAUSE = "INSERT INTO penstock.paused_views SELECT unnest(%s) ON CONFLICT DO NOTHING"
_RESUME = "DELETE FROM penstock.paused_views WHERE view = ANY(%s)"


class RecordMissing(TerminalError):
    """The database has no place yet for what is to be noted."""

    def __init__(self) -> None:
        super().__init__("the database was not set up by this version yet: `penstock up`, then ask again")


@dataclass(frozen=True)
class Record:
    """What the connectors are applied with.

    :param epoch: that the source stamps on each record; None before the first set-up.
    :param paused: the views that the sink leaves out.
    """

    epoch: int | None = None
    paused: frozenset[str] = frozenset()


def read_record(connection: Connection) -> Record:
    """Return what the connectors are applied with."""
    return Record(read_epoch(connection), read_paused(connection))


def read_epoch(connection: Connection) -> int | None:
    """Return the epoch; None before the first set-up."""
    found = _read(connection, _EPOCH)
    return int(found[0][0]) if found else None


def begin_record(connection: Connection, *, epoch: int) -> None:
    """Begin the record of an installation that has none."""
    _write(connection, _BEGIN, epoch)


def raise_epoch(connection: Connection, epoch: int) -> None:
    """Let a later epoch begin; it never falls."""
    _write(connection, _RAISE, epoch, epoch)


def read_paused(connection: Connection) -> frozenset[str]:
    """Return the names of the paused views."""
    return frozenset(name for (name,) in _read(connection, _PAUSED))


def note_paused(connection: Connection, views: Collection[str], *, paused: bool = True) -> None:
    """Note that views are paused, or flow again."""
    _write(connection, _PAUSE if paused else _RESUME, sorted(views))


def forget_views(connection: Connection, views: Collection[str]) -> None:
    """Forget what is known of views that are dropped."""
    note_paused(connection, views, paused=False)


def _read(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """Return the rows; none before the first set-up."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())
    except psycopg2.errors.UndefinedTable:
        return []


def _write(connection: Connection, statement: str, *values: object) -> None:
    """Write at once.

    :raises RecordMissing: before the first set-up.
    """
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
    except psycopg2.errors.UndefinedTable as exc:
        raise RecordMissing from exc
