"""The exclusions of `penstock.toml` beside the tables: what they name must be there, and what has changed is noted.

A name that no column has would exclude nothing, so nothing goes on with it. A column that was excluded once is known by
its place in the table: it may go, but under another name its values would be sent.
`schemas/postgres/080_excluded_columns.sql` refuses to rename it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from penstock.errors import TerminalError
from penstock.excluded import Excluded
from penstock.postgres.own import Connection
from penstock.postgres.unfit import Unfit

_IS_SET_UP = "SELECT to_regclass('penstock.excluded_columns') IS NOT NULL"
_NOTED = """
    SELECT table_name, column_name, penstock.name_of(root), attname::text
    FROM penstock.excluded_columns LEFT JOIN pg_attribute ON attrelid = root AND attnum = position AND NOT attisdropped
"""
_FOUND = """
    SELECT n.nspname || '.' || c.relname, a.attname::text,
        coalesce(a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]), false), c.oid, a.attnum
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE n.nspname || '.' || c.relname = ANY (%s)
"""
_NOTE = """
    INSERT INTO penstock.excluded_columns (table_name, column_name, root, position) VALUES (%s, %s, %s, %s)
    ON CONFLICT (table_name, column_name) DO UPDATE SET root = excluded.root, position = excluded.position
"""
_FORGET = "DELETE FROM penstock.excluded_columns WHERE table_name = %s AND column_name = %s"
_CHANGED = "INSERT INTO penstock.silent_changes (table_name, what) VALUES (%s, %s)"
_STAYS = "Kafka and Cassandra keep the values that they have (docs/views.md says how they go)"


class ExclusionsUnfit(TerminalError):
    """A column cannot be excluded as `penstock.toml` says it."""

    def __init__(self, problems: Collection[Unfit]) -> None:
        super().__init__("\n  ".join(["nothing was applied:", *(f"{each.what}: {each.cure}" for each in problems)]))


@dataclass(frozen=True)
class Column:
    """A column as the catalogue has it now."""

    is_key: bool
    root: int
    position: int


@dataclass(frozen=True)
class Noted:
    """What became of an excluded column: the names that its table and itself have now; None of what is gone."""

    table: str | None
    column: str | None


Named = tuple[str, str]
"""The names of a table and of a column."""


@dataclass(frozen=True)
class Standing:
    """What was excluded when it was last looked at, and the columns that there are."""

    noted: dict[Named, Noted]
    found: dict[Named, Column]

    def problems(self, excluded: Excluded) -> Iterator[Unfit]:
        """Say which exclusions cannot hold."""
        for named in excluded:
            column = ".".join(named)
            if (there := self.found.get(named)) is not None:
                if there.is_key:
                    yield Unfit(f"{column} is of the primary key, which names the row in each change", _TAKE_OUT)
            elif (now := self._renamed(named)) is not None:
                yield Unfit(f"{column} is excluded, and is {now} now", "exclude that instead, in penstock.toml")
            elif named not in self.noted:
                yield Unfit(f"{column} is excluded, and there is no such column", _TAKE_OUT)

    def _renamed(self, named: Named) -> str | None:
        """Return the name that the values of a column have now, if it is another."""
        noted = self.noted.get(named, Noted(None, None))
        if noted.table is None or noted.column is None or (noted.table, noted.column) == named:
            return None
        return f"{noted.table}.{noted.column}"

    def changes(self, excluded: Excluded) -> dict[Named, str]:
        """Say of each column what has changed since the last look."""
        wanted = {*excluded}
        begun = {named: f"{named[1]} is excluded from now on" for named in sorted(wanted - self.noted.keys())}
        ended = {named: f"{named[1]} is no longer excluded" for named in sorted(self.noted.keys() - wanted)}
        return begun | ended


_TAKE_OUT = "correct `exclude` in penstock.toml"


def standing(connection: Connection, excluded: Excluded) -> Standing:
    """Ask what stands in Postgres; nothing is noted before the first set-up."""
    noted: dict[Named, Noted] = {}
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() == (True,):
            cursor.execute(connection.own(_NOTED))
            noted = {(table, name): Noted(*now) for table, name, *now in cursor.fetchall()}
        cursor.execute(_FOUND, (sorted(excluded.columns),))
        found = {(table, name): Column(*rest) for table, name, *rest in cursor.fetchall()}
    return Standing(noted, found)


def note_exclusions(connection: Connection, published: Collection[str]) -> list[str]:
    """Note the exclusions of the connection, and each published table where they have changed, to be read again.

    :returns: what has changed, for people.
    :raises ExclusionsUnfit: before anything is changed.
    """
    excluded = connection.excluded
    known = standing(connection, excluded)
    if problems := [*known.problems(excluded)]:
        raise ExclusionsUnfit(problems)
    changes = [(table, what) for (table, _), what in known.changes(excluded).items()]
    there = [(*named, known.found[named]) for named in excluded if named in known.found]
    with connection, connection.cursor() as cursor:
        cursor.executemany(connection.own(_NOTE), [(*named, each.root, each.position) for *named, each in there])
        cursor.executemany(connection.own(_FORGET), sorted(known.noted.keys() - {*excluded}))
        cursor.executemany(connection.own(_CHANGED), [change for change in changes if change[0] in published])
    said = [f"{table}: {what}" for table, what in changes]
    return [*said, _STAYS] if any(table in published for table, _ in changes) else said
