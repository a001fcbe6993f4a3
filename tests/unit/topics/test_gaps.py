"""Where a reader cannot go on: before the beginning of a partition, behind its end, or without a place."""

from __future__ import annotations

import pytest

from penstock.topics.gaps import find_gaps

PLACE = ("app.public.users", 0)


@pytest.mark.parametrize("at", [100, 150, 200])
def test_a_reader_within_the_partition_goes_on(at: int) -> None:
    assert find_gaps({PLACE: at}, {PLACE: (100, 200)}) == []


@pytest.mark.parametrize(
    ("at", "begin", "end", "is_loss", "said"),
    [
        (40, 100, 200, True, "60 offsets of app.public.users/0 were deleted unread (40 to 100)"),
        (201, 0, 200, True, "app.public.users/0 ends at offset 200, before 201, which is read next: it was made again"),
        (5, 0, 0, True, "app.public.users/0 ends at offset 0, before 5, which is read next: it was made again"),
        (None, 0, 200, False, "no place in app.public.users/0, which begins at offset 0"),
        (None, 7, 200, True, "no place in app.public.users/0, which begins at offset 7"),
    ],
)
def test_what_lies_outside_is_said(at: int | None, begin: int, end: int, is_loss: bool, said: str) -> None:
    (gap,) = find_gaps({PLACE: at}, {PLACE: (begin, end)})
    assert (gap.is_loss, gap.why()) == (is_loss, said)


def test_a_topic_that_is_gone_is_reported_by_its_id_and_not_here() -> None:
    assert find_gaps({PLACE: 5, ("other", 0): 1}, {("other", 0): (0, 1)}) == []
