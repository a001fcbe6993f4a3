"""The source connector's place in the WAL: what must hold of it before the connector files are applied."""

from __future__ import annotations

from contextlib import closing

import psycopg2

from penstock.config import Config
from penstock.connect.api import ConnectApi
from penstock.errors import TerminalError
from penstock.views.connector_lists import EPOCH, SLOT, SOURCE


class SlotGone(TerminalError):
    """The source's place in the WAL is lost, and with it whatever changed meanwhile."""

    def __init__(self) -> None:
        super().__init__(
            f"replication slot {SLOT} is gone, and with it the changes that the views have not seen; "
            "`penstock views rebuild` reads everything anew"
        )


class EpochFell(TerminalError):
    """The source's file is older than what runs: the records of a lower epoch would lose against those of before."""

    def __init__(self, live: int, written: int) -> None:
        super().__init__(
            f"the pipeline is in epoch {live}, but {SOURCE}.json says {EPOCH}={written}; write {live} there "
            "(`penstock views rebuild` had raised it; keep the file with your changes)"
        )


def has_slot(config: Config) -> bool:
    """Tell whether the replication slot is there."""
    with closing(psycopg2.connect(config.postgres.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", (SLOT,))
        return cursor.fetchone() is not None


def refuse_lost_place(api: ConnectApi, *, has_slot: bool, epoch: int) -> None:
    """Make sure that the source, if there is one, can go on from where it was.

    :param epoch: that of the connector's file.
    :raises SlotGone: it has read from a slot that is there no more.
    :raises EpochFell: its own epoch is a later one.
    """
    if SOURCE not in api.connectors():
        return
    if not has_slot and api.offsets(SOURCE):
        raise SlotGone
    if (live := int(api.config(SOURCE).get(EPOCH, 1))) > epoch:
        raise EpochFell(live, epoch)
