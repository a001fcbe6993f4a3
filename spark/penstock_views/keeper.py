"""The job of the aggregates: a query for each, which lives from a snapshot of its table on and fails alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError
from penstock.trouble import TroubleBook
from penstock_views.baseline import begin_life
from penstock_views.broker import count_partitions
from penstock_views.catalog import read_plan
from penstock_views.config import AggregatesConfig
from penstock_views.declare import View
from penstock_views.declare_totals import Aggregate
from penstock_views.decode import is_cured_by_new_plan
from penstock_views.derive import AggregateOutput
from penstock_views.keep import keep_aggregate, new_epoch
from penstock_views.life import Life, current_life, is_in_place, is_to_end, life_root
from penstock_views.load import load_views
from penstock_views.running import Job, identity_of, keep_views
from penstock_views.stream import FRUGAL_JVM, HOTTEST_COMPILED_JVM, open_session
from penstock_views.tend import Kept, Orders, say

_STATE = {
    "providerClass": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    "rocksdb.changelogCheckpointing.enabled": "true",
    "rocksdb.boundedMemoryUsage": "true",
    "rocksdb.maxMemoryUsageMB": "128",
    # The index of the blocks has to stay in memory: when buffers of 64 MB took its room, a micro-batch of 20,000
    # records over a million groups took 55 s instead of 2.5.
    "rocksdb.writeBufferSizeMB": "8",
    "rocksdb.highPriorityPoolRatio": "0.3",
}
"""Groups lie on disk: in the heap a million of them took 300 MB, and twice that when a job began again. A micro-batch
writes down what it changed. The memory is that of all aggregates together, outside of the heap. A checkpoint goes on
with the kind of state that it began with."""


class AggregateChanged(TerminalError):
    """The function of an aggregate gives other types than its sums have."""

    def __init__(self, view: View) -> None:
        super().__init__(f"{view.origin}: its totals have other types than before; raise the revision to begin anew")


class AggregateQuery(Kept):
    """The query of one aggregate."""

    def __init__(self, job: Job[AggregatesConfig], view: Aggregate) -> None:
        self.name, self.views = view.name, (view.name,)
        self.identity = identity_of([view], job.config.avro_dir)
        self._job, self._view = job, view
        self._root = life_root(job.config.checkpoint, view.name)
        self._topic = job.config.cdc_topic(view.table)
        self._life: Life | None = None
        self._epoch = job.config.epoch
        self._tag = f"begins-{view.name}"
        self._met: set[tuple[str, int]] = set()
        self._stopped: dict[str, str] = {}

    @property
    def takes_long_to_begin(self) -> bool:
        """Tell whether its next life begins first, for which its whole table is read."""
        try:
            return self.has_to_begin_anew or self._lives() is None
        except (ValueError, LookupError):
            return True  # a file that cannot be read fails when the query is begun, and stops no other

    def give_up(self) -> None:
        """Let the reading of its table fail."""
        self._job.spark.sparkContext.cancelJobsWithTag(self._tag)

    @property
    def has_to_begin_anew(self) -> bool:
        """Tell whether somebody asked for its next life."""
        return is_to_end(self._root)

    def begin(self) -> StreamingQuery | None:
        """Start the query of the life that the aggregate is in, or begin its next.

        :returns: None while it stands still.
        :raises TransientError: when the topic or the table's first record is not there yet, or a server is away.
        """
        spark, config = self._job.spark, self._job.config
        if self.has_to_begin_anew:
            shutil.rmtree(self._root)
        self._job.subjects.require(f"{self._topic}-value")
        partitions = count_partitions(config.bootstrap, [self._topic])[self._topic]
        plan = read_plan(spark, config, self._view.table, [self._view], self._met)
        self._stopped = {each.view.name: each.reason for each in plan.stopped}
        if not plan.aggregates:
            return None
        (output,) = plan.aggregates
        self._life = self._continue(output)
        query = keep_aggregate(spark, config, plan, output, self._life, max(partitions, 1))
        say(f"aggregates running: {self.name} (revision {output.view.revision}), from {self._life.first_version}")
        return query

    @property
    def checkpoint(self) -> Path:
        """The folder of its progress."""
        return self._root if self._life is None else self._life.checkpoint

    @property
    def stopped(self) -> dict[str, str]:
        """Why it stands still, if it does."""
        return self._stopped

    def takes_up(self, failure: str | None) -> bool:
        """Say whether the query met a column that takes a new plan, or a later epoch: its next life begins."""
        if failure is None:
            return False
        epoch = new_epoch(failure)
        self._epoch = self._epoch if epoch is None else epoch
        return epoch is not None or is_cured_by_new_plan(failure, self._met)

    def _lives(self) -> Life | None:
        """Find the life that the aggregate is in; None when its next has to begin."""
        life = current_life(self._root)
        if life is None or life.revision != self._view.revision or life.epoch < self._epoch or not is_in_place(life):
            return None
        return life

    def _continue(self, output: AggregateOutput) -> Life:
        """Find the life that the aggregate is in, or begin its next."""
        life = self._lives()
        if life is None:
            before = current_life(self._root)
            epoch = max(self._epoch, before.epoch if before else 1)
            with _tagged(self._job.spark, self._tag):
                return begin_life(self._job.spark, self._job.config, output, self._root, epoch)
        if json.loads(life.measures) != json.loads(output.grouping.measures.json()):
            raise AggregateChanged(output.view)
        return life


def run_aggregates(config: AggregatesConfig, orders: Orders, book: TroubleBook) -> None:
    """Keep all aggregates until told to stop.

    :raises PenstockError: when none can be kept and waiting does not help.
    """
    views = load_views(config.views_dir)
    # A micro-batch is few records and much that is done once: tasks took 11 % of a core, the second compiler 31 %.
    spark = open_session(config, config.cores, driver_options=HOTTEST_COMPILED_JVM, executor_options=FRUGAL_JVM)
    spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")
    for name, value in _STATE.items():
        spark.conf.set(f"spark.sql.streaming.stateStore.{name}", value)
    # A first map pays for many rows, which a micro-batch does not have; it is 7 to 10 % of the code to make for it.
    spark.conf.set("spark.sql.codegen.aggregate.map.twolevel.enabled", "false")
    keep_views(Job.of(spark, config), orders, book, views, _queries)


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
