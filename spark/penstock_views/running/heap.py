"""Says when the driver's heap holds no further query: beyond that the JVM would collect garbage and do nothing else.

Spark keeps the plan of every query that runs, some 2 MB for a table of eight columns and a view.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

from penstock.errors import TerminalError

_FULL_AT = 0.85
_MB = 2**20


class HeapFull(TerminalError):
    """The driver has no memory for one more query."""

    def __init__(self, used: int, limit: int, setting: str) -> None:
        super().__init__(
            f"the driver has no memory for one more query: {used // _MB} of {limit // _MB} MB are taken; raise "
            f"{setting} in penstock.toml, then `penstock down` and `penstock up`"
        )


def refuse_full(spark: SparkSession, setting: str, *, full_at: float = _FULL_AT) -> None:
    """See that the driver has room for one more query.

    :param setting: by which its memory is given.
    :param full_at: from which share on the memory of what lives long is full.
    :raises HeapFull: when it has none.
    """
    jvm: Any = spark.sparkContext._jvm
    for pool in _old_generations(jvm):
        if _share(pool) >= full_at:
            jvm.java.lang.System.gc()  # what nobody needs is in there too
            usage = pool.getUsage()
            if _share(pool) >= full_at:
                raise HeapFull(usage.getUsed(), usage.getMax(), setting)


def _old_generations(jvm: Any) -> Iterator[Any]:
    """Find where the JVM keeps what lives long; its collectors give it two names."""
    for pool in jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans():
        if pool.getName().endswith(("Old Gen", "Tenured Gen")):
            yield pool


def _share(pool: Any) -> float:
    usage = pool.getUsage()
    return float(usage.getUsed() / usage.getMax())
