"""A first snapshot that was cut off is found by what Debezium tells, once."""

from __future__ import annotations

import pytest

from penstock.views.snapshots import Told, begun_again

WHOLE = ["STARTED", "IN_PROGRESS", "TABLE_SCAN_COMPLETED", "COMPLETED"]


@pytest.mark.parametrize(
    ("types", "again", "open_since"),
    [
        ([], False, None),
        (WHOLE, False, None),
        (["SKIPPED"], False, None),
        (["STARTED", "IN_PROGRESS"], False, 0),
        (["STARTED", "ABORTED"], False, 0),
        (["STARTED", "ABORTED", *WHOLE], True, None),
        (["STARTED", "IN_PROGRESS", "STARTED"], True, 2),
        ([*WHOLE, *WHOLE], False, None),
        ([*WHOLE, "SKIPPED", "STARTED", *WHOLE], True, None),
    ],
)
def test_a_snapshot_was_begun_again_when_it_started_twice_and_was_not_complete_between(
    types: list[str], again: bool, open_since: int | None
) -> None:
    assert begun_again(Told(offset, each) for offset, each in enumerate(types)) == (again, open_since)


def test_looking_again_from_where_it_is_open_finds_the_second_start_and_no_first_twice() -> None:
    told = [Told(offset, each) for offset, each in enumerate(["STARTED", "ABORTED", "STARTED", "COMPLETED", "SKIPPED"])]
    _, open_since = begun_again(told[:2])
    assert open_since == 0
    again, open_since = begun_again(told[open_since:])
    assert (again, open_since) == (True, None)
