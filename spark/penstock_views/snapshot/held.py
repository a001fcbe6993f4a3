"""Reads one snapshot of Postgres and says of any transaction, later, whether the snapshot had seen it.

Logical decoding sends a transaction when its commit is in the log. A snapshot sees it when it has left the list of
running ones: a moment later, or with synchronous replication a long one. So neither a place in the log nor one in
Kafka divides what a snapshot holds from what it does not; only transaction ids do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import make_dsn
from pyspark.sql import Column
from pyspark.sql import functions as F

from penstock.errors import TransientError
from penstock.installation import Names
from penstock.names import quoted
from penstock.postgres.connection import PostgresUnreachable
from penstock.postgres.connection import open_connection as connection_of
from penstock.postgres.own import Connection, of_installation
from penstock.postgres.slot import read_slot
from penstock_views.snapshot.postgres import Postgres
from penstock_views.snapshot.seen import Snapshot

_SKEW_MS = timedelta(minutes=10) // timedelta(milliseconds=1)
"""How much the clocks of Postgres and of the source connector may differ."""

_XIDS = 2**32
# Everything in one statement: Postgres takes the snapshot first, so the log's end is one after every commit in it.
# pg_current_xact_id() takes a transaction id, which makes each run's number higher than those of all before.
_TAKE = """
SELECT pg_export_snapshot(), pg_snapshot_xmax(s), array(SELECT pg_snapshot_xip(s)::text::bigint),
       (pg_current_wal_insert_lsn() - '0/0')::bigint, pg_current_xact_id()
FROM pg_current_snapshot() s
"""
# A database or role may have its own patience with a session that only keeps its snapshot.
_STAYS = "-c idle_in_transaction_session_timeout=0"
_RUNNING = """
SELECT locks.transactionid::text::bigint,
       (extract(epoch FROM coalesce(activity.xact_start, prepared.prepared)) * 1000)::bigint
FROM pg_locks locks
LEFT JOIN pg_stat_activity activity ON activity.pid = locks.pid
LEFT JOIN pg_prepared_xacts prepared ON prepared.transaction = locks.transactionid
WHERE locks.locktype = 'transactionid' AND locks.granted AND locks.mode = 'ExclusiveLock'
"""
# A transaction lets go of its locks after it has left the list of running ones.
_OF_WRITERS = """
  AND EXISTS (
    SELECT FROM pg_locks held
    WHERE held.locktype = 'relation' AND held.virtualtransaction = locks.virtualtransaction
      AND held.mode NOT IN ('AccessShareLock', 'RowShareLock')
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (held.relation = %(table)s::regclass
        OR held.relation IN (SELECT relid FROM pg_partition_tree(%(table)s::regclass))))
"""


# No snapshot shows what TRUNCATE and a rewriting ALTER TABLE take away: both put another file in the place of the rows.
# https://www.postgresql.org/docs/18/mvcc-caveats.html
# LOCK takes no snapshot itself, so the one behind it has seen whatever it has waited for.
_LOCK = "SET LOCAL lock_timeout = '2s'; LOCK TABLE {} IN ACCESS SHARE MODE"


class TableInUse(TransientError):
    """Somebody empties or alters a table."""

    def __init__(self, table: str) -> None:
        super().__init__(f"a transaction of somebody else empties or alters {table}, and has not ended")


class SlotMissing(TransientError):
    """The replication slot is not there, or Postgres has not found yet from where it reads."""

    def __init__(self, slot: str) -> None:
        super().__init__(f"Postgres has no replication slot {slot} yet; `penstock up` starts what makes it")


def is_seen(snapshot: Snapshot, tx_id: Column, lsn: Column) -> Column:
    """Say whether a snapshot holds a change.

    :param tx_id: the transaction's id as the log has it: 32 bits, counted around.
    :param lsn: the place of the change itself. After the snapshot's it is unseen, whatever its id. Before it, its id is
        near enough to the snapshot's (less than 2^31 away) to say on which side of a full circle it is.
    """
    half = F.lit(_XIDS // 2)
    distance = F.pmod(tx_id - F.lit(snapshot.xmax % _XIDS) + half, F.lit(_XIDS)) - half
    full = F.lit(snapshot.xmax) + distance
    return (lsn <= snapshot.lsn) & (distance < 0) & ~full.isin(list(snapshot.running))


@dataclass(frozen=True)
class HeldSnapshot:
    """A snapshot that its open transaction keeps readable.

    :param name: for other sessions to read by.
    :param number: a number above that of every snapshot taken before in this cluster.
    :param began: of each transaction that ran when the snapshot was prepared, the low 32 bits of its id and its start.
        That is in milliseconds after 1970 (None: the role may not see it).
    """

    seen: Snapshot
    name: str
    number: int
    began: dict[int, int | None]

    def straddlers(self) -> list[int | None]:
        """Say when those transactions began that ran from before the snapshot was prepared until it was taken.

        One of them may have had its commit in the log already then, and so in Kafka.
        """
        return [self.began[xid] for xid in self.straddling]

    @property
    def straddled_since_ms(self) -> int | None:
        """From when on their changes can be in Kafka, in milliseconds after 1970.

        :returns: None when there are none; 0 when nobody knows of one when it began.
        """
        began = self.straddlers()
        known = [since for since in began if since is not None]
        if not began:
            return None
        return min(known) - _SKEW_MS if len(known) == len(began) else 0

    @property
    def straddling(self) -> list[int]:
        """The low 32 bits of the ids of those transactions, as the log has them."""
        running = {xid % _XIDS for xid in self.seen.running}
        # The last ones that began are from xmax on: it is the one behind the last that has ended.
        return [xid for xid in self.began if xid in running or (xid - self.seen.xmax) % _XIDS < _XIDS // 2]


@contextmanager
def hold_snapshot(
    postgres: Postgres, *, slot: str = "", table: str = "", locked: bool = False
) -> Iterator[HeldSnapshot]:
    """Take a snapshot and keep it readable for the time of the block.

    :param slot: a replication slot that must read from a place before the snapshot; empty when none is needed.
    :param table: the one whose rows matter: of running transactions only those that write to it are named; else of all.
    :param locked: TRUNCATE and ALTER TABLE of the table wait for the end of the block.
    :raises PostgresUnreachable: when Postgres does not answer.
    :raises SlotMissing: when the slot is not there.
    :raises TableInUse: when one of them is under way.
    """
    with open_connection(postgres, Names()) as connection:
        if slot:
            _refuse_missing(connection, slot)
        yield _take(connection, postgres, table, locked=locked)


@contextmanager
def open_connection(postgres: Postgres, names: Names) -> Iterator[Connection]:
    """Open a connection that may be idle, closed with the block.

    :raises PostgresUnreachable: when Postgres does not answer.
    """
    connection = connection_of(_dsn(postgres), options=_STAYS, connection_factory=of_installation(names))
    with closing(connection):
        yield connection


def _dsn(postgres: Postgres) -> str:
    return make_dsn(
        host=postgres.host,
        port=postgres.port,
        dbname=postgres.database,
        user=postgres.user,
        password=postgres.password or None,
        **postgres.tls,
    )


def _refuse_missing(connection: psycopg2.extensions.connection, slot: str) -> None:
    found = read_slot(connection, slot)
    connection.rollback()
    # A slot without a confirmed place is still being made, and may begin behind a snapshot that is taken now.
    if found is None or found.lsn is None:
        raise SlotMissing(slot)


def _take(connection: psycopg2.extensions.connection, postgres: Postgres, table: str, *, locked: bool) -> HeldSnapshot:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_RUNNING + (_OF_WRITERS if table else ""), {"table": quoted(table)} if table else None)
            began: dict[int, int | None] = dict(cursor.fetchall())
            connection.rollback()
            connection.set_session(isolation_level="REPEATABLE READ")
            if locked:
                cursor.execute(_LOCK.format(quoted(table)))
            cursor.execute(_TAKE)
            (row,) = cursor.fetchall()
    except LockNotAvailable as exc:
        raise TableInUse(table) from exc
    except psycopg2.OperationalError as exc:
        raise PostgresUnreachable(_dsn(postgres), exc) from exc
    name, xmax, running, lsn, number = row
    return HeldSnapshot(Snapshot(int(xmax), tuple(map(int, running)), lsn), name, int(number), began)
