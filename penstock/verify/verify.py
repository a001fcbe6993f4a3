"""Put the two sides of the comparison together: Postgres through Spark, and Cassandra."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.cassandra.session import open_session
from penstock.config import Config
from penstock.local_spark import local_spark
from penstock.verify.cassandra_rows import CassandraRows
from penstock.verify.check import DEFAULT_ATTEMPTS, verify_view
from penstock.verify.model import ViewResult
from penstock.verify.postgres_rows import PostgresRows
from penstock.verify.shape import read_shapes

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
        actual = CassandraRows(session, keyspace=config.cassandra.keyspace)
        return [verify_view(shape, expected=expected, actual=actual, attempts=attempts) for shape in shapes]
