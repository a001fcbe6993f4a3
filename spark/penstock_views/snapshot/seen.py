"""Notes which transactions a snapshot has seen, for the time when it is gone. No Spark here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot has seen, as `pg_snapshot` says it (64-bit transaction ids).

    :param xmax: it had seen none from here on,
    :param running: nor these, which are below.
    :param lsn: a place in the log after every commit that it had seen.
    """

    xmax: int
    running: tuple[int, ...]
    lsn: int
