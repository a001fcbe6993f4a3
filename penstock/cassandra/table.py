"""Read a view table: all of it by token ranges, or the rows of given keys, every value exact.

text -> str, uuid -> UUID, date -> cassandra.util.Date, timestamp -> datetime in UTC, decimal -> Decimal with its scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.metadata import ColumnMetadata, TableMetadata, protect_name
from cassandra.query import SimpleStatement

from penstock.errors import TerminalError

Row = dict[str, Any]
_FIRST_TOKEN, _LAST_TOKEN = -(2**63), 2**63 - 1
_RANGES = 16
_PAGE_ROWS = 2000
_KEYS_AT_ONCE = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TableUnknown(TerminalError):
    """There is no such table."""

    def __init__(self, keyspace: str, table: str) -> None:
        super().__init__(f"Cassandra has no table {keyspace}.{table}; `penstock up` creates it from schemas/cassandra")


class ViewTable:
    """One table of views.

    :raises TableUnknown: it does not exist.
    """

    def __init__(self, session: Session, *, keyspace: str, name: str) -> None:
        metadata = session.cluster.metadata.keyspaces.get(keyspace)
        if metadata is None or name not in metadata.tables:
            raise TableUnknown(keyspace, name)
        self._session = session
        self._table: TableMetadata = metadata.tables[name]
        self._columns = list(self._table.columns.values())
        selected = ", ".join(_selected(column) for column in self._columns)
        self._select = f"SELECT {selected} FROM {protect_name(keyspace)}.{protect_name(name)}"  # noqa: S608 - quoted names

    def scan(self) -> Iterator[Row]:
        """Read every row, range by range of the token ring, so that no single request spans the whole table."""
        token = f"token({', '.join(_names(self._table.partition_key))})"
        for after, until in token_ranges(_RANGES):
            lower = ">=" if after == _FIRST_TOKEN else ">"
            where = f"{token} {lower} {after} AND {token} <= {until}"
            found = self._session.execute(SimpleStatement(f"{self._select} WHERE {where}", fetch_size=_PAGE_ROWS))
            yield from map(self._exact, found)

    def pick(self, keys: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        """Read the rows of these keys; a key without a row gives none.

        :param keys: a value for each primary-key column; a uuid may be its text.
        """
        columns = self._table.primary_key
        where = " AND ".join(f"{name} = ?" for name in _names(columns))
        prepared = self._session.prepare(f"{self._select} WHERE {where}")
        bound = [tuple(_bindable(column.cql_type, key[column.name]) for column in columns) for key in keys]
        for _, rows in execute_concurrent_with_args(self._session, prepared, bound, concurrency=_KEYS_AT_ONCE):
            yield from map(self._exact, rows)

    def delete(self, rows: Iterable[Row]) -> int:
        """Delete rows as they were read, each with the timestamp in its `row_version`: newer writes outlive that.

        :returns: how many.
        """
        columns = self._table.primary_key
        where = " AND ".join(f"{name} = ?" for name in _names(columns))
        table = f"{protect_name(self._table.keyspace_name)}.{protect_name(self._table.name)}"
        prepared = self._session.prepare(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {where}")  # noqa: S608
        bound = [
            (row["row_version"], *(_bindable(column.cql_type, row[column.name]) for column in columns)) for row in rows
        ]
        execute_concurrent_with_args(self._session, prepared, bound, concurrency=_KEYS_AT_ONCE)
        return len(bound)

    def _exact(self, row: Row) -> Row:
        times = (column.name for column in self._columns if column.cql_type == "timestamp")
        return row | {name: _EPOCH + timedelta(milliseconds=row[name]) for name in times if row[name] is not None}


def token_ranges(count: int) -> Iterator[tuple[int, int]]:
    """Split the ring of the Murmur3 partitioner into (after, until] ranges; the very first token is in the first."""
    width = (_LAST_TOKEN - _FIRST_TOKEN) // count
    starts = [_FIRST_TOKEN + number * width for number in range(count)]
    yield from zip(starts, [*starts[1:], _LAST_TOKEN], strict=True)


def _selected(column: ColumnMetadata) -> str:
    name = protect_name(column.name)
    # The driver turns milliseconds into seconds as a float, which is a microsecond off now and then.
    return f"toUnixTimestamp({name}) AS {name}" if column.cql_type == "timestamp" else name


def _names(columns: Sequence[ColumnMetadata]) -> list[str]:
    return [protect_name(column.name) for column in columns]


def _bindable(cql_type: str, value: Any) -> Any:
    """Turn a key's value into what the driver binds exactly."""
    match cql_type:
        case "uuid":
            return UUID(str(value))
        case "timestamp":
            return (value - _EPOCH) // timedelta(milliseconds=1)
    return value
