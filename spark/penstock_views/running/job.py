"""The set of views that a job runs: reported to everybody who waits for it, and read again from the files on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pyspark.sql import SparkSession

from penstock.errors import PenstockError
from penstock.running import Running, digest_of, write_running
from penstock.trouble import TroubleBook
from penstock_views.declaration.views import View
from penstock_views.running.queries import Orders, Query, QueryManager, close
from penstock_views.running.registry import KnownSubjects
from penstock_views.running.view_files import ViewFiles, load
from penstock_views.stream.config import JobConfig
from penstock_views.stream.messages import say

Config = TypeVar("Config", bound=JobConfig)


@dataclass(frozen=True)
class Job(Generic[Config]):
    """What the queries of a job share."""

    spark: SparkSession
    config: Config
    subjects: KnownSubjects

    @classmethod
    def of(cls, spark: SparkSession, config: Config) -> Job[Config]:
        """Make the job of a session."""
        return cls(spark, config, KnownSubjects(config.registry_url))


def run_queries(
    job: Job[Config],
    orders: Orders,
    book: TroubleBook,
    files: ViewFiles,
    queries_of: Callable[[Job[Config], Sequence[View]], Sequence[Query]],
    *,
    takes_records: Callable[[SparkSession, Sequence[Query]], bool] = lambda *_: True,
) -> None:
    """Keep the queries of these views, and of those in the files whenever asked to take them up; ends the session.

    :param queries_of: makes the queries of views.
    :param takes_records: whether the queries that run do their work.
    :raises Stopped: when asked to stop.
    """
    try:
        running, manager = _RunningSet(job.config, job.spark, orders, files), QueryManager[Query](orders.stop, book)
        for _ in manager.run(queries_of(job, files.views)):
            if (changed := running.changed()) is not None:
                manager.adopt(queries_of(job, changed))
                running.report(0, is_settled=False)
            if not running.is_settled:
                is_settled = manager.is_settled and takes_records(job.spark, manager.running)
                running.report(manager.settled, is_settled=is_settled)
    finally:
        close(job.spark)


class _RunningSet:
    """The set of views that a job runs now; what an earlier process reported is forgotten."""

    def __init__(self, config: JobConfig, spark: SparkSession, orders: Orders, files: ViewFiles) -> None:
        self._config, self._orders = config, orders
        self._application = str(spark.sparkContext.applicationId)
        self._files = files
        self._reported: Running | None = None
        self.report(0, is_settled=False)

    @property
    def is_settled(self) -> bool:
        """Return whether it was reported that all queries take records, or wait for their first."""
        return self._reported is not None and self._reported.is_settled

    def report(self, settled: int, *, is_settled: bool) -> None:
        """Let others see which views run, how many of their queries have started, and whether all take records."""
        running = Running(self._application, self._files.digests, is_settled, settled)
        if running != self._reported and self._config.running_file:
            write_running(self._config.running_file, running)
        self._reported = running

    def changed(self) -> tuple[View, ...] | None:
        """Load the views again when somebody asked for it; None when nobody did, or they cannot be loaded."""
        if not self._orders.reload.is_set():
            return None
        self._orders.reload.clear()
        try:
            self._files = load(self._config)
        except PenstockError as exc:
            say(f"the views stay as they were: {exc}")
            return None
        return self._files.views


def identity_of(views: Sequence[View], avro_dir: Path) -> str:
    """Stand for what some views compute: their names, the files in which they are written, and their contracts."""
    files = {Path(view.file) for view in views}
    contracts = {avro_dir / name for view in views for name in view.contract_files}
    partitions = [f"{view.name}({','.join(view.partition or ())})" for view in views]
    return " ".join([*sorted(partitions), digest_of([*files, *contracts])])


def contract_of(view: View, avro_dir: Path) -> str:
    """Stand for what one view computes, whatever else is in its file: its contracts have the function's fingerprint."""
    return digest_of(avro_dir / name for name in view.contract_files)
