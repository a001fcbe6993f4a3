"""The hidden columns of `penstock.toml` beside the tables: what it names must be there, and what has changed is noted.

A name that no column has would hide nothing, so nothing goes on with it. A column that was hidden once, excluded or
hashed, is known by its place in the table. It may go, but under another name its values would be sent.
`schemas/postgres/080_excluded_columns.sql` refuses to rename it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from penstock.errors import TerminalError, TransientError
from penstock.excluded import Excluded
from penstock.hashed import NOT_HASHED, Hashed
from penstock.postgres.own import Connection
from penstock.postgres.unfit import Unfit

_IS_SET_UP = "SELECT to_regclass('penstock.excluded_columns') IS NOT NULL"
_NOTED = """
    SELECT table_name, column_name, penstock.name_of(root), attname::text, to_jsonb(e) ->> 'hashed_with'
    FROM penstock.excluded_columns e
    LEFT JOIN pg_attribute ON attrelid = root AND attnum = position AND NOT attisdropped
"""
_NOTED_OF = """
    SELECT column_name, to_jsonb(e) ->> 'hashed_with' FROM penstock.excluded_columns e WHERE table_name = %s
"""
_FOUND = """
    SELECT n.nspname || '.' || c.relname, a.attname::text,
        coalesce(a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]), false), c.oid, a.attnum,
        (WITH RECURSIVE base AS (
            SELECT a.atttypid AS type
          UNION ALL
            SELECT t.typbasetype FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype = 'd')
         SELECT bool_or(type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)) FROM base)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE n.nspname || '.' || c.relname = ANY (%s)
"""
_NOTE = """
    INSERT INTO penstock.excluded_columns (table_name, column_name, hashed_with, root, position)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (table_name, column_name) DO UPDATE
    SET root = excluded.root, position = excluded.position, hashed_with = excluded.hashed_with
"""
_FORGET = "DELETE FROM penstock.excluded_columns WHERE table_name = %s AND column_name = %s"
_CHANGED = "INSERT INTO penstock.silent_changes (table_name, what) VALUES (%s, %s)"
_STAYS = "Kafka and Cassandra keep the values that they have (docs/views.md says how they go)"


class ExclusionsUnfit(TerminalError):
    """A column cannot be excluded or hashed as `penstock.toml` says it."""

    def __init__(self, problems: Collection[Unfit]) -> None:
        super().__init__("\n  ".join(["nothing was applied:", *(f"{each.what}: {each.cure}" for each in problems)]))


class HiddenOtherwise(TransientError):
    """A job would read columns otherwise than the source sends them."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"this job was started with other excluded or hashed columns of {table} than were applied last: "
            "`penstock views apply` starts it with those of penstock.toml"
        )


@dataclass(frozen=True)
class Column:
    """A column as the catalogue has it now."""

    is_key: bool
    root: int
    position: int
    is_text: bool = True


@dataclass(frozen=True)
class Noted:
    """What became of a hidden column: the names that its table and itself have now; None of what is gone.

    :param hashed_with: the fingerprint of the secret; None: it was excluded.
    """

    table: str | None
    column: str | None
    hashed_with: str | None = None


Named = tuple[str, str]
"""The names of a table and of a column."""


@dataclass(frozen=True)
class Standing:
    """What was hidden when it was last looked at, and the columns that there are."""

    noted: dict[Named, Noted]
    found: dict[Named, Column]

    def problems(self, excluded: Excluded, hashed: Hashed = NOT_HASHED) -> Iterator[Unfit]:
        """Say which columns cannot be hidden."""
        for named in excluded:
            yield from self._problem(named, "excluded", "exclude")
        for named in hashed:
            yield from self._problem(named, "hashed", "hash")

    def _problem(self, named: Named, done: str, setting: str) -> Iterator[Unfit]:
        column, take_out = ".".join(named), f"correct `{setting}` in penstock.toml"
        if (there := self.found.get(named)) is not None:
            if there.is_key:
                yield Unfit(f"{column} is of the primary key, which names the row in each change", take_out)
            elif setting == "hash" and not there.is_text:
                what = "is no text: only text, character varying and character can be hashed"
                yield Unfit(f"{column} {what}", f"`exclude` it, or {take_out}")
        elif (now := self._renamed(named)) is not None:
            yield Unfit(f"{column} is {done}, and is {now} now", f"{setting} that instead, in penstock.toml")
        elif named not in self.noted:
            yield Unfit(f"{column} is {done}, and there is no such column", take_out)

    def _renamed(self, named: Named) -> str | None:
        """Return the name that the values of a column have now, if it is another."""
        noted = self.noted.get(named, Noted(None, None))
        if noted.table is None or noted.column is None or (noted.table, noted.column) == named:
            return None
        return f"{noted.table}.{noted.column}"

    def changes(self, excluded: Excluded, hashed: Hashed = NOT_HASHED) -> dict[Named, str]:
        """Say of each column what has changed since the last look."""
        wanted = _wanted(excluded, hashed)
        started = {
            named: f"{named[1]} is {_done(secret)} from now on"
            for named, secret in sorted(wanted.items(), key=lambda each: each[0])
            if named not in self.noted or self.noted[named].hashed_with != secret
        }
        ended = {
            named: f"{named[1]} is no longer {'hashed' if noted.hashed_with else 'excluded'}"
            for named, noted in sorted(self.noted.items(), key=lambda each: each[0])
            if named not in wanted
        }
        return started | ended


def _wanted(excluded: Excluded, hashed: Hashed) -> dict[Named, str | None]:
    """Return each hidden column with the fingerprint of its secret, None where it is excluded."""
    return dict.fromkeys(excluded) | (dict.fromkeys(hashed, hashed.fingerprint) if hashed.columns else {})


def _done(secret: str | None) -> str:
    return "excluded" if secret is None else f"hashed with secret {secret}"


def standing(connection: Connection) -> Standing:
    """Ask what stands in Postgres beside what the connection hides; nothing is noted before the first set-up."""
    noted: dict[Named, Noted] = {}
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() == (True,):
            cursor.execute(connection.own(_NOTED))
            noted = {(table, name): Noted(*now) for table, name, *now in cursor.fetchall()}
        cursor.execute(_FOUND, (sorted({*connection.excluded.columns, *connection.hashed.columns}),))
        found = {(table, name): Column(*rest) for table, name, *rest in cursor.fetchall()}
    return Standing(noted, found)


def refuse_others(connection: Connection, table: str, excluded: Excluded, hashed: Hashed) -> None:
    """Make sure that a table is read as its changes are sent.

    :raises HiddenOtherwise: with what was noted last; nothing is noted before the first set-up.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(connection.own(_IS_SET_UP))
        if cursor.fetchone() != (True,):
            return
        cursor.execute(connection.own(_NOTED_OF), (table,))
        noted = dict(cursor.fetchall())
    if noted != {name: secret for (of, name), secret in _wanted(excluded, hashed).items() if of == table}:
        raise HiddenOtherwise(table)


def note_exclusions(connection: Connection, published: Collection[str]) -> list[str]:
    """Note what the connection hides, and each published table where that has changed, to be read again.

    :returns: what has changed, for people.
    :raises ExclusionsUnfit: before anything is changed.
    """
    excluded, hashed = connection.excluded, connection.hashed
    known = standing(connection)
    if problems := [*known.problems(excluded, hashed)]:
        raise ExclusionsUnfit(problems)
    changes = [(table, what) for (table, _), what in known.changes(excluded, hashed).items()]
    wanted = _wanted(excluded, hashed)
    there = [(*named, secret, known.found[named]) for named, secret in wanted.items() if named in known.found]
    with connection, connection.cursor() as cursor:
        cursor.executemany(connection.own(_NOTE), [(*named, each.root, each.position) for *named, each in there])
        cursor.executemany(connection.own(_FORGET), sorted(known.noted.keys() - wanted.keys()))
        cursor.executemany(connection.own(_CHANGED), [change for change in changes if change[0] in published])
    said = [f"{table}: {what}" for table, what in changes]
    return [*said, _STAYS] if any(table in published for table, _ in changes) else said
