"""Tables that `views new` is asked for: names and patterns as a person writes them, against what the database has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from psycopg2.extensions import connection as Connection

from penstock.errors import TerminalError
from penstock.names import NOT_CARRIED, is_table

_PART = r'(?:"((?:[^"]|"")+)"|([A-Za-z_*?][\w$*?]*))'
_NAME = re.compile(rf"(?:{_PART}\.)?{_PART}\Z")
_WILD = re.compile(r"[*?]")

# Views and materialized views are no tables that a pattern could mean: they have no changes.
_RELATIONS = """
    SELECT n.nspname || '.' || c.relname, of.nspname || '.' || root.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
    LEFT JOIN pg_namespace of ON of.oid = root.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        -- What an installation of Penstock keeps, this one or another.
        AND NOT EXISTS (SELECT FROM pg_class own WHERE own.relnamespace = n.oid AND own.relname = 'silent_changes')
    ORDER BY n.nspname <> 'public', n.nspname, c.relname
"""


class TableNameUnclear(TerminalError):
    """What was given is no name of a table."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"`{given}` is no table's name; write orders, sales.orders, 'sales.*' or 'sales.\"OrderItems\"' "
            f"(quotes as in SQL); {NOT_CARRIED}"
        )


@dataclass(frozen=True)
class Part:
    """A schema's or a table's name, or a pattern of names: `*` stands for any text, `?` for a character."""

    text: str
    is_pattern: bool = False

    def matches(self, name: str) -> bool:
        """Return whether a name of the catalogue is meant; a pattern minds no case, since it has no quotes."""
        return fnmatchcase(name.lower(), self.text) if self.is_pattern else name == self.text


@dataclass(frozen=True)
class Asked:
    """A table, or every table of a pattern.

    :param spelled: what was given, as the catalogue may spell it: `public.Order Items`, without the quotes of SQL.
    """

    schema: Part
    table: Part
    spelled: str
    """What was given, taken for a name as the catalogue spells it: for those who leave the quotes out."""

    @property
    def is_pattern(self) -> bool:
        """Return whether it may mean several tables."""
        return self.schema.is_pattern or self.table.is_pattern

    @property
    def text(self) -> str:
        """It as the catalogue spells names, without quotes."""
        return f"{self.schema.text}.{self.table.text}"

    def matches(self, name: str) -> bool:
        """Return whether a table (`schema.table`) is meant."""
        schema, table = name.split(".", 1)
        return self.schema.matches(schema) and self.table.matches(table)


@dataclass(frozen=True)
class Relation:
    """A table of the database; `root` is the partitioned table that holds its rows, of a partition."""

    name: str
    root: str | None = None


def read_asked(given: str) -> Asked:
    """Read what a person asks for: a table's name as SQL or the catalogue writes it, or a pattern of names.

    :raises TableNameUnclear: it is neither, nor a name as the catalogue may spell it.
    """
    text = given.strip()
    spelled = text if "." in text else f"public.{text}"
    found = _NAME.match(text)
    if found is None and is_table(spelled):
        schema, table = spelled.split(".")
        return Asked(Part(schema), Part(table), spelled)
    if found is None:
        raise TableNameUnclear(given)
    schema_quoted, schema, table_quoted, table = found.groups()
    return Asked(_part(given, schema_quoted, schema or "public"), _part(given, table_quoted, table or ""), spelled)


def _part(given: str, quoted: str | None, plain: str) -> Part:
    text = quoted.replace('""', '"') if quoted else plain.lower()
    if not is_table(f"{text}.{text}"):
        raise TableNameUnclear(given)
    return Part(text, is_pattern=quoted is None and bool(_WILD.search(text)))


def relations(connection: Connection) -> list[Relation]:
    """List the tables of the database that are somebody's, those of `public` first."""
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS)
        return [Relation(*found) for found in cursor.fetchall()]


def meant(asked: Sequence[Asked], known: Sequence[Relation]) -> list[Relation]:
    """Return what is meant, each table once: the tables of the catalogue in its order, then what it does not have."""
    names = {relation.name for relation in known}
    idle = [each for each in asked if not any(each.matches(name) for name in names)]
    spelled = {each.spelled for each in idle} & names
    chosen = [each for each in known if each.name in spelled or any(one.matches(each.name) for one in asked)]
    lacking = dict.fromkeys(each.text for each in idle if each.spelled not in names)
    return chosen + [Relation(name) for name in lacking]
