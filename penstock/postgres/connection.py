"""Connections to Postgres, with their time limits; `penstock psql` alone opens one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from penstock.errors import TerminalError, Unreachable, first_line
from penstock.pinned import PINNED
from penstock.postgres.own import Connection, of_installation

if TYPE_CHECKING:
    from penstock.config import Config  # the jobs of Spark have a configuration of their own

CONSOLE = "penstock-console"
"""The name that the sessions of the control center show in pg_stat_activity."""


class PostgresUnreachable(Unreachable):
    """Postgres does not answer."""

    def __init__(self, dsn: str, cause: Exception) -> None:
        place, said = parse_dsn(dsn), first_line(cause)
        super().__init__(f"Postgres does not answer at {place['host']}:{place['port']} ({said})")


class RightMissing(TerminalError):
    """A role lacks a right."""

    def __init__(self, role: str, cause: psycopg2.errors.InsufficientPrivilege) -> None:
        super().__init__(f"role {role}: {first_line(cause)}{cure_of(cause)}")


def cure_of(error: psycopg2.Error) -> str:
    """Return what to append to Postgres' own words where a right is missing."""
    is_right = isinstance(error, psycopg2.errors.InsufficientPrivilege)
    return "; `penstock doctor` names the cure" if is_right else ""


@dataclass(frozen=True)
class Limits:
    """How long a client waits, in seconds.

    :param connect_s: for a connection.
    :param answer_s: for the answer to a statement; None for as long as it takes.
    """

    connect_s: int
    answer_s: int | None = None

    @property
    def options(self) -> str:
        """What the session is given."""
        return "" if self.answer_s is None else f"-c statement_timeout={self.answer_s}s"


WORK = Limits(connect_s=5)
"""Of commands: a statement may wait for a lock, or read a whole table."""

LOOK = Limits(connect_s=2, answer_s=2)
"""Of the control center and of health checks: they have to say soon that Postgres is silent."""


@contextmanager
def connect(config: Config, *, database: str | None = None) -> Iterator[Connection]:
    """Open a connection to the source database, closed with the block.

    :param database: another one of the same server.
    :raises PostgresUnreachable: when it does not answer, or goes away within the block.
    :raises RightMissing: for a statement that the role may not run.
    """
    dsn = config.database.dsn_of(database or config.database.database)
    readers = (config.reading.database.user, config.replicating.database.user)
    own = of_installation(config.names, config.excluded, config.hashed, readers)
    connection = open_connection(dsn, options=PINNED, connection_factory=own)
    with closing(connection):
        try:
            yield connection
        except psycopg2.errors.InsufficientPrivilege as exc:
            raise RightMissing(config.database.user, exc) from exc
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as exc:
            if not connection.closed:
                raise  # it answers: what it says is about the statement
            raise PostgresUnreachable(dsn, exc) from exc


def open_connection(dsn: str, *, limits: Limits = WORK, options: str = "", **more: Any) -> Any:
    """Open a connection, which the caller closes.

    :param options: settings of the session, as libpq's `options` takes them.
    :param more: further arguments of psycopg2.
    :raises PostgresUnreachable: when nobody answers.
    """
    given = f"{options} {limits.options}".strip()
    try:
        return psycopg2.connect(dsn, connect_timeout=limits.connect_s, options=given, **more)
    except psycopg2.OperationalError as exc:
        raise PostgresUnreachable(dsn, exc) from exc


def has_run(connection: Connection, *statements: str) -> bool:
    """Run statements in a transaction of their own; False when somebody else holds what they lock."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            for statement in statements:
                cursor.execute(sql.SQL(statement))
    except psycopg2.errors.LockNotAvailable:
        return False
    return True
