"""Silent changes: what changed rows without a change event, as schemas/postgres/040_silent_changes.sql wrote it down.

The views of such a table are right again when it was read once more; then the note is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from penstock.postgres.own import Connection

_IS_SET_UP = "SELECT to_regclass('penstock.silent_changes')"
_CHANGES = "SELECT id, table_name, what, seen_at FROM penstock.silent_changes WHERE table_name = ANY(%s) ORDER BY id"
_NOTE = "INSERT INTO penstock.silent_changes (table_name, what) VALUES (%s, %s)"
_FORGET = "DELETE FROM penstock.silent_changes WHERE id = ANY(%s)"


@dataclass(frozen=True)
class SilentChange:
    """One statement that changed rows and sent no event.

    :param table: `schema.table`.
    """

    id: int
    table: str
    what: str
    seen_at: datetime


def silent_changes(connection: Connection, tables: Collection[str]) -> list[SilentChange]:
    """Return what happened to these tables and was not made good, oldest first; nothing before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() == (None,):
            return []
        cursor.execute(connection.own(_CHANGES), (sorted(tables),))
        return [SilentChange(*row) for row in cursor.fetchall()]


def sees_ddl(connection: Connection) -> bool:
    """Return whether event triggers, which take a superuser, look at each statement; yes before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own("SELECT to_regprocedure('penstock.sees_ddl()') IS NULL"))
        if cursor.fetchone() == (True,):
            return True
        cursor.execute(connection.own("SELECT penstock.sees_ddl()"))
        return cursor.fetchone() == (True,)


def look(connection: Connection) -> None:
    """Hold what is published against the last look, as the event triggers do where there are any."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own("SELECT penstock.look(), penstock.look_at_labels()"))


def note_changes(connection: Connection, tables: Collection[str], what: str) -> None:
    """Note that the views of these tables miss something, which a re-read of the table makes good."""
    with connection, connection.cursor() as cursor:
        cursor.executemany(connection.own(_NOTE), [(table, what) for table in sorted(tables)])


def forget_changes(connection: Connection, changes: Sequence[SilentChange]) -> None:
    """Forget changes that were made good; one that came meanwhile stays, and what lasts is noted again."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_FORGET), ([change.id for change in changes],))
    look(connection)
