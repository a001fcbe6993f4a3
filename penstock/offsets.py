"""Offsets: the place that a reader has in a topic, and when nothing is left to read there.

No client here: both the engine and the clients of Kafka use this.
"""

from __future__ import annotations

Place = tuple[str, int]
"""A topic and the number of a partition."""


def is_read(at: int | None, begin: int, end: int) -> bool:
    """Return whether all that Kafka deleted of a CDC partition was read, although the next offset is gone.

    The marker of its transaction follows the last record, and Real-time Mode does not count it as read. When all
    records of a quiet table have expired, the marker too, Spark cannot go on from there.
    """
    return begin == end and at == end - 1
