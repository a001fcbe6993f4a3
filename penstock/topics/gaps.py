"""Compares where a reader of Kafka stands with what Kafka holds: one rule for the sink and every job of Spark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from penstock.offsets import Place, is_read
from penstock.topics.admin import TopicAdmin


@dataclass(frozen=True)
class Gap:
    """A partition in which a reader cannot go on.

    :param at: the offset that it would read next; None when it has none.
    :param begin: the first offset that the partition holds.
    :param end: the offset behind its last one.
    """

    place: Place
    at: int | None
    begin: int
    end: int

    @property
    def is_loss(self) -> bool:
        """Return whether there may have been records that it never read."""
        return self.at is not None or self.begin > 0

    def why(self) -> str:
        """Say to people what is wrong."""
        where = f"{self.place[0]}/{self.place[1]}"
        if self.at is None:
            return f"no place in {where}, which begins at offset {self.begin:,}"
        if self.at < self.begin:
            return f"{self.begin - self.at:,} offsets of {where} were deleted unread ({self.at:,} to {self.begin:,})"
        return f"{where} ends at offset {self.end:,}, before {self.at:,}, which is read next: it was made again"


def find_gaps(at: Mapping[Place, int | None], bounds: Mapping[Place, tuple[int, int]]) -> list[Gap]:
    """Return the partitions in which a reader cannot go on.

    :param at: what it would read next; a place that Kafka does not have is left out.
    """
    known = [(place, offset, *bounds[place]) for place, offset in sorted(at.items()) if place in bounds]
    return [Gap(*each) for each in known if each[1] is None or not each[2] <= each[1] <= each[3]]


def gaps_of(admin: TopicAdmin, at: Mapping[Place, int]) -> list[Gap]:
    """Return the partitions in which the reader of CDC topics that stands there cannot go on.

    :raises KafkaUnreachable: no broker answers in time.
    """
    counts = admin.topics()
    found = find_gaps(at, admin.bounds({topic: counts[topic][0] for topic, _ in at if topic in counts}))
    return [gap for gap in found if not is_read(gap.at, gap.begin, gap.end)]


def gaps_of_group(admin: TopicAdmin, group: str, topics: Collection[str]) -> list[Gap]:
    """Return the partitions in which a consumer group cannot go on, those in which it has no offset too.

    :raises KafkaUnreachable: no broker answers in time.
    """
    counts = admin.topics()
    bounds = admin.bounds({topic: counts[topic][0] for topic in topics if topic in counts})
    done = admin.committed(group)
    return find_gaps({place: done.get(place) for place in bounds}, bounds)
