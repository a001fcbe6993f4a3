"""A version holds the offset of the change behind it, in whatever generation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from penstock.console.look.ends import End
from penstock.console.look.kafka import PartitionState, TopicState
from penstock.console.look.snapshot import KafkaView
from penstock.console.moment.progress import offset_of, readers, written_positions
from penstock.contract import CONNECT_ERRORS
from tests.unit.console import made

FIRST = 2**52


def test_a_version_tells_its_offset_and_that_of_a_fill_from_an_empty_topic_none() -> None:
    assert [offset_of(version) for version in (FIRST, 3 * FIRST + 41, 4 * FIRST - 1)] == [0, 41, -1]


def written(*, change: str, version: str = "", letter: dict[str, str] | None = None) -> int | None:
    """Return up to where the query has written, of a topic whose newest change is of that epoch."""
    snapshot = made.snapshot()
    kafka = snapshot.kafka.seen
    newest = {
        (made.CHANGES, 0): made.newest(9, epoch=change),
        (made.VIEW, 0): made.newest(4, version=version),
        ("dead-letters.views", 0): made.newest(3, **(letter or {})),
    }
    ends: dict[Any, Any] = {place: replace(kafka.ends[made.CHANGES, 0], newest=each) for place, each in newest.items()}
    found = written_positions(replace(snapshot, kafka=made.reading(KafkaView(kafka.cluster, ends))))
    return found[made.CHANGES, 0][0] if found else None


@pytest.mark.parametrize(("change", "expected"), [("1", 6), ("2", None)])
def test_what_was_written_in_an_earlier_epoch_is_no_place_in_the_topic_of_the_present_one(
    change: str, expected: int | None
) -> None:
    letter = {"epoch": "1", f"{CONNECT_ERRORS}topic": made.CHANGES, f"{CONNECT_ERRORS}offset": "5"}
    assert written(change=change, version=str(FIRST + 5)) == expected
    assert written(change=change, letter=letter) == expected


@pytest.mark.parametrize(("position", "beginning", "behind"), [(4, 5, 0), (1, 3, 2), (4, 0, 1)])
def test_nobody_is_behind_what_retention_has_deleted(position: int, beginning: int, behind: int) -> None:
    snapshot = made.snapshot(sink_at=position)
    kafka = snapshot.kafka.seen
    left = TopicState(made.VIEW, (PartitionState(0, beginning, 5, 1, (1,), (1,)),))
    cluster = replace(kafka.cluster, topics={**kafka.cluster.topics, made.VIEW: left})
    ends = {(made.VIEW, 0): End(0, None, ())}  # of a console that was started since
    found = readers(replace(snapshot, kafka=made.reading(KafkaView(cluster, ends))))
    assert [reader.behind for reader in found if reader.name == made.SINK] == [behind]
