"""Runs the aggregates until told to stop: a life for each. One that fails is begun again; the others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from py4j.protocol import Py4JNetworkError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError, TransientError
from penstock.trouble import Failing, TroubleBook
from penstock_views.baseline import begin_life
from penstock_views.broker import count_partitions
from penstock_views.catalog import Learned, is_known, learn, read_plan
from penstock_views.checkpoint import last_batch_in
from penstock_views.config import AggregatesConfig
from penstock_views.declare import View
from penstock_views.declare_totals import Aggregate
from penstock_views.decode import unknown_schema
from penstock_views.derive import AggregateOutput, Plan
from penstock_views.keep import keep_aggregate, new_epoch
from penstock_views.life import Life, current_life, is_in_place, life_root
from penstock_views.load import load_views
from penstock_views.runner import (
    POLL_S,
    REMIND_S,
    RETRY_S,
    QueryFailed,
    Stopped,
    close,
    reason_of,
    say,
    tell_stopped,
    wait_for,
)
from penstock_views.stream import FRUGAL_JVM, HOTTEST_COMPILED_JVM, open_session

_LONGEST_RETRY_S = 60.0
_IS_WELL_S = 30.0
"""So long a query has run when what was wrong with it before is over; at rest it commits nothing."""


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
    book: TroubleBook
    learned: Learned = field(default_factory=Learned)
    epochs: dict[str, int] = field(default_factory=dict)
    """The latest epoch that each aggregate has met."""
    failing: dict[str, Failing] = field(default_factory=dict)
    """The aggregates that ended by themselves and have not done well since."""


@dataclass
class _Kept:
    """One aggregate: its query, or when that is begun."""

    output: AggregateOutput
    query: StreamingQuery | None = None
    due_at: float = 0.0
    began_at: float = 0.0
    batch: int = -1
    life: Life | None = None

    @property
    def name(self) -> str:
        """The view's."""
        return self.output.view.name


def run_aggregates(config: AggregatesConfig, stop: Event, book: TroubleBook) -> None:
    """Keep all aggregates until `stop` is set.

    :raises PenstockError: when none can be kept and waiting does not help.
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
            _run_until_stopped(_Job(spark, config, views, partitions, stop, book))
        finally:
            close(spark)
    except Stopped:
        say("aggregates stopped")


def _run_until_stopped(job: _Job) -> None:
    while True:
        plan = wait_for(lambda: read_plan(job.spark, job.config, job.views, job.learned), job.stop)
        tell_stopped(plan, job.book)
        met = _run_queries(job, plan)
        if met is None:
            say("aggregates: a table of which nothing was captured has its first record")
        else:
            say(wait_for(partial(learn, job.config, tuple(job.partitions), met, job.learned), job.stop))


def _run_queries(job: _Job, plan: Plan) -> tuple[str, int] | None:
    """Run the queries until one meets a schema that nobody knew, or a table without any captures its first record.

    :returns: the topic and the id of the schema.
    :raises QueryFailed: when every aggregate fails: then it may be Spark that is ill, and another process helps.
    """
    # One that goes on where it was does not wait for one that begins, which reads its whole table first.
    kept = sorted(map(_Kept, plan.aggregates), key=lambda each: _has_to_begin(job, each.output))
    try:
        while True:
            for each in kept:
                _begin_if_due(job, plan, each)
            if job.stop.wait(POLL_S):
                raise Stopped
            if _has_come(job, plan):
                return None
            for met in _met(job, kept):
                return met
            _refuse_all_failing(job, kept)
    finally:
        for each in kept:
            if each.query is not None:
                each.query.stop()


def _begin_if_due(job: _Job, plan: Plan, each: _Kept) -> None:
    if each.query is not None or time.monotonic() < each.due_at or job.stop.is_set():
        return
    try:
        each.life = _life(job, each.output)
        each.query = _start(job, plan, each.output, each.life)
    except TransientError as exc:
        each.due_at = time.monotonic() + RETRY_S
        _say_waiting(each, str(exc))
    except (Py4JNetworkError, OSError):
        raise  # the JVM is gone, and all aggregates with it
    except Exception as exc:  # noqa: BLE001 - a user's function and table can break it in any way; it fails alone
        _note_failure(job, each, reason_of(str(exc)) or type(exc).__name__)
    else:
        each.began_at, each.batch = time.monotonic(), last_batch_in(each.life.checkpoint)
        view, version = each.output.view, each.life.first_version
        say(f"aggregates running: {view.name} (revision {view.revision}), versions from {version}")


def _say_waiting(each: _Kept, reason: str) -> None:
    if time.monotonic() - each.began_at > REMIND_S:
        each.began_at = time.monotonic()
        say(f"waiting: {each.name}: {reason}")


def _met(job: _Job, kept: Sequence[_Kept]) -> Iterator[tuple[str, int]]:
    """Look after the queries that have ended; give the schemas that they met and did not know."""
    for each in kept:
        if each.query is None:
            continue
        if each.query.isActive:
            _forget_failure(job, each)
            continue
        error = each.query.exception()
        failure, each.query = str(error) if error else "it ended without a reason", None
        met, epoch = unknown_schema(failure), new_epoch(failure)
        if met is not None:
            yield met
        elif epoch is not None:
            job.epochs[each.name] = epoch
        else:
            _note_failure(job, each, reason_of(failure))


def _note_failure(job: _Job, each: _Kept, reason: str) -> None:
    """Let an aggregate that failed wait, each time longer; the others go on."""
    before = job.failing.get(each.name)
    failing = Failing(before.times + 1 if before else 1, reason)
    each.due_at = time.monotonic() + min(RETRY_S * 2 ** (failing.times - 1), _LONGEST_RETRY_S)
    job.failing[each.name] = failing
    job.book.tell(failing=job.failing)
    say(f"FAILED: {each.name} ({failing.times} in a row): {reason}")


def _forget_failure(job: _Job, each: _Kept) -> None:
    """See that an aggregate which failed before does its work."""
    if each.life is None or not (each.name in job.failing or job.book.now.times):
        return
    has_committed = last_batch_in(each.life.checkpoint) > each.batch
    if has_committed or time.monotonic() - each.began_at > _IS_WELL_S:
        job.failing.pop(each.name, None)
        job.book.tell(failing=job.failing)
        job.book.recover()


def _refuse_all_failing(job: _Job, kept: Sequence[_Kept]) -> None:
    if kept and all(each.query is None and each.name in job.failing for each in kept):
        raise QueryFailed("; ".join(f"{each.name}: {job.failing[each.name].reason}" for each in kept))


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


def _lives(job: _Job, output: AggregateOutput) -> Life | None:
    """Find the life that an aggregate is in; None when its next has to begin."""
    view = output.view
    life = current_life(life_root(job.config.checkpoint, view.name))
    if life is None or life.revision != view.revision or life.epoch < _epoch(job, view) or not is_in_place(life):
        return None
    return life


def _has_to_begin(job: _Job, output: AggregateOutput) -> bool:
    try:
        return _lives(job, output) is None
    except (ValueError, LookupError):
        return True  # a file that cannot be read fails when its aggregate is begun, and stops no other


def _life(job: _Job, output: AggregateOutput) -> Life:
    """Find the life that an aggregate is in, or begin its next."""
    life, root = _lives(job, output), life_root(job.config.checkpoint, output.view.name)
    if life is None:
        before = current_life(root)
        epoch = max(_epoch(job, output.view), before.epoch if before else 1)
        return begin_life(job.spark, job.config, output, root, epoch)
    if json.loads(life.measures) != json.loads(output.grouping.measures.json()):
        raise AggregateChanged(output.view)
    return life


def _epoch(job: _Job, view: View) -> int:
    return max(job.config.epoch, job.epochs.get(view.name, 1))
