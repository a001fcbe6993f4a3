"""The actual side: the rows of a view as Cassandra holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cassandra.cluster import Session

from penstock.cassandra.table import ViewTable
from penstock.verify.model import Row, ViewShape


class CassandraRows:
    """A :class:`penstock.verify.model.RowSource` over one keyspace."""

    def __init__(self, session: Session, *, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace

    def scan(self, view: ViewShape) -> Iterator[Row]:
        """Return every row of the view's table."""
        return self._table(view).scan()

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of these keys."""
        return self._table(view).pick(keys)

    def _table(self, view: ViewShape) -> ViewTable:
        return ViewTable(self._session, keyspace=self._keyspace, name=view.name)
