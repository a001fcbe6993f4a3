"""What changed rows of a source table without a change event, as schemas/postgres/040_silent_changes.sql wrote it down.

The views of such a table are right again when it was read once more; then the note is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Connection

_CHANGES = "penstock.silent_changes"


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
        cursor.execute("SELECT to_regclass(%s)", (_CHANGES,))
        if cursor.fetchone() == (None,):
            return []
        cursor.execute(
            f"SELECT id, table_name, what, seen_at FROM {_CHANGES} "  # noqa: S608 - a name of ours
            "WHERE table_name = ANY(%s) ORDER BY id",
            (sorted(tables),),
        )
        return [SilentChange(*row) for row in cursor.fetchall()]


def sees_ddl(connection: Connection) -> bool:
    """Tell whether event triggers, which take a superuser, look at each statement; yes before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('penstock.sees_ddl()') IS NULL")
        if cursor.fetchone() == (True,):
            return True
        cursor.execute("SELECT penstock.sees_ddl()")
        return cursor.fetchone() == (True,)


def look(connection: Connection) -> None:
    """Hold what is published against the last look, as the event triggers do where there are any."""
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT penstock.look(), penstock.look_at_labels()")


def note_changes(connection: Connection, tables: Collection[str], what: str) -> None:
    """Note that the views of these tables miss something, which a re-read of the table makes good."""
    with connection, connection.cursor() as cursor:
        note = f"INSERT INTO {_CHANGES} (table_name, what) VALUES (%s, %s)"  # noqa: S608 - a name of ours
        cursor.executemany(note, [(table, what) for table in sorted(tables)])


def forget_changes(connection: Connection, changes: Sequence[SilentChange]) -> None:
    """Forget changes that were made good; one that came meanwhile stays."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_CHANGES} WHERE id = ANY(%s)",  # noqa: S608 - a name of ours
            ([change.id for change in changes],),
        )
