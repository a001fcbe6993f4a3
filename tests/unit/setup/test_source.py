"""The source goes on only from a place that the database has."""

from __future__ import annotations

import itertools
from typing import Any, cast

import pytest

from penstock.connect.api import ConnectApi
from penstock.connect.files import ConnectorFile
from penstock.errors import PenstockError
from penstock.project.connector_lists import EPOCH
from penstock.setup.source import (
    PARTITIONER,
    DatabaseFell,
    EpochFell,
    RowsWouldMove,
    SlotGone,
    Wal,
    refuse_lost_place,
    refuse_moved_rows,
)
from tests.names import OURS, SOURCE

END = 0x1_0000_0010


class Known:
    """What Connect knows of the source, in place of its REST interface."""

    def __init__(
        self, *, lsn: int | None, epoch: str = "1", exists: bool = True, partitioner: str | None = None
    ) -> None:
        self._lsn, self._epoch, self._exists = lsn, epoch, exists
        self._partitioner = {PARTITIONER: partitioner} if partitioner else {}

    def connectors(self) -> dict[str, None]:
        return {SOURCE: None} if self._exists else {}

    def offsets(self, _: str) -> tuple[dict[str, Any], ...]:
        return () if self._lsn is None else ({"partition": {"server": "app"}, "offset": {"lsn": self._lsn}},)

    def config(self, _: str) -> dict[str, str]:
        return {EPOCH: self._epoch, **self._partitioner}


def refuse(known: Known, wal: Wal, epoch: int = 1) -> None:
    assert refuse_lost_place(cast("ConnectApi", known), names=OURS, read_wal=lambda: wal, epoch=epoch) == wal


@pytest.mark.parametrize(
    ("known", "has_slot"),
    [
        (Known(lsn=None, exists=False), False),
        (Known(lsn=None), False),
        (Known(lsn=None), True),
        (Known(lsn=END), True),
        (Known(lsn=1), True),
    ],
)
def test_a_place_that_is_there_is_taken(known: Known, has_slot: bool) -> None:
    refuse(known, Wal(has_slot, END))


@pytest.mark.parametrize(
    ("known", "has_slot", "error", "said"),
    [
        (Known(lsn=END), False, SlotGone, "replication slot penstock is gone"),
        (Known(lsn=END + 1), True, DatabaseFell, "up to 1/11, but that of the database ends at 1/10"),
        (Known(lsn=END, epoch="2"), True, EpochFell, "the pipeline is in epoch 2"),
    ],
)
def test_a_place_that_is_lost_is_refused_with_the_cure(
    known: Known, has_slot: bool, error: type[PenstockError], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        refuse(known, Wal(has_slot, END))
    assert "penstock views rebuild" in str(raised.value)


def test_what_the_source_reads_while_both_are_asked_is_no_older_copy() -> None:
    ends = itertools.count(END)

    class Reading(Known):
        def offsets(self, _: str) -> tuple[dict[str, Any], ...]:
            return ({"offset": {"lsn": next(ends)}},)

    reading = cast("ConnectApi", Reading(lsn=END))
    refuse_lost_place(reading, names=OURS, read_wal=lambda: Wal(has_slot=True, end=next(ends)), epoch=1)


FILE = ConnectorFile(SOURCE, {PARTITIONER: "by.Values"})


@pytest.mark.parametrize(
    ("known", "partitions"),
    [
        (Known(lsn=END), 1),
        (Known(lsn=None), 3),
        (Known(lsn=None, exists=False), 3),
        (Known(lsn=END, partitioner="by.Values"), 3),
    ],
)
def test_rows_that_stay_in_their_partitions_go_on(known: Known, partitions: int) -> None:
    refuse_moved_rows(cast("ConnectApi", known), source=FILE, partitions=partitions)


def test_rows_that_would_change_their_partitions_need_a_new_epoch() -> None:
    known = cast("ConnectApi", Known(lsn=END))
    with pytest.raises(RowsWouldMove, match=r"among the 3 partitions .* `penstock views rebuild`"):
        refuse_moved_rows(known, source=FILE, partitions=3)
