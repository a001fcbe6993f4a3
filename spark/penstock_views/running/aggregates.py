"""The job of the aggregates: a query for each, which counts from a snapshot of its table on and fails alone.

Two aggregates of a table in one query took as much of the processor, for each micro-batch and at rest, as in two.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError
from penstock.trouble import TroubleBook
from penstock_views.aggregates.baseline import start_from_snapshot
from penstock_views.aggregates.empty_groups import FEWEST, count_groups, drop_empty_groups, groups_of, is_worth
from penstock_views.aggregates.query import new_epoch, start_aggregate_query
from penstock_views.aggregates.run import Run, current_run, is_in_place, is_next_run_asked, runs_folder
from penstock_views.change.decode import is_cured_by_new_plan
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.output.derive import AggregateOutput
from penstock_views.running.heap import refuse_full
from penstock_views.running.job import Job, identity_of, run_queries
from penstock_views.running.plan import read_plan
from penstock_views.running.queries import ManagedQuery, Orders
from penstock_views.running.view_files import load_or_last
from penstock_views.stream.broker import count_partitions, end_offsets
from penstock_views.stream.checkpoint import progress_in
from penstock_views.stream.config import AggregatesConfig
from penstock_views.stream.kafka import FRUGAL_JVM, HOTTEST_COMPILED_JVM, open_session
from penstock_views.stream.messages import reason_of, say

_LOOKS_S = 60.0
_OF_SPARK = (PySparkException, Py4JJavaError)
_STATE_STORE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_OF_STATE = "spark.sql.streaming.stateStore"
STATE = {
    f"{_OF_STATE}.providerClass": _STATE_STORE,
    f"{_OF_STATE}.rocksdb.changelogCheckpointing.enabled": "true",
    f"{_OF_STATE}.rocksdb.boundedMemoryUsage": "true",
    f"{_OF_STATE}.rocksdb.maxMemoryUsageMB": "128",
    # The index of the blocks has to stay in memory: when buffers of 64 MB took its room, a micro-batch of 20,000
    # records over a million groups took 55 s instead of 2.5.
    f"{_OF_STATE}.rocksdb.writeBufferSizeMB": "8",
    f"{_OF_STATE}.rocksdb.highPriorityPoolRatio": "0.3",
}
"""Groups lie on disk: in the heap a million of them took 300 MB, and twice that when a job began again. A micro-batch
writes down what it changed. The memory is that of all aggregates together, outside of the heap. A checkpoint goes on
with the kind of state that it began with."""


class AggregateChanged(TerminalError):
    """The function of an aggregate gives other types than its sums have."""

    def __init__(self, view: View) -> None:
        super().__init__(f"{view.origin}: its totals have other types than before; raise the revision to start again")


class AggregateQuery(ManagedQuery):
    """The query of one aggregate."""

    def __init__(self, job: Job[AggregatesConfig], view: Aggregate) -> None:
        self.name, self.views = view.name, (view.name,)
        self.identity = identity_of([view], job.config.avro_dir)
        self._job, self._view = job, view
        self._root = runs_folder(job.config.checkpoint, view.name)
        self._topic = view.source_topic
        self._run: Run | None = None
        self._query: StreamingQuery | None = None
        self._started_with: int | None = None
        self._drops_empty, self._looks_at = False, 0.0
        self._epoch = 1
        self._tag = f"starts-{view.name}"
        self._met: set[tuple[str, int]] = set()
        self._stopped: dict[str, str] = {}

    @property
    def takes_long_to_start(self) -> bool:
        """Return whether its next run starts first, for which its whole table or all its groups are read."""
        try:
            return self._drops_empty or is_next_run_asked(self._root) or self._current_run() is None
        except (ValueError, LookupError):
            return True  # a file that cannot be read fails when the query is started, and stops no other

    def cancel_start(self) -> None:
        """Let that reading fail."""
        self._job.spark.sparkContext.cancelJobsWithTag(self._tag)

    @property
    def has_to_restart(self) -> bool:
        """Return whether somebody asked for its next run, or it holds so many groups that most may be empty."""
        if time.monotonic() > self._looks_at:
            self._looks_at = time.monotonic() + _LOOKS_S
            self._drops_empty = self._has_doubled()
        return self._drops_empty or is_next_run_asked(self._root)

    def start(self) -> StreamingQuery | None:
        """Start the query of the run that the aggregate is in, or start its next.

        :returns: None while it is stopped.
        :raises TransientError: when the topic or the table's first record is not there yet, or a server is away.
        """
        spark, config = self._job.spark, self._job.config
        refuse_full(spark, config.memory_setting)
        drops_empty, self._drops_empty = self._drops_empty, False
        if is_next_run_asked(self._root):
            shutil.rmtree(self._root)
        self._job.subjects.require(f"{self._topic}-value")
        partitions = count_partitions(config.bootstrap, [self._topic])[self._topic]
        plan = read_plan(spark, config, [self._view], self._met)
        self._stopped = {each.view.name: each.reason for each in plan.stopped}
        if not plan.aggregates:
            return None
        (output,) = plan.aggregates
        self._run, self._started_with = self._continue(output, drops_empty=drops_empty), None
        self._query = start_aggregate_query(spark, config, plan, output, self._run, max(partitions, 1))
        say(f"aggregates running: {self.name} (revision {output.view.revision}), from {self._run.first_version}")
        return self._query

    @property
    def checkpoint(self) -> Path:
        """The folder of its progress."""
        return self._root if self._run is None else self._run.checkpoint

    @property
    def stopped(self) -> dict[str, str]:
        """Why it is stopped, if it is."""
        return self._stopped

    def restarts_at_once(self, failure: str | None) -> bool:
        """Say whether the query met a column that takes a new plan, or a later epoch: its next run starts."""
        if failure is None:
            return False
        epoch = new_epoch(failure)
        self._epoch = self._epoch if epoch is None else epoch
        return epoch is not None or is_cured_by_new_plan(failure, self._met)

    def _current_run(self) -> Run | None:
        """Find the run that the aggregate is in; None when its next has to start."""
        run = current_run(self._root)
        if run is None or run.revision != self._view.revision or run.epoch < self._epoch or not is_in_place(run):
            return None
        return run

    def _continue(self, output: AggregateOutput, *, drops_empty: bool) -> Run:
        """Find the run that the aggregate is in, or start its next."""
        run = self._current_run()
        if run is None:
            before = current_run(self._root)
            epoch = max(self._epoch, before.epoch if before else 1)
            with _tagged(self._job.spark, self._tag):
                return start_from_snapshot(self._job.spark, self._job.config, output, self._root, epoch)
        if json.loads(run.measures) != json.loads(output.grouping.measures.json()):
            raise AggregateChanged(output.view)
        return self._drop_empty_groups(run, output) if drops_empty else run

    def _has_doubled(self) -> bool:
        if self._query is None or self._run is None:
            return False
        try:
            groups = groups_of(self._query)
            if groups >= FEWEST and self._started_with is None:
                self._started_with = count_groups(self._job.spark, self._run)
        except _OF_SPARK as exc:
            say(f"aggregates: nobody knows how many groups {self.name} has: {reason_of(str(exc))}")
            return False
        return is_worth(groups, self._started_with or 0)

    def _drop_empty_groups(self, run: Run, output: AggregateOutput) -> Run:
        """Go on without the groups that have no rows; where that fails, they take room until the job restarts."""
        ends = end_offsets(self._job.config.bootstrap, [self._topic], group=self._job.config.group)
        try:
            with _tagged(self._job.spark, self._tag):
                return drop_empty_groups(self._job.spark, run, output.grouping, progress_in(run.checkpoint), ends)
        except (*_OF_SPARK, ValueError) as exc:
            self._looks_at = math.inf
            say(f"aggregates: {self.name} keeps its groups without rows: {reason_of(str(exc))}")
            return run


def run_aggregates(config: AggregatesConfig, orders: Orders, book: TroubleBook) -> None:
    """Keep all aggregates until asked to stop.

    :raises PenstockError: when none can be kept and waiting does not help.
    """
    files = load_or_last(config)
    # A micro-batch is few records and much that is done once: tasks took 11 % of a core, the second compiler 31 %.
    spark = open_session(config, config.cores, driver_options=HOTTEST_COMPILED_JVM, executor_options=FRUGAL_JVM)
    spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")
    for name, value in STATE.items():
        spark.conf.set(name, value)
    # A first map pays for many rows, which a micro-batch does not have; it is 7 to 10 % of the code to make for it.
    spark.conf.set("spark.sql.codegen.aggregate.map.twolevel.enabled", "false")
    run_queries(Job.of(spark, config), orders, book, files, _queries)


def _queries(job: Job[AggregatesConfig], views: Sequence[View]) -> list[AggregateQuery]:
    return [AggregateQuery(job, view) for view in views if isinstance(view, Aggregate)]


@contextmanager
def _tagged(spark: SparkSession, tag: str) -> Iterator[None]:
    """Let all that this thread asks of Spark meanwhile be cancelled by a tag; a query that it starts keeps the tag."""
    context = spark.sparkContext
    context.addJobTag(tag)
    try:
        yield
    finally:
        context.removeJobTag(tag)
