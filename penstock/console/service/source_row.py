"""One row of a source table, by a key as a person writes it: what Postgres holds, and how Postgres writes the key."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2 import sql

from penstock.console.plain import plain
from penstock.errors import TerminalError, first_line
from penstock.excluded import NONE, Excluded
from penstock.hashed import NOT_HASHED, Hashed, hash_sql
from penstock.keys.types import column_types
from penstock.keys.values import castable, postgres_text
from penstock.pinned import PINNED
from penstock.postgres.connection import CONSOLE, LOOK, PostgresUnreachable, open_connection

_OPTIONS = f"{PINNED} -c timezone=UTC"


class ValueUnfit(TerminalError):
    """A value of a key is none of its column's type."""


@dataclass(frozen=True)
class SourceRow:
    """The row in Postgres: `value` None = there is none; `problem` when nobody knows.

    :param key: its primary key, each value as Postgres writes it.
    :param types: of every column; of the key's only, when Postgres is away.
    """

    key: Mapping[str, str]
    types: Mapping[str, str]
    value: dict[str, Any] | None = None
    transaction: str | None = None
    problem: str | None = None


def read_source_row(
    dsn: str,
    table: str,
    key: Mapping[str, str],
    *,
    types: Mapping[str, str],
    excluded: Excluded = NONE,
    hashed: Hashed = NOT_HASHED,
) -> SourceRow:
    """Read a row.

    :param table: `schema.table`.
    :param types: of the key's columns, as they were last seen.
    :param excluded: the columns that are not read.
    :param hashed: the columns that are read as hashes.
    :raises ValueUnfit: with Postgres' word for it.
    """
    try:
        with closing(_open(dsn, hashed)) as connection, connection.cursor() as cursor:
            left_out = excluded.of(table)
            types = {name: each for name, each in column_types(cursor, table).items() if name not in left_out}
            key = _as_written(cursor, types, key)
            return SourceRow(key, types, *_read(cursor, table, types, key, hashed.of(table)))
    except psycopg2.DataError as exc:
        raise ValueUnfit(first_line(exc)) from exc
    except (psycopg2.Error, PostgresUnreachable) as exc:
        return SourceRow(key, types, problem=first_line(exc))


def _open(dsn: str, hashed: Hashed) -> Any:
    return open_connection(dsn, limits=LOOK, options=_OPTIONS + hashed.session, application_name=CONSOLE)


def _as_written(cursor: Any, types: Mapping[str, str], key: Mapping[str, str]) -> dict[str, str]:
    """Let Postgres write each value of a key in its own way: `T` is the boolean `t`, a uuid has small letters."""
    values = sql.SQL(", ").join(sql.SQL("format('%s', {})").format(_cast(types, *each)) for each in key.items())
    cursor.execute(sql.SQL("SELECT {}").format(values))
    written = zip(key, cursor.fetchone(), strict=True)
    return {name: postgres_text(types.get(name, ""), value) for name, value in written}


def _cast(types: Mapping[str, str], name: str, value: str) -> sql.Composable:
    # The catalogue wrote the type's name, in quotes where it needs them.
    sql_type = castable(types.get(name, "text"))
    return sql.SQL("CAST({} AS {})").format(sql.Literal(value), sql.SQL(sql_type))


def _column(name: str, *, is_hashed: bool) -> sql.Composable:
    column = sql.Identifier("t", name)
    if not is_hashed:
        return column
    return sql.SQL(f"{hash_sql('{column}')} AS {{name}}").format(column=column, name=sql.Identifier(name))


def _read(
    cursor: Any, table: str, types: Mapping[str, str], key: Mapping[str, str], hashed: Collection[str]
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the row, and the transaction that wrote it last."""
    equal = (sql.SQL("t.{} = {}").format(sql.Identifier(each[0]), _cast(types, *each)) for each in key.items())
    columns = (_column(name, is_hashed=name in hashed) for name in types)
    # r.* is the row even where a column is named r.
    query = sql.SQL(
        "SELECT t.xmin::text, row_to_json(r.*)::text FROM {} t CROSS JOIN LATERAL (SELECT {}) r WHERE {}"
    ).format(sql.Identifier(*table.split(".", 1)), sql.SQL(", ").join(columns), sql.SQL(" AND ").join(equal))
    cursor.execute(query)
    found = cursor.fetchone()
    return (None, None) if found is None else (plain(json.loads(found[1], parse_float=Decimal)), found[0])
