"""A first snapshot that was cut off, or taken a second time, is found by what Debezium notifies, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from penstock.pipeline.snapshots import Notification, Outcome, follow

CUT_OFF = "its snapshot was cut off and started again, rows may have been deleted"
LOST_PLACE = "the source lost its place and took another snapshot, rows may have been deleted"
WHOLE = ["STARTED", "IN_PROGRESS", "TABLE_SCAN_COMPLETED", "COMPLETED"]


def notifications(types: Iterable[str], *, epoch: int = 1, first: int = 0) -> Iterator[Notification]:
    return (Notification(offset, each, epoch) for offset, each in enumerate(types, start=first))


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([], Outcome(None, None, None)),
        (WHOLE, Outcome(None, None, 1)),
        (["SKIPPED"], Outcome(None, None, None)),
        (["STARTED", "IN_PROGRESS"], Outcome(None, 0, None)),
        (["STARTED", "ABORTED"], Outcome(None, 0, None)),
        (["STARTED", "ABORTED", *WHOLE], Outcome(CUT_OFF, None, 1)),
        (["STARTED", "IN_PROGRESS", "STARTED"], Outcome(CUT_OFF, 2, None)),
        ([*WHOLE, *WHOLE], Outcome(LOST_PLACE, None, 1)),
        ([*WHOLE, "STARTED"], Outcome(LOST_PLACE, 4, None)),
        ([*WHOLE, "SKIPPED"], Outcome(None, None, 1)),
    ],
)
def test_a_snapshot_that_starts_twice_in_an_epoch_may_leave_rows(types: list[str], expected: Outcome) -> None:
    assert follow(notifications(types), complete=None) == expected


def test_each_epoch_has_its_snapshot() -> None:
    assert follow([*notifications(WHOLE), *notifications(WHOLE, epoch=2, first=4)], complete=None) == Outcome(
        None, None, 2
    )
    assert follow(notifications(WHOLE, epoch=2), complete=1) == Outcome(None, None, 2)
    assert follow(notifications(WHOLE, epoch=2), complete=2) == Outcome(LOST_PLACE, None, 2)


def test_looking_again_from_where_it_is_open_says_nothing_twice() -> None:
    found = list(notifications(["STARTED", "ABORTED", "STARTED", "COMPLETED", "STARTED", "COMPLETED"]))
    first = follow(found[:2], complete=None)
    assert first == Outcome(None, 0, None)
    second = follow(found[:4], complete=None)
    assert second == Outcome(CUT_OFF, None, 1)
    third = follow(found[4:5], complete=second.complete)
    assert third == Outcome(LOST_PLACE, 4, None)
    assert follow(found[4:], complete=third.complete) == Outcome(None, None, 1)
