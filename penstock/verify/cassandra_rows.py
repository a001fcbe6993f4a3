"""The actual side: the rows of a view as Cassandra holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cassandra.cluster import Session

from penstock.cassandra.session import our_errors
from penstock.cassandra.table import ViewTable
from penstock.project.shapes import ViewShape
from penstock.verify.model import OnAbsence, Row, ignore_absence


class CassandraRows:
    """A :class:`penstock.verify.model.RowSource` over one keyspace."""

    def __init__(self, session: Session, *, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace

    def scan(self, view: ViewShape, on_absence: OnAbsence = ignore_absence) -> Iterator[Row]:  # noqa: ARG002
        """Return every row of the view's table."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from self._table(view).scan()

    def pick(self, view: ViewShape, keys: Sequence[Row]) -> Iterator[Row]:
        """Return the rows of these keys."""
        with our_errors(f"{self._keyspace}.{view.name}"):
            yield from self._table(view).pick(keys)

    def _table(self, view: ViewShape) -> ViewTable:
        return ViewTable(self._session, keyspace=self._keyspace, name=view.name)
