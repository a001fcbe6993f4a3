"""Spark: the applications that the master knows, and how far each query has committed.

The queries keep no consumer group: their positions are in their checkpoints' offset logs. The last committed entry of a
micro-batch query is at most a second old. In Real-time Mode it is that of the last minute; where the query really is,
the versions of its records show it (`progress.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_views.stream.checkpoint import last_checkpoint, started_at

from penstock.config import Config
from penstock.console.look.http import get
from penstock.layout import Layout
from penstock.pipeline.stalled import ALARMING, JOBS, describe_failures, missed_views, stopped_views, trouble_of

REAL_TIME = "views"

Offsets = dict[str, dict[int, int]]
"""Topic → partition → the offset that is read next."""


@dataclass(frozen=True)
class Query:
    """A streaming query; `committed_at` in seconds since 1970, those of all tables' row views are shown as one."""

    name: str
    application: str
    runs: bool
    batch: int
    committed_at: float
    committed: Offsets
    commits_every_s: float = 0.0

    @property
    def is_real_time(self) -> bool:
        """Return whether its records are ahead of its commits."""
        return self.name == REAL_TIME


@dataclass(frozen=True)
class SparkState:
    """The cluster at one moment."""

    master: str
    workers: int
    cores_used: int
    cores: int
    applications: tuple[str, ...]
    queries: tuple[Query, ...]
    troubles: tuple[str, ...] = ()
    """What is wrong with the jobs, as they say it."""


class SparkCollector:
    """Asks the master, and reads the checkpoints, which lie on this machine."""

    def __init__(self, config: Config) -> None:
        self._url = config.spark.master_page
        self._config = config

    def collect(self) -> SparkState:
        """Look at the cluster and its queries."""
        master = get(self._url)
        running = tuple(app["name"] for app in master.get("activeapps", []) if app.get("state") == "RUNNING")
        return SparkState(
            master=master.get("status", "UNKNOWN"),
            workers=master.get("aliveworkers", 0),
            cores_used=master.get("coresused", 0),
            cores=master.get("cores", 0),
            applications=running,
            queries=tuple(read_queries(self._config, running)),
            troubles=tuple(read_troubles(self._config)),
        )


def read_troubles(config: Config) -> Iterator[str]:
    """Say what is wrong with the jobs, and with the views that they cannot keep."""
    for job in JOBS:
        trouble = trouble_of(config, job)
        if trouble.times >= ALARMING:
            yield f"job {job} {describe_failures(trouble)}"
    yield from (stopped_views(config) | missed_views(config)).values()


def read_queries(config: Config, running: tuple[str, ...]) -> list[Query]:
    """Read how far each query has committed.

    :param running: the applications that run.
    """
    layout, names, commit_interval_s = Layout.of(config), config.names, config.spark.commit_interval_s
    application = names.views_app
    queries = [_row_views(application, application in running, layout.row_views, commit_interval_s)]
    application = names.aggregates_app
    # Newest run last: the folder names sort so.
    newest = {run.parent.name: run for run in sorted(layout.aggregates.glob("*/life-*"))}
    queries += [_query(name, application, application in running, run / "checkpoint") for name, run in newest.items()]
    return queries


def _row_views(application: str, runs: bool, root: Path, every_s: float) -> Query:
    """Show the queries of all tables as one: together they have committed this much."""
    found = [(folder.name, last_checkpoint(folder)) for folder in root.glob("*")]
    each = [_query(topic, application, runs, checkpoint) for topic, checkpoint in found if checkpoint]
    committed: Offsets = {topic: of for query in each for topic, of in query.committed.items()}
    newest = max(each, key=lambda query: query.committed_at, default=None)
    batch, committed_at = (newest.batch, newest.committed_at) if newest else (-1, 0.0)
    return Query(REAL_TIME, application, runs, batch, committed_at, committed, every_s)


def _query(name: str, application: str, runs: bool, checkpoint: Path) -> Query:
    commits = checkpoint / "commits"
    # A hundred names, every second: no Path for each.
    names = [entry.name for entry in os.scandir(commits)] if commits.exists() else []
    batches = [int(name) for name in names if name.isdigit()]
    if not batches:
        return Query(name, application, runs, -1, 0.0, _as_offsets(started_at(checkpoint)))
    newest = max(batches)
    committed_at = (checkpoint / "commits" / str(newest)).stat().st_mtime
    return Query(name, application, runs, newest, committed_at, _offsets(checkpoint / "offsets" / str(newest)))


def _offsets(file: Path) -> Offsets:
    """Read an entry of the offset log: a version, metadata, then one line of JSON for each source, Kafka's or not."""
    found: Offsets = {}
    for line in file.read_text().splitlines()[2:]:
        entry = json.loads(line) if line.startswith("{") else {}
        found |= _as_offsets(entry)
    return found


def _as_offsets(entry: dict[str, Any]) -> Offsets:
    """Take what Spark writes; its -2 stands for the beginning."""
    topics = {topic: of for topic, of in entry.items() if isinstance(of, dict)}
    return {topic: {int(each): max(0, int(offset)) for each, offset in of.items()} for topic, of in topics.items()}
