"""Runs the query until told to stop: waits for what may come, restarts on a new writer schema, fails on all else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TypeVar

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from penstock.errors import TerminalError, TransientError
from penstock.trouble import TroubleBook
from penstock_views.broker import count_partitions
from penstock_views.catalog import Learned, learn, read_plan
from penstock_views.checkpoint import last_batch
from penstock_views.config import JobConfig
from penstock_views.declare import View
from penstock_views.decode import unknown_schema
from penstock_views.derive import Plan
from penstock_views.isolate import without_broken
from penstock_views.load import load_views
from penstock_views.stream import open_session, start_query

POLL_S = 0.5
RETRY_S = 1.0
REMIND_S = 30.0

Found = TypeVar("Found")


class QueryFailed(TerminalError):
    """The query ended by itself."""

    def __init__(self, message: str) -> None:
        super().__init__(f"the query failed: {reason_of(message)}")


class Stopped(Exception):
    """Somebody asked the job to stop."""


@dataclass(frozen=True)
class _Job:
    """What stays the same over every run of the query."""

    spark: SparkSession
    config: JobConfig
    views: Sequence[View]
    topics: Mapping[str, int]
    stop: Event
    book: TroubleBook

    @property
    def partitions(self) -> int:
        """How many partitions the topics have together: Real-time Mode holds a task on each."""
        return sum(self.topics.values())


def run(config: JobConfig, stop: Event, book: TroubleBook) -> None:
    """Run all row views until `stop` is set.

    :raises PenstockError: when the views cannot run and waiting does not help.
    """
    views = load_views(config.views_dir)
    topics = [config.cdc_topic(table) for table in dict.fromkeys(view.table for view in views)]
    try:
        partitions = wait_for(lambda: count_partitions(config.bootstrap, topics), stop)
        spark = open_session(config, sum(partitions.values()))
        try:
            _run_until_stopped(_Job(spark, config, views, partitions, stop, book))
        finally:
            close(spark)
    except Stopped:
        say("views stopped")


def reason_of(message: str) -> str:
    """Cut a query's failure down to its reasons: the lines that are no stack frame, each once, without the plan."""
    lines = [line.strip() for line in message.split("=== Streaming Query ===")[0].splitlines()]
    reasons = [line for line in lines if line and not line.startswith(("at ", "...", "Driver stacktrace"))]
    return " | ".join(dict.fromkeys(reasons))[:2000]


def say(message: str) -> None:
    """Tell people, at once."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}", flush=True)


def tell_stopped(plan: Plan, book: TroubleBook) -> None:
    """Tell of each view that stands still."""
    for stopped in plan.stopped:
        say(f"STOPPED: {stopped.reason}")
    book.tell(stopped={stopped.view.name: stopped.reason for stopped in plan.stopped})


def wait_for(attempt: Callable[[], Found], stop: Event, *, on_wait: Callable[[], None] = lambda: None) -> Found:
    """Try until it works, as long as it takes; say what is missing, and again every 30 s.

    :param on_wait: called whenever it is not there yet.

    :raises Stopped: when `stop` is set meanwhile.
    """
    said, said_at = "", 0.0
    while not stop.is_set():
        try:
            return attempt()
        except TransientError as exc:
            on_wait()
            if str(exc) != said or time.monotonic() - said_at > REMIND_S:
                said, said_at = str(exc), time.monotonic()
                say(f"waiting: {said}")
        stop.wait(RETRY_S)
    raise Stopped


def _run_until_stopped(job: _Job) -> None:
    """Run the query again and again, each time with the schemas that the time before had met and did not know."""
    learned = Learned()
    while True:
        plan = wait_for(
            lambda: read_plan(job.spark, job.config, job.views, learned), job.stop, on_wait=partial(_mark, job)
        )
        tell_stopped(plan, job.book)
        failure = _run_query(job, plan)
        met = unknown_schema(failure)
        if met is None:
            raise QueryFailed(failure)
        say(wait_for(partial(learn, job.config, list(job.topics), met, learned), job.stop))


def _run_query(job: _Job, plan: Plan) -> str:
    """Run the query until it fails.

    :returns: the failure's message.
    """
    query, plan = _start(job, plan)
    announced, began_at = False, last_batch(job.config.checkpoint)
    _unmark(job)
    while query.isActive:
        if not announced and _active_tasks(job.spark) >= job.partitions:
            announced = True
            _mark(job)
            say(f"views running: {_describe(plan, job.partitions)}")
        if job.book.now.times and last_batch(job.config.checkpoint) > began_at:
            job.book.recover()
        if job.stop.wait(POLL_S):
            query.stop()
            raise Stopped
    failure = query.exception()
    return str(failure) if failure else "it ended without a reason"


def _start(job: _Job, plan: Plan) -> tuple[StreamingQuery, Plan]:
    """Start the query; without the views of which none can be made.

    :returns: also the plan that it runs.
    """
    try:
        return start_query(job.spark, job.config, job.topics, plan), plan
    except Exception:
        left = without_broken(job.spark, plan)
        if left is plan:
            raise
    tell_stopped(left, job.book)
    return start_query(job.spark, job.config, job.topics, left), left


def _describe(plan: Plan, partitions: int) -> str:
    views = ", ".join(f"{output.view.name} (revision {output.view.revision})" for output in plan.outputs)
    sources = ", ".join(f"{source.topic} ({len(source.writers)} writer schemas)" for source in plan.sources)
    return f"{views} from {sources}, {partitions} partitions"


def _mark(job: _Job) -> None:
    """Let others see that it takes records, or waits for the first one: an application is registered long before."""
    if file := job.config.running_file:
        file.write_text(str(job.spark.sparkContext.applicationId))


def _unmark(job: _Job) -> None:
    if file := job.config.running_file:
        file.unlink(missing_ok=True)


def _active_tasks(spark: SparkSession) -> int:
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage)


def close(spark: SparkSession) -> None:
    """End a session; that its JVM is gone already is no error."""
    try:
        spark.stop()
    except (Py4JError, PySparkException, OSError):
        # SIGTERM to the whole process group ends the JVM too; then there is nothing left to stop.
        say("the JVM was gone already")
