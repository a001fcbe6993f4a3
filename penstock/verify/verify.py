"""Put the two sides of the comparison together: Postgres through Spark, and Cassandra."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cassandra.cluster import Session
from penstock_views.declare import History
from penstock_views.load import load_views
from penstock_views.session import local_session
from pyspark.sql import SparkSession

from penstock.cassandra.session import open_session
from penstock.config import ROOT, Config
from penstock.stack.layout import Layout
from penstock.verify.cassandra_rows import CassandraRows
from penstock.verify.check import DEFAULT_ATTEMPTS, verify_view
from penstock.verify.history import HistoryRows, history_shape
from penstock.verify.model import RowSource, ViewResult, ViewShape
from penstock.verify.postgres_rows import PostgresRows
from penstock.verify.shape import read_shapes

_NAME = "verify-spark"


def verify(config: Config, views: Sequence[str] = (), *, attempts: int = DEFAULT_ATTEMPTS) -> list[ViewResult]:
    """Compare the named views, or all, row by row and column by column.

    :param attempts: how often rows that differ are read again before the difference counts.
    :raises ViewUnknown: a name has no contract.
    :raises CassandraUnreachable: Cassandra is away.
    """
    shapes = read_shapes(views)
    with open_session(config) as session, _spark(config) as spark:
        expected = PostgresRows(spark, config=config)
        return [
            verify_view(shape, expected=expected, actual=actual, attempts=attempts)
            for shape, actual in _sides(session, config, shapes)
        ]


def _sides(session: Session, config: Config, shapes: Sequence[ViewShape]) -> Iterator[tuple[ViewShape, RowSource]]:
    """Say for each view in which shape it is compared, and who reads Cassandra's side."""
    keyspace = config.cassandra.keyspace
    rows, entries = CassandraRows(session, keyspace=keyspace), HistoryRows(session, keyspace=keyspace)
    histories = {view.name: view for view in load_views(ROOT / "spark" / "views") if isinstance(view, History)}
    for shape in shapes:
        if shape.name in histories:
            yield history_shape(shape.name, histories[shape.name].key), entries
        else:
            yield shape, rows


@contextmanager
def _spark(config: Config) -> Iterator[SparkSession]:
    layout = Layout.of(config)
    layout.temporary(_NAME).mkdir(parents=True, exist_ok=True)
    os.environ.update(layout.temporary_environment(_NAME))  # what Spark's JVM inherits
    with _stderr_to(layout.log(_NAME)):
        spark = local_session()
    try:
        yield spark
    finally:
        spark.stop()


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Let a child process that starts here write its chatter into a file; Spark's JVM inherits our stderr for good."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
