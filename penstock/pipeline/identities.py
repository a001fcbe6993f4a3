"""The identity of a source table: one that keeps its name and stays in the publication, so that every change arrives.

`schemas/postgres/041_table_lives.sql` keeps them. A view is filled from one of them (fills.py). When the table
was dropped and made again, renamed away and back, or out of the publication for a while, the view is filled again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from penstock.contract import AGGREGATE
from penstock.postgres.connection import connect
from penstock.postgres.own import Connection
from penstock.project.workspace import Workspace

_ARE_KEPT = "SELECT to_regclass('penstock.published_roots') IS NOT NULL"
MOVED = "its primary key is another one, so its rows lie in other partitions, where later versions may be lower"
"""What is wrong with a table whose rows moved in this epoch."""

# A table that has just left without a trace, event triggers switched off, has left all the same.
_IDENTITIES = """
    SELECT l.table_name, l.life::text, l.what, l.began_at, p.root IS NOT NULL,
        (SELECT system_identifier FROM pg_control_system())
            || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()),
        (to_jsonb(l) ->> 'moved')::int
    FROM penstock.table_lives l
    LEFT JOIN penstock.published_roots p ON p.root = l.root AND p.table_name = l.table_name
    WHERE l.table_name = ANY(%s)
"""


class OfKind(Protocol):
    """A view, loaded or only declared."""

    @property
    def table(self) -> str:
        """The table that it is made of."""
        ...

    @property
    def kind(self) -> str:
        """What it is: row, history or aggregate."""
        ...


_V = TypeVar("_V", bound=OfKind)


@dataclass(frozen=True)
class Identity:
    """What stands behind the name of a table now.

    :param id: of this identity; a restored database has those of the database that it is a copy of.
    :param what: why the identity before ended, or this one began.
    :param is_there: the table has the name and is published.
    :param database: that holds it.
    :param moved: the last epoch in which its rows moved to other partitions of its change topic; None if none did.
    """

    table: str
    id: str
    what: str
    began_at: datetime
    is_there: bool
    database: str
    moved: int | None = None

    @property
    def source(self) -> str:
        """What a fill remembers of it."""
        return f"{self.id} in {self.database}"

    def is_of(self, source: str) -> bool:
        """Return whether a view that was filled from this source still gets every change of the table."""
        return self.is_there and source == self.source

    def why_not(self, source: str) -> str:
        """Say to people why it is another one than a view was filled from."""
        if not source.startswith(self.id):
            return f"{self.what} at {self.began_at:%Y-%m-%d %H:%M}"
        return "it is gone from the publication" if source == self.source else "the database is another one"


Identities = Mapping[str, Identity]
"""By the names of the tables; one that was never published has none."""


def moved_views(views: Sequence[_V], identities: Identities, *, epoch: int) -> list[_V]:
    """Return the views of tables whose rows moved to other partitions in this epoch, which only a later one mends.

    An aggregate counts each change once, whatever its offset.
    """
    moved = {table for table, identity in identities.items() if identity.moved == epoch}
    return [view for view in views if view.table in moved and view.kind != AGGREGATE]


def identities_of(workspace: Workspace) -> Identities:
    """Return the present identities of the views' tables.

    :raises PostgresUnreachable: the caller has to ask again.
    """
    with connect(workspace.config) as connection:
        return read_identities(connection, {view.table for view in workspace.declared})


def read_identities(connection: Connection, tables: Collection[str]) -> Identities:
    """Return the present identities of these tables; none before the first set-up."""
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_ARE_KEPT))
        if cursor.fetchone() == (False,):
            return {}
        cursor.execute(connection.own(_IDENTITIES), (sorted(tables),))
        return {row[0]: Identity(*row) for row in cursor.fetchall()}
