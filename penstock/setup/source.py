"""The source connector's place in the WAL: what must hold of it before the connector files are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.connect.files import ConnectorFile
from penstock.errors import TerminalError
from penstock.installation import Names
from penstock.postgres.connection import connect
from penstock.postgres.slot import read_own_slot
from penstock.project.connector_lists import EPOCH

PARTITIONER = "producer.override.partitioner.class"


class SlotGone(TerminalError):
    """The source's place in the WAL is lost, and with it whatever changed meanwhile."""

    def __init__(self, slot: str) -> None:
        super().__init__(
            f"replication slot {slot} is gone, and with it the changes that the views have not seen; "
            "`penstock views rebuild` reads everything again"
        )


class DatabaseFell(TerminalError):
    """The source has read further than the WAL goes: the database is an older copy of the one it has read."""

    def __init__(self, read: int, end: int) -> None:
        super().__init__(
            f"the source has read the WAL up to {_shown(read)}, but that of the database ends at {_shown(end)}: "
            "it was restored from an older copy; `penstock views rebuild` reads everything again"
        )


class EpochFell(TerminalError):
    """The record is older than what runs: the records of a lower epoch would lose against those of before."""

    def __init__(self, live: int, noted: int) -> None:
        super().__init__(
            f"the pipeline is in epoch {live}, but {noted} is noted in the database, which was restored from an older "
            "copy; `penstock views rebuild` reads everything again"
        )


class RowsWouldMove(TerminalError):
    """The source runs with another partitioner than its file says: changes of one row would lose their order."""

    def __init__(self, partitions: int) -> None:
        super().__init__(
            f"the source would choose among the {partitions} partitions of a topic otherwise than before, and the "
            "changes of a row would have no order; `penstock views rebuild` begins a new epoch with it"
        )


@dataclass(frozen=True)
class Wal:
    """What Postgres says of its WAL.

    :param has_slot: of this database: one that was put in the place of another has its own.
    :param end: the LSN at which it ends.
    """

    has_slot: bool
    end: int


def read_wal(config: Config) -> Wal:
    """Ask Postgres for the replication slot and for the end of its WAL."""
    with connect(config) as connection, connection.cursor() as cursor:
        has_slot = read_own_slot(connection) is not None
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        ((end,),) = cursor.fetchall()
    return Wal(has_slot, end)


def refuse_lost_place(api: ConnectApi, *, names: Names, read_wal: Callable[[], Wal], epoch: int) -> Wal:
    """Make sure that the source, if there is one, can go on from where it was; return what Postgres says of its WAL.

    :param names: of the installation.
    :param epoch: of the installation.
    :raises SlotGone: it has read from a slot that is there no more.
    :raises DatabaseFell: it has read what the database does not have.
    :raises EpochFell: it runs in a later one.
    """
    if names.source_connector not in api.connectors():
        return read_wal()
    offsets = api.offsets(names.source_connector)
    # The WAL's end after them: what the source reads meanwhile would lie behind an end of before.
    wal = read_wal()
    if not wal.has_slot and offsets:
        raise SlotGone(names.slot)
    if (read := _furthest(offsets)) > wal.end:
        raise DatabaseFell(read, wal.end)
    if (live := live_epoch(api, names.source_connector)) > epoch:
        raise EpochFell(live, epoch)
    return wal


def live_epoch(api: ConnectApi, source: str) -> int:
    """Return the epoch that the source has as it runs; 0 when there is none."""
    return int(api.config(source).get(EPOCH, 1)) if source in api.connectors() else 0


def refuse_moved_rows(api: ConnectApi, *, source: ConnectorFile, partitions: int) -> None:
    """Make sure that each row stays in its partition.

    :param source: the connector as it is going to be.
    :raises RowsWouldMove: before anything is applied.
    """
    if partitions == 1 or source.name not in api.connectors() or not api.offsets(source.name):
        return
    if api.config(source.name).get(PARTITIONER) != source.config.get(PARTITIONER):
        raise RowsWouldMove(partitions)


def _furthest(offsets: Iterable[dict[str, Any]]) -> int:
    """Return the LSN up to which a source has read, as Debezium keeps it in its offset."""
    return max((int(each["offset"].get("lsn", 0)) for each in offsets), default=0)


def _shown(lsn: int) -> str:
    """Write an LSN as Postgres does (https://www.postgresql.org/docs/18/datatype-pg-lsn.html)."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
