"""Checks that the machine has memory and disk for several instances of a part; for one of each, nobody counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import psutil

from penstock.config import Config
from penstock.errors import TerminalError
from penstock.layout import Layout

_MB = 1024 * 1024
_ONE_OF_EACH_MB = 4800
"""What the parts take of which there is one, and the first of the others (README)."""
_BESIDE_HEAP_MB = 150
"""Of each JVM: code, classes, threads, buffers."""
_DISK_OF_ONE_MB = 3000
_DISK_OF_MORE_MB = 1000
"""Of each further broker and node: commit logs and segments that are made ahead, and copies of the first days' rows."""


class NoRoom(TerminalError):
    """The machine is too small."""

    def __init__(self, what: str, needed_mb: int, free_mb: int, cure: str) -> None:
        super().__init__(
            f"nothing was started: this stack takes about {needed_mb / 1024:.1f} GB of {what}, and "
            f"{free_mb / 1024:.1f} GB are free.\n  What to do: {cure}"
        )


def refuse_too_much(config: Config) -> None:
    """Make sure that several instances find memory and disk.

    :raises NoRoom: with what to turn.
    """
    more = sum(_more_memory(config))
    if not more:
        return
    available_mb = psutil.virtual_memory().available // _MB
    if available_mb < (needed_mb := _ONE_OF_EACH_MB + more):
        cure = "fewer in kafka.brokers, connect.workers, spark.workers and cassandra.nodes, or less in their heap_mb"
        raise NoRoom("memory", needed_mb, available_mb, f"{cure} (penstock.toml)")
    free_mb = shutil.disk_usage(Layout.of(config).state.parent).free // _MB
    if free_mb < (needed_mb := _disk_mb(config)):
        raise NoRoom("disk", needed_mb, free_mb, "make room, or another 'state' in penstock.toml")


def _more_memory(config: Config) -> Iterator[int]:
    """Return what all further instances of each kind take."""
    spark = config.spark
    yield from (
        (section.count - 1) * (section.heap_mb + _BESIDE_HEAP_MB)
        for section in (config.kafka, config.connect, config.cassandra)
    )
    # A worker with an executor of each job.
    yield (spark.count - 1) * (config.executor_memory_mb + config.aggregates_memory_mb + 3 * _BESIDE_HEAP_MB)


def _disk_mb(config: Config) -> int:
    more = config.kafka.count - 1 + config.cassandra.count - 1
    return _DISK_OF_ONE_MB + more * _DISK_OF_MORE_MB
