"""A version holds the offset of the change behind it, in whatever generation."""

from __future__ import annotations

from penstock.console.moment.progress import offset_of

FIRST = 2**52


def test_a_version_tells_its_offset_and_that_of_a_fill_from_an_empty_topic_none() -> None:
    assert [offset_of(version) for version in (FIRST, 3 * FIRST + 41, 4 * FIRST - 1)] == [0, 41, -1]
