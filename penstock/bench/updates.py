"""Updates that change nothing, one a transaction, at a steady rate: each is a change event, and no value moves.

A history gets an entry for each; nothing is left behind otherwise.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.postgres.catalogue import read_live_table
from penstock.postgres.connection import PostgresUnreachable, connect, open_connection
from penstock.postgres.own import Connection

_WRITERS = 4
_KEYS = 10_000
# Prepared, as an application would: to parse and plan it each time was a third of what it took of the processors.
_PREPARE = "PREPARE {} AS UPDATE {} SET {} = {} WHERE {} RETURNING pg_current_xact_id()::text::bigint"
# Debezium's `txId` is the number of the transaction without its epoch.
_XIDS = 2**32


class NothingToUpdate(TerminalError):
    """A benchmark needs rows."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(f"no row in {', '.join(tables)}: `penstock load` brings some")


@dataclass(frozen=True)
class _Target:
    """Rows of a table and the statements that update one."""

    prepare: str
    execute: str
    """With a placeholder for each column of the key."""
    keys: Sequence[tuple[Any, ...]]


class WriterFailed(TerminalError):
    """Postgres took an update no more: then no figure counts."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"an update failed: {str(error).strip()}; `penstock status` shows more")


class Updates:
    """Writers that share a rate; `sent` says when each transaction was handed to Postgres.

    :raises NothingToUpdate: when the tables have no rows.
    """

    def __init__(self, config: Config, *, tables: Sequence[str], rate: int, seconds: int) -> None:
        self._dsn = config.postgres.dsn
        self._rate, self._count = rate, rate * seconds
        self._targets = _read_targets(config, tables)
        self._next = itertools.count()
        self.sent: list[tuple[int, float]] = []
        """Each transaction, as Debezium numbers it, with seconds of the monotonic clock; it only grows."""
        self._threads = [threading.Thread(target=self._write, args=(seed,), daemon=True) for seed in range(_WRITERS)]
        self._started = 0.0
        self._failure: Exception | None = None

    def start(self) -> None:
        """Begin to write."""
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()

    @property
    def is_running(self) -> bool:
        """Return whether a writer is still at it.

        :raises WriterFailed: when one could not go on.
        """
        if self._failure is not None:
            raise WriterFailed(self._failure)
        return any(thread.is_alive() for thread in self._threads)

    def _write(self, seed: int) -> None:
        try:
            self._update(seed)
        except (psycopg2.Error, PostgresUnreachable) as error:
            self._failure = error

    def _update(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - which row is no secret
        connection = open_connection(self._dsn)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for target in self._targets:
                    cursor.execute(target.prepare)
                while (number := next(self._next)) < self._count:
                    target = self._targets[number % len(self._targets)]
                    key = chance.choice(target.keys)
                    time.sleep(max(0.0, self._started + number / self._rate - time.monotonic()))
                    at = time.monotonic()
                    cursor.execute(target.execute, key)
                    # A row that somebody has deleted meanwhile is no change.
                    self.sent.extend((transaction % _XIDS, at) for (transaction,) in cursor.fetchall())
        finally:
            connection.close()


def _read_targets(config: Config, tables: Sequence[str]) -> list[_Target]:
    """Read rows of each table; one without rows is left out."""
    with connect(config) as connection:
        found = [_target_of(connection, f"update_{number}", table) for number, table in enumerate(tables)]
    targets = [target for target in found if target.keys]
    if not targets:
        raise NothingToUpdate(tables)
    return targets


def _target_of(connection: Connection, statement: str, table: str) -> _Target:
    key = read_live_table(connection, table).table.primary_key
    columns, name = list(map(sql.Identifier, key)), sql.Identifier(*table.split(".", 1))
    numbered = [sql.SQL("{} = ${}").format(column, sql.Literal(at)) for at, column in enumerate(columns, 1)]
    where = sql.SQL(" AND ").join(numbered)
    prepare = sql.SQL(_PREPARE).format(sql.Identifier(statement), name, columns[0], columns[0], where)
    execute = f"EXECUTE {statement} ({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {} LIMIT %s").format(sql.SQL(", ").join(columns), name), (_KEYS,))
        return _Target(prepare.as_string(connection), execute, cursor.fetchall())
