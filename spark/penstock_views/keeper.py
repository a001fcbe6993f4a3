"""Runs the aggregates until told to stop: a life for each, again after what can be learned, and fails on all else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError, TransientError
from penstock_views.baseline import begin_life
from penstock_views.broker import count_partitions
from penstock_views.catalog import Learned, is_known, learn, read_plan
from penstock_views.config import AggregatesConfig
from penstock_views.declare import View
from penstock_views.declare_totals import Aggregate
from penstock_views.decode import unknown_schema
from penstock_views.derive import AggregateOutput, Plan
from penstock_views.keep import keep_aggregate, new_epoch
from penstock_views.life import Life, current_life, is_in_place, life_root
from penstock_views.load import load_views
from penstock_views.runner import POLL_S, QueryFailed, Stopped, close, say, say_stopped, wait_for
from penstock_views.stream import FRUGAL_JVM, HOTTEST_COMPILED_JVM, open_session


class AggregateChanged(TerminalError):
    """The function of an aggregate gives other types than its sums have."""

    def __init__(self, view: View) -> None:
        super().__init__(f"{view.origin}: its totals have other types than before; raise the revision to begin anew")


@dataclass(frozen=True)
class _Job:
    spark: SparkSession
    config: AggregatesConfig
    views: Sequence[View]
    partitions: Mapping[str, int]
    """Of each CDC topic."""
    stop: Event
    learned: Learned = field(default_factory=Learned)
    epochs: dict[str, int] = field(default_factory=dict)
    """The latest epoch that each aggregate has met."""


def run_aggregates(config: AggregatesConfig, stop: Event) -> None:
    """Keep all aggregates until `stop` is set.

    :raises PenstockError: when one cannot be kept and waiting does not help.
    """
    views = load_views(config.views_dir)
    tables = dict.fromkeys(view.table for view in views if isinstance(view, Aggregate))
    topics = [config.cdc_topic(table) for table in tables]
    try:
        partitions = wait_for(lambda: count_partitions(config.bootstrap, topics), stop)
        # A micro-batch is few records and much that is done once: tasks took 11 % of a core, the second compiler 31 %.
        spark = open_session(config, config.cores, driver_options=HOTTEST_COMPILED_JVM, executor_options=FRUGAL_JVM)
        spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", "false")
        # A first map pays for many rows, which a micro-batch does not have; it is 7 to 10 % of the code to make for it.
        spark.conf.set("spark.sql.codegen.aggregate.map.twolevel.enabled", "false")
        try:
            _run_until_stopped(_Job(spark, config, views, partitions, stop))
        finally:
            close(spark)
    except Stopped:
        say("aggregates stopped")


def _run_until_stopped(job: _Job) -> None:
    while True:
        plan = wait_for(lambda: read_plan(job.spark, job.config, job.views, job.learned), job.stop)
        say_stopped(plan)
        ended = _run_queries(job, plan)
        if ended is None:
            say("aggregates: a table of which nothing was captured has its first record")
            continue
        name, failure = ended
        met, epoch = unknown_schema(failure), new_epoch(failure)
        if met is not None:
            say(wait_for(partial(learn, job.config, tuple(job.partitions), met, job.learned), job.stop))
        elif epoch is not None:
            job.epochs[name] = epoch
        else:
            raise QueryFailed(f"{name}: {failure}")


def _run_queries(job: _Job, plan: Plan) -> tuple[str, str] | None:
    """Run the queries until one fails, or something is captured of a table that the plan does not know.

    :returns: of a failure the aggregate's name and the message.
    """
    lives = [(output, wait_for(partial(_life, job, output), job.stop)) for output in plan.aggregates]
    queries = [_start(job, plan, output, life) for output, life in lives]
    for output, life in lives:
        revision, version = output.view.revision, life.first_version
        say(f"aggregates running: {output.view.name} (revision {revision}), versions from {version}")
    try:
        while all(query.isActive for query in queries):
            if job.stop.wait(POLL_S):
                raise Stopped
            if _has_come(job, plan):
                return None
        ended = next(query for query in queries if not query.isActive)
    finally:
        for query in queries:
            query.stop()
    failure = ended.exception()
    return ended.name or "?", str(failure) if failure else "it ended without a reason"


def _start(job: _Job, plan: Plan, output: AggregateOutput, life: Life) -> StreamingQuery:
    partitions = max(job.partitions[plan.source_of(output.view).topic], 1)
    return keep_aggregate(job.spark, job.config, plan, output, life, partitions)


def _has_come(job: _Job, plan: Plan) -> bool:
    """Tell whether an aggregate can begin whose table nobody knew; no query of the plan reads it, so none would say."""
    tables = {view.table for view in job.views if isinstance(view, Aggregate)}.intersection(plan.unknown)
    try:
        return any(is_known(job.config, table) for table in tables)
    except TransientError:
        return False


def _life(job: _Job, output: AggregateOutput) -> Life:
    """Find the life that an aggregate is in, or begin its next."""
    view, epoch = output.view, job.epochs.get(output.view.name, 1)
    root = life_root(job.config.checkpoint, view.name)
    life = current_life(root)
    if life is None or life.revision != view.revision or life.epoch < epoch or not is_in_place(life):
        return begin_life(job.spark, job.config, output, root, max(epoch, life.epoch if life else 1))
    if json.loads(life.measures) != json.loads(output.grouping.measures.json()):
        raise AggregateChanged(view)
    return life
