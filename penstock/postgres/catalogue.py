"""Catalogue of the source tables as Postgres has it: columns, primary key, replica identity."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock_views.types.canonical import UNUSABLE, is_usable
from penstock_views.types.live_columns import ColumnRow, columns_query, field_of
from penstock_views.types.tables import Table, excluding
from pyspark.sql import types as T

from penstock.errors import TerminalError
from penstock.excluded import WHY
from penstock.names import case_twins
from penstock.postgres.own import Connection
from penstock.postgres.unfit import Unfit, unfit

_MICROS = re.compile(r"timestamp(?!\([0-3]\))")

_RELATION = """
    SELECT c.oid, c.relkind, EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attgenerated = 's')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
# What a key INCLUDEs is in its index, behind the key's own columns.
_PRIMARY_KEY = """
    SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attnum = k.attnum
    WHERE i.indrelid = %s AND i.indisprimary AND a.attrelid = i.indrelid AND k.place <= i.indnkeyatts ORDER BY k.place
"""
# A plain table is its own and only leaf.
_NOT_FULL = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relreplident <> 'f' AND (c.oid = %s OR c.oid IN (SELECT relid FROM pg_partition_tree(%s)))
    ORDER BY 1
"""


class TableMissing(TerminalError):
    """There is no such table in the database."""

    def __init__(self, table: str, database: str) -> None:
        super().__init__(
            f"table {table}: database {database} has none of that name; "
            "write schema.table as the catalogue spells it, without quotes"
        )


_SHOWN = 3


def listed(parts: Sequence[str]) -> str:
    """List parts of a table for people: it may have thousands of partitions."""
    shown, more = ", ".join(parts[:_SHOWN]), len(parts) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


@dataclass(frozen=True)
class LiveTable:
    """A table of the database.

    :param table: the columns that the stream carries, and the primary key.
    :param left_out: the columns that no view can use, each with the reason.
    :param not_full: the table's parts that lack REPLICA IDENTITY FULL.
    :param unfit: why no view can follow it; mostly nothing.
    :param micros: the columns of timestamps, or of arrays of them, that hold microseconds.
    :param has_generated: whether some columns are generated and STORED.
    """

    table: Table
    kind: str
    left_out: dict[str, str]
    not_full: tuple[str, ...]
    unfit: tuple[Unfit, ...] = ()
    micros: frozenset[str] = frozenset()
    has_generated: bool = False

    @property
    def lacking(self) -> str:
        """The parts of `not_full` for people."""
        return listed(self.not_full)

    @property
    def is_partitioned(self) -> bool:
        """Return whether the rows lie in partitions."""
        return self.kind == "p"


def read_live_table(connection: Connection, name: str) -> LiveTable:
    """Read what the catalogue says of a table.

    :param name: `schema.table`, without quotes.
    :raises TableMissing: there is none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RELATION, name.split(".", 1))
        found = cursor.fetchone()
        if found is None:
            raise TableMissing(name, connection.info.dbname)
        oid, kind, has_generated = found
        columns = read_columns(connection, name)
        fields, left_out = _usable(columns)
        cursor.execute(_PRIMARY_KEY, (oid,))
        key = tuple(column for (column,) in cursor.fetchall())
        cursor.execute(_NOT_FULL, (oid, oid))
        not_full = tuple(part for (part,) in cursor.fetchall())
    excluded = connection.excluded.of(name)
    table = excluding(Table(name, T.StructType(fields), key), excluded)
    left_out |= dict.fromkeys(sorted(excluded), WHY)
    misfits = (*unfit(connection, oid, ours=connection.names.publication), *_unfit_columns(name, columns))
    return LiveTable(table, kind, left_out, not_full, misfits, _with_micros(columns), has_generated)


def read_columns(connection: Connection, name: str) -> list[ColumnRow]:
    """Read what `columns_query` returns of a table that exists."""
    with connection.cursor() as cursor:
        cursor.execute(columns_query(name))
        return list(cursor.fetchall())


def _with_micros(columns: list[ColumnRow]) -> frozenset[str]:
    return frozenset(name for _, name, sql_type, *_ in columns if _MICROS.match(sql_type))


def _unfit_columns(table: str, columns: list[ColumnRow]) -> Iterator[Unfit]:
    """Say for which columns no view can follow a table."""
    if twins := case_twins(name for _, name, *_ in columns):
        listed = ", ".join(f'"{column}"' for column in twins)
        yield Unfit(f"{table} has columns that differ in case only, which Debezium refuses: {listed}", "rename one")
    for _, name, _, is_domain, enum, _, in_key in columns:
        if in_key and is_domain and enum:
            what = "is a domain over an enum, which Postgres compares with no value that comes from outside"
            yield Unfit(f"{table} cannot be filled: {name} of its primary key {what}", "ALTER it to the enum")


def _usable(columns: list[ColumnRow]) -> tuple[list[T.StructField], dict[str, str]]:
    """Name the canonical fields, also those that no view can use, which say so; and why those are left out."""
    fields, left_out = [], {}
    for _, name, sql_type, is_domain, enum, is_generated, _ in sorted(columns):
        field = field_of(name, sql_type, enum=enum, is_domain=is_domain)
        if is_generated:
            left_out[name] = "a generated column that is not published; compute it in the view"
            continue
        fields.append(field)
        if not is_usable(field):
            left_out[name] = field.metadata[UNUSABLE]
    return fields, left_out
