"""Connections to Postgres: the one place that opens them, with their time limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from penstock.config import Config
from penstock.errors import TransientError
from penstock.pinned import PINNED
from penstock.postgres.own import Connection, of_installation


class PostgresUnreachable(TransientError):
    """Postgres does not answer."""

    def __init__(self, config: Config, cause: str) -> None:
        section = config.postgres
        super().__init__(
            f"Postgres does not answer at {section.host}:{section.port} ({cause}); is it running? "
            "`penstock status` tells"
        )


@contextmanager
def connect(config: Config, *, database: str | None = None) -> Iterator[Connection]:
    """Open a connection to the source database, closed with the block.

    :param database: another one of the same server.
    :raises PostgresUnreachable: when nobody answers.
    """
    try:
        dsn = config.postgres.dsn_of(database or config.postgres.database)
        connection = psycopg2.connect(
            dsn, connect_timeout=5, options=PINNED, connection_factory=of_installation(config.names, config.excluded)
        )
    except psycopg2.OperationalError as exc:
        raise PostgresUnreachable(config, str(exc).strip().splitlines()[0]) from exc
    with closing(connection):
        yield connection
