"""Read a view table: all of it by token ranges, or the rows of given keys, every value exact (values.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.metadata import ColumnMetadata, TableMetadata, protect_name
from cassandra.query import SimpleStatement

from penstock.cassandra.session import open_session
from penstock.cassandra.values import bindable, exact, selected
from penstock.config import Config
from penstock.errors import TerminalError

Row = dict[str, Any]
_FIRST_TOKEN, _LAST_TOKEN = -(2**63), 2**63 - 1
_RANGES = 16
_PAGE_ROWS = 2000
_PAGE_CELLS = 50_000
"""Cassandra ends a read that meets 100,000 tombstones (`tombstone_failure_threshold`), and each NULL may be one."""
_KEYS_AT_ONCE = 32
_LONGEST_KEY = 65_535


class ViewTableMissing(TerminalError):
    """There is no such table."""

    def __init__(self, keyspace: str, table: str) -> None:
        super().__init__(f"Cassandra has no table {keyspace}.{table}; `penstock up` creates it from schemas/cassandra")


class ViewTable:
    """One table of views.

    :raises ViewTableMissing: it does not exist.
    """

    def __init__(self, session: Session, *, keyspace: str, name: str) -> None:
        metadata = session.cluster.metadata.keyspaces.get(keyspace)
        if metadata is None or name not in metadata.tables:
            raise ViewTableMissing(keyspace, name)
        self._session = session
        self._table: TableMetadata = metadata.tables[name]
        self._columns = list(self._table.columns.values())
        self._named = f"{protect_name(keyspace)}.{protect_name(name)}"

    def scan(self) -> Iterator[Row]:
        """Read every row, range by range of the token ring, so that no single request spans the whole table."""
        return self._scan(self._columns)

    def _select(self, columns: Sequence[ColumnMetadata]) -> str:
        what = ", ".join(selected(column.cql_type, protect_name(column.name)) for column in columns)
        return f"SELECT {what} FROM {self._named}"  # noqa: S608 - quoted names

    def _scan(self, columns: Sequence[ColumnMetadata]) -> Iterator[Row]:
        select, page_rows = self._select(columns), max(1, min(_PAGE_ROWS, _PAGE_CELLS // len(columns)))
        token = f"token({', '.join(_names(self._table.partition_key))})"
        for after, until in token_ranges(_RANGES):
            lower = ">=" if after == _FIRST_TOKEN else ">"
            where = f"{token} {lower} {after} AND {token} <= {until}"
            found = self._session.execute(SimpleStatement(f"{select} WHERE {where}", fetch_size=page_rows))
            yield from (_exact(columns, row) for row in found)

    def pick(self, keys: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        """Read the rows of these keys; a key without a row gives none, nor does one that no row can have.

        :param keys: a value for each primary-key column; a uuid may be its text.
        """
        yield from self._pick(self._table.primary_key, keys)

    def pick_partitions(self, keys: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        """Read all rows of these partitions, one after the other, each in the order of its clustering.

        :param keys: a value for each column of the partition key; a uuid may be its text.
        """
        yield from self._pick(self._table.partition_key, keys)

    def _pick(self, columns: Sequence[ColumnMetadata], keys: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        prepared = self._session.prepare(f"{self._select(self._columns)} WHERE {_equal(columns)}")
        bound = [values for key in keys if self._can_hold(values := _bound(columns, key))]
        for _, rows in execute_concurrent_with_args(self._session, prepared, bound, concurrency=_KEYS_AT_ONCE):
            yield from (_exact(self._columns, row) for row in rows)

    def _can_hold(self, key: Sequence[Any]) -> bool:
        """Return whether a row can have that key: Cassandra refuses to look for another, and with it all others."""
        partition = [_size(value) for value in key[: len(self._table.partition_key)]]
        # Cassandra writes a partition key of several columns as one, with three bytes more for each.
        whole = partition[0] if len(partition) == 1 else sum(partition) + 3 * len(partition)
        return 0 < whole <= _LONGEST_KEY and sum(map(_size, key[len(partition) :])) <= _LONGEST_KEY

    def older_than(self, version: int) -> Iterator[Row]:
        """Read the key and `row_version` of every row that is below a version, or has none."""
        rows = self._scan([*self._table.primary_key, self._table.columns["row_version"]])
        return (row for row in rows if row["row_version"] is None or row["row_version"] < version)

    def insert(self, rows: Iterable[Row]) -> int:
        """Write whole rows, each with the timestamp that is its `row_version`.

        :returns: how many.
        """
        names, marks = ", ".join(_names(self._columns)), ", ".join("?" * len(self._columns))
        insert = f"INSERT INTO {self._named} ({names}) VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608 - quoted names
        return self._write(insert, [(*_bound(self._columns, row), row["row_version"]) for row in rows])

    def delete(self, rows: Iterable[Row], *, timestamp: int) -> int:
        """Delete rows as they were read, with that timestamp or, when it is higher, the one in their `row_version`.

        :returns: how many.
        """
        key = self._table.primary_key
        delete = f"DELETE FROM {self._named} USING TIMESTAMP ? WHERE {_equal(key)}"  # noqa: S608 - quoted names
        bound = [(max(timestamp, row["row_version"] or timestamp), *_bound(key, row)) for row in rows]
        return self._write(delete, bound)

    def _write(self, statement: str, bound: Sequence[tuple[Any, ...]]) -> int:
        prepared = self._session.prepare(statement)
        execute_concurrent_with_args(
            self._session, prepared, bound, concurrency=_KEYS_AT_ONCE, raise_on_first_error=True
        )
        return len(bound)


def empty_tables(config: Config, names: Collection[str]) -> frozenset[str]:
    """Return which of these tables, all of views, have no row."""
    if not names:
        return frozenset()
    keyspace = protect_name(config.names.keyspace)
    with open_session(config) as session:
        one_row = {name: f"SELECT * FROM {keyspace}.{protect_name(name)} LIMIT 1" for name in names}  # noqa: S608 - quoted
        return frozenset(name for name, select in one_row.items() if session.execute(select).one() is None)


def table_ids(session: Session, keyspace: str) -> dict[str, str]:
    """Return the id of each table of a keyspace: one that was dropped and made again has another."""
    rows = session.execute("SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
    return {row["table_name"]: str(row["id"]) for row in rows}


def _exact(columns: Sequence[ColumnMetadata], row: Row) -> Row:
    return {column.name: exact(column.cql_type, row[column.name]) for column in columns}


def _size(value: Any) -> int:
    """Return the bytes of a key's value; of one that is not text or bytes, which is short, any number."""
    match value:
        case str():
            return len(value.encode())
        case bytes() | bytearray():
            return len(value)
    return 1


def token_ranges(count: int) -> Iterator[tuple[int, int]]:
    """Split the ring of the Murmur3 partitioner into (after, until] ranges; the very first token is in the first."""
    width = (_LAST_TOKEN - _FIRST_TOKEN) // count
    starts = [_FIRST_TOKEN + number * width for number in range(count)]
    yield from zip(starts, [*starts[1:], _LAST_TOKEN], strict=True)


def _equal(columns: Sequence[ColumnMetadata]) -> str:
    return " AND ".join(f"{name} = ?" for name in _names(columns))


def _bound(columns: Sequence[ColumnMetadata], row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(bindable(column.cql_type, row[column.name]) for column in columns)


def _names(columns: Sequence[ColumnMetadata]) -> list[str]:
    return [protect_name(column.name) for column in columns]
