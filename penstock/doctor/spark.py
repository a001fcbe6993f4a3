"""Spark: whether its master and workers are there, with enough cores and memory for both jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View

from penstock.config import Config
from penstock.doctor.finding import Finding, cure_of_silence, ok, stops, warning
from penstock.spark_master import AGGREGATES_CORES, master_state


def examine(config: Config, views: Sequence[View]) -> Iterator[Finding]:
    """Look at the cluster."""
    yield from judge(config, views, master_state(config))


def judge(config: Config, views: Sequence[View], master: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge what the master reports on its page as JSON; nothing where it is away."""
    section = config.spark
    if master.get("status") != "ALIVE":
        yield stops(
            f"no master that is ALIVE answers at port {section.master_ui_port}, its web page",
            cure_of_silence("spark", is_ours=section.managed),
        )
        return
    if not master.get("aliveworkers"):
        yield stops("its master knows of no worker that is alive", f"start-worker.sh {section.master_url}")
        return
    if (alive := int(master["aliveworkers"])) < section.workers:
        yield warning(
            f"{alive} of {section.workers} workers are alive", "they are restarted: `penstock status` shows them"
        )
    cores, needed = int(master.get("cores") or 0), cores_needed(config, views)
    if cores < needed:
        yield stops(
            f"{cores} cores, and the jobs hold {needed}: one for each partition of each table, and for aggregates",
            f"SPARK_WORKER_CORES={needed} for the worker (more than the machine has is well), or more workers",
        )
    memory_mb, wanted_mb = int(master.get("memory") or 0), config.executor_memory_mb + config.aggregates_memory_mb
    if memory_mb < wanted_mb:
        yield stops(
            f"{memory_mb:,} MB of memory, and the executors take {wanted_mb:,}",
            f"SPARK_WORKER_MEMORY={wanted_mb}m for the worker, or less in executor_memory_mb and aggregates_memory_mb",
        )
    if cores >= needed and memory_mb >= wanted_mb:
        yield ok(f"a master, {master['aliveworkers']} worker(s), {cores:,} cores and {memory_mb:,} MB")


def cores_needed(config: Config, views: Sequence[View]) -> int:
    """Return how many cores the queries hold for good."""
    tables = {view.source_topic for view in views if not isinstance(view, Aggregate)}
    aggregates = any(isinstance(view, Aggregate) for view in views)
    return len(tables) * config.kafka.partitions + AGGREGATES_CORES * aggregates
