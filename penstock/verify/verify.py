"""Put the two sides of the comparison together: Postgres through Spark, and Cassandra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cassandra.cluster import Session
from penstock_views.declare import History

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.verify.cassandra_rows import CassandraRows
from penstock.verify.check import DEFAULT_ATTEMPTS, verify_view
from penstock.verify.history import HistoryRows, history_shape
from penstock.verify.last import keep_results
from penstock.verify.model import RowSource, ViewResult, ViewShape
from penstock.verify.postgres_rows import PostgresRows
from penstock.verify.shape import read_shapes
from penstock.views.load import views_of

_NAME = "verify-spark"


def verify(config: Config, views: Sequence[str] = (), *, attempts: int = DEFAULT_ATTEMPTS) -> list[ViewResult]:
    """Compare the named views, or all, row by row and column by column.

    :param attempts: how often rows that differ are read again before the difference counts.
    :raises ViewUnknown: a name has no contract.
    :raises CassandraUnreachable: Cassandra is away.
    """
    shapes = read_shapes(config, views)
    with open_session(config) as session, local_spark(config, name=_NAME) as spark:
        expected = PostgresRows(spark, config=config)
        results = [
            verify_view(shape, expected=expected, actual=actual, attempts=attempts)
            for shape, actual in _sides(session, config, shapes)
        ]
    keep_results(config, results)
    return results


def _sides(session: Session, config: Config, shapes: Sequence[ViewShape]) -> Iterator[tuple[ViewShape, RowSource]]:
    """Say for each view in which shape it is compared, and who reads Cassandra's side."""
    keyspace = config.cassandra.keyspace
    rows, entries = CassandraRows(session, keyspace=keyspace), HistoryRows(session, keyspace=keyspace)
    histories = {view.name: view for view in views_of(config) if isinstance(view, History)}
    for shape in shapes:
        if shape.name in histories:
            yield history_shape(shape.name, histories[shape.name].key), entries
        else:
            yield shape, rows
