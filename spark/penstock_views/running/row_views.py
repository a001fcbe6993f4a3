"""The job of row views and histories: a query for each table, which waits for its first record and fails alone.

In Real-time Mode a query commits its offsets once in `commit_interval_s`. A command that waits for a commit asks for
one: the query ends, another processes what is there and commits, and the next goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.trouble import TroubleBook
from penstock_views.change.decode import is_cured_by_new_plan
from penstock_views.declaration.views import View
from penstock_views.output.derive import Plan
from penstock_views.output.isolate import without_broken
from penstock_views.running.heap import refuse_full
from penstock_views.running.job import Job, contract_of, identity_of, run_queries
from penstock_views.running.plan import read_plan
from penstock_views.running.queries import ManagedQuery, Orders
from penstock_views.running.view_files import load_or_last
from penstock_views.stream.broker import count_partitions, held_offsets
from penstock_views.stream.checkpoint import (
    Checkpoint,
    is_asked,
    note_followed,
    open_checkpoint,
    remove_others,
    take_ask,
)
from penstock_views.stream.config import JobConfig
from penstock_views.stream.kafka import open_session, start_query
from penstock_views.stream.messages import say

_CORES = 1024
"""More than all partitions of all tables: Real-time Mode holds a task on each, and a new table takes one more."""


class TableQuery(ManagedQuery):
    """The query of one table's row views and histories.

    :param views: all of the table's, also its aggregates, whose failures this job reports.
    """

    def __init__(self, job: Job[JobConfig], views: Sequence[View]) -> None:
        self.name, self.views = views[0].source_table, tuple(view.name for view in views)
        self.identity = identity_of(views, job.config.avro_dir)
        self._begins: dict[int, int] = {}
        self._job, self._views = job, views
        self._topic = views[0].source_topic
        self._checkpoint = job.config.checkpoint
        self._stopped: dict[str, str] = {}
        self._met: set[tuple[str, int]] = set()
        self._commits = False
        self._plan: Plan | None = None

    def start(self) -> StreamingQuery:
        """Start the query; without the views of which none can be made.

        :raises TransientError: when the topic or the table's first record is not there yet, or a server is away.
        """
        spark, config = self._job.spark, self._job.config
        refuse_full(spark, config.memory_setting)
        self._job.subjects.require(f"{self._topic}-value")
        held = held_offsets(config.bootstrap, count_partitions(config.bootstrap, [self._topic]), group=config.group)
        bounds = {number: each for (_, number), each in held.items()}
        self._begins = {number: begin for number, (begin, _) in bounds.items()}
        checkpoint = open_checkpoint(config.checkpoint.absolute(), self._topic, bounds)
        self._checkpoint = checkpoint.folder
        commits_before, self._commits = self._commits, take_ask(config.checkpoint, self._topic)
        # A commit changes no plan, and must not wait for a registry that is away.
        goes_on = commits_before or self._commits
        if self._plan is None or not goes_on:
            self._plan = read_plan(spark, config, self._views, self._met)
        query, self._plan = self._start(checkpoint, self._plan)
        self._stopped = {each.view.name: each.reason for each in self._plan.stopped}
        if not goes_on:
            say(f"views running: {_describe(self._plan)}")
        return query

    @property
    def partitions(self) -> int:
        """How many its topic has."""
        return len(self._begins)

    @property
    def has_to_restart(self) -> bool:
        """Return whether somebody waits for a commit that is not under way."""
        return not self._commits and is_asked(self._job.config.checkpoint, self._topic)

    def _start(self, checkpoint: Checkpoint, plan: Plan) -> tuple[StreamingQuery, Plan]:
        try:
            return self._run(checkpoint, plan), plan
        except Exception:
            left = without_broken(self._job.spark, plan)
            if left is plan:
                raise
        return self._run(checkpoint, left), left

    def _run(self, checkpoint: Checkpoint, plan: Plan) -> StreamingQuery:
        config = self._job.config
        contracts = {each.view.name: contract_of(each.view, config.avro_dir) for each in plan.outputs}
        note_followed(config.checkpoint.absolute(), self._topic, contracts, self._begins)
        return start_query(self._job.spark, config, self._topic, checkpoint, plan, to_its_end=self._commits)

    @property
    def checkpoint(self) -> Path:
        """The folder of its progress."""
        return self._checkpoint

    @property
    def stopped(self) -> dict[str, str]:
        """Its stopped views, each with the reason."""
        return self._stopped

    def restarts_at_once(self, failure: str | None) -> bool:
        """Say whether the query has committed as it was asked to, or met a column that takes a new plan."""
        if failure is None:
            return self._commits
        self._plan = None
        return is_cured_by_new_plan(failure, self._met)


def run(config: JobConfig, orders: Orders, book: TroubleBook) -> None:
    """Run all row views until asked to stop.

    :raises PenstockError: when the views cannot run and waiting does not help.
    """
    files = load_or_last(config)
    spark = open_session(config, _CORES)
    run_queries(Job.of(spark, config), orders, book, files, _queries, takes_records=_all_are_active)


def _queries(job: Job[JobConfig], views: Sequence[View]) -> list[TableQuery]:
    topics = list(dict.fromkeys(view.source_topic for view in views))
    remove_others(job.config.checkpoint, topics)
    return [TableQuery(job, [view for view in views if view.source_topic == topic]) for topic in topics]


def _describe(plan: Plan) -> str:
    views = ", ".join(f"{output.view.name} (revision {output.view.revision})" for output in plan.outputs)
    return f"{views or 'none'} from {plan.source.topic}"


def _all_are_active(spark: SparkSession, queries: Sequence[TableQuery]) -> bool:
    """Return whether there is a task on each partition: an application is registered long before."""
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage) >= sum(query.partitions for query in queries)
