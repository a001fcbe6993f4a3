"""Fill views past the change stream: one snapshot of their table, read in ranges and written to their own topics.

`penstock_views.running.fill` says why live changes win. Debezium, the jobs and all other views are left alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg2
from penstock_views.declaration.views import History, View
from penstock_views.running.fill import Changes, Filling
from penstock_views.running.plan import output_of, writers_of
from penstock_views.running.registry import Registry
from penstock_views.snapshot.held import HeldSnapshot, hold_snapshot
from penstock_views.snapshot.images import key_of, read_images
from penstock_views.snapshot.ranges import Pages, Part, Range, count_rows, fetch_rows, read_parts
from penstock_views.stream.broker import offsets_since
from pyspark.sql import DataFrame, SparkSession

from penstock.cassandra.table import empty_tables
from penstock.config import Config
from penstock.connect.apply import ConnectorWatch
from penstock.errors import TransientError, first_line
from penstock.local_spark import local_spark, read_by_spark, spark_failures
from penstock.offsets import Place
from penstock.pipeline.fence import (
    OnProgress,
    Patience,
    SinkPlace,
    ends,
    sink_place,
    wait_until_captured,
    wait_until_processed,
    wait_until_written,
)
from penstock.pipeline.fills import mark_progress, mark_started
from penstock.pipeline.identities import Identities
from penstock.pipeline.topic_ids import note_first_ids
from penstock.postgres.catalogue import read_columns
from penstock.postgres.connection import RightMissing, connect
from penstock.postgres.unfit import RowsHidden, refuse_hidden
from penstock.project.folders import Project
from penstock.project.generation import epoch_of, generation_of, version_of
from penstock.stack.elsewhere import is_outside
from penstock.views.choose import last_offsets
from penstock.views.pace import Pace
from penstock.views.resume import Progress, are_others, begin_progress

_TASKS = 2
_FIRST_PAGES = 64
_BATCH_ROWS = 60_000
_AHEAD = 40_000
"""So many records of a view may wait for Cassandra when its next rows are written: live changes come behind them."""
_POLL_S = 0.3


class TableUnread(TransientError):
    """The views of a table were not filled, those of others may be; `of` is the table."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(problem)
        self.of = table


class TableRewritten(TableUnread):
    """A statement gave the table other files while they were read."""

    def __init__(self, table: str) -> None:
        what = "was rewritten (VACUUM FULL, CLUSTER, ALTER TABLE) while it was read: run this again"
        super().__init__(table, f"{table} {what}")


class FillFailed(TableUnread):
    """Spark could not read the table, or write to Kafka."""

    def __init__(self, table: str, cause: str) -> None:
        super().__init__(table, f"the fill from {table} failed: {cause}. Nothing was lost: run this again")


@dataclass(frozen=True)
class Filled:
    """What a fill has written.

    :param began: the place in each CDC topic whose version its rows have.
    :param empty: the names of the views that had no row before: in these is nothing to remove.
    """

    began: Mapping[Place, int]
    empty: frozenset[str]


def fill(
    config: Config,
    views: Sequence[View],
    identities: Identities,
    *,
    cut_off: Mapping[str, Progress],
    on_progress: OnProgress,
    rate: int | None = None,
) -> Filled:
    """Write all rows of their tables to views, one table after the other, and wait until they are in Cassandra.

    :param views: the jobs run with them.
    :param identities: of the tables.
    :param cut_off: from where on a table is read, where a fill was cut off.
    :param rate: at most so many rows a second.
    :raises TableRewritten, FillFailed: cut off there; the next one starts from nothing, or goes on.
    """
    topics = sorted(view.topic for view in views)
    note_first_ids(config, topics)
    # Once for all tables: what was committed by now is in their topics, and not written again behind the fill.
    wait_until_captured(config, on_progress=on_progress)
    # A record of a row that went without an event, processed behind the sweep, would bring the row back for good.
    take_backlog(config, views, on_progress=on_progress)
    empty = empty_tables(config, [view.name for view in views])
    began = {}
    with local_spark(config) as spark:
        for table in dict.fromkeys(view.table for view in views):
            of_table = [view for view in views if view.table == table]
            refuse_unread(config, [table], config.reading)
            with _our_errors(table):
                lane = _Lane(config, spark, of_table, identities, cut_off.get(table), on_progress)
                place, offset = lane.fill(rate)
            began[place] = offset
    wait_until_written(config, topics, on_progress=on_progress)
    return Filled(began, empty)


def take_backlog(config: Config, views: Sequence[View], *, on_progress: OnProgress) -> None:
    """Wait until row views and histories hold what is in their tables' topics now, and in their own.

    The host of containers does not see what their job has processed.
    """
    if not is_outside(config):
        wait_until_processed(config, views, on_progress=on_progress)
    wait_until_written(config, sorted(view.topic for view in views), on_progress=on_progress)


def refuse_unread(config: Config, tables: Sequence[str], as_role: Config) -> None:
    """Make sure that a role sees all rows of tables: what it does not see would be taken out of the views.

    :param as_role: the configuration with which it logs in.
    :raises TableUnread: for the first one that has rows which it does not see.
    """
    with connect(config) as connection:
        for table in tables:
            try:
                refuse_hidden(connection, table, as_role.database.user)
            except RowsHidden as exc:
                raise TableUnread(table, str(exc)) from exc


@contextmanager
def _our_errors(table: str) -> Iterator[None]:
    """Make of what Spark and Postgres say one error that says what to do."""
    try:
        with spark_failures(lambda cause: FillFailed(table, cause)):
            yield
    except psycopg2.Error as exc:
        raise FillFailed(table, first_line(exc)) from exc
    except RightMissing as exc:
        raise FillFailed(table, str(exc)) from exc


class _Lane:
    """One fill of views of one table.

    :param cut_off: how far it has come already; None for one that begins.
    """

    def __init__(
        self,
        config: Config,
        spark: SparkSession,
        views: Sequence[View],
        identities: Identities,
        cut_off: Progress | None,
        on_progress: OnProgress,
    ) -> None:
        self._config, self._spark, self._views, self._identities = config, spark, views, identities
        self._cut_off, self._on_progress = cut_off, on_progress
        self._names = ", ".join(view.name for view in views)
        self._table = views[0].table
        self._topic = views[0].source_topic
        self._postgres = read_by_spark(config)
        self._registry = Registry(config.registry.url)
        self._epoch = epoch_of(config)

    def fill(self, rate: int | None) -> tuple[Place, int]:
        """Write the table as of one snapshot; return the place whose version the rows have."""
        with self._snapshot() as (held, last):
            read_ms = time.time_ns() // 1_000_000
            at = min(last.items(), key=lambda each: each[1], default=((self._topic, 0), -1))
            filling = self._filling(held, at, read_ms)
            without = self._changed_since(held, last, key_of(filling.columns))
            progress = self._cut_off or self._begin(last)
            pages = Pages(progress.parts)
            pages.take(progress.pages, 1)
            if progress.pages:
                where = f"page {progress.pages:,} of {pages.total:,}"
                self._on_progress(f"{self._names}: goes on at {where}, where a fill was cut off")
            pace = Pace(self._names, pages.total - progress.pages, rate, self._on_progress)
            with sink_place(self._config) as sink:
                self._write(filling, pages, progress, without, pace, sink)
            if are_others(self._parts(), progress.parts):
                raise TableRewritten(self._table)
        pace.end()
        return at

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[HeldSnapshot, dict[Place, int]]]:
        """Hold a snapshot that has seen every change up to the last offsets of the CDC topic: of one cut off, then."""
        while True:
            last = last_offsets(self._config, self._table)
            if self._cut_off:
                last = dict(zip(sorted(last), self._cut_off.last, strict=True))
            with hold_snapshot(self._postgres, table=self._table) as held:
                if not self._lacks(held, last):
                    yield held, last
                    return
            self._on_progress(f"waiting until Postgres shows what it has committed to {self._table}")
            time.sleep(1)

    def _lacks(self, held: HeldSnapshot, last: Mapping[Place, int]) -> bool:
        """Return whether a change up to these offsets is one that the snapshot has not seen.

        Its transaction wrote to the table, and was just leaving Postgres' list of running ones.
        """
        since = held.straddled_since_ms
        if since is None or max(last.values(), default=-1) < 0:
            return False
        after = {place: offset + 1 for place, offset in last.items()}
        begins = offsets_since(self._config.kafka.bootstrap, after, since, group=self._config.names.group("views-ends"))
        return begins != after and self._changes().any_of(self._spark, held.straddling, begins, after)

    def _changed_since(self, held: HeldSnapshot, last: Mapping[Place, int], key: Sequence[str]) -> DataFrame | None:
        """Find the rows whose changes are behind the offsets and in the snapshot all the same; histories alone care.

        Their own entries hold all of these rows, and one before them must not hold what comes later.
        """
        if not any(isinstance(view, History) for view in self._views):
            return None
        wait_until_captured(self._config, on_progress=self._on_progress)
        begins = {place: offset + 1 for place, offset in last.items()}
        now = ends(self._config, [self._topic])
        if begins == now:
            return None
        return self._changes().keys_seen(self._spark, held.seen, key, begins, now)

    def _changes(self) -> Changes:
        writers = writers_of(self._registry, self._topic)
        return Changes(self._table, self._topic, self._config.kafka.bootstrap, self._config.registry.url, writers)

    def _filling(self, held: HeldSnapshot, at: tuple[Place, int], read_ms: int) -> Filling:
        project = Project.of(self._config)
        with connect(self._config) as connection:
            columns = read_columns(connection, self._table)
        postgres = replace(self._postgres, snapshot=held.name)
        image = read_images(self._spark, self._table, postgres, columns).schema
        outputs = [output_of(self._spark, self._registry, project.avro, view, image) for view in self._views]
        letters, _ = self._config.names.dead_letter_topics
        return Filling(self._table, columns, postgres, outputs, letters, self._epoch, at, held.seen.lsn, read_ms)

    def _parts(self) -> list[Part]:
        """Ask where the rows lie."""
        with connect(self._config.reading) as connection, connection.cursor() as cursor:
            return read_parts(cursor, self._table)

    def _begin(self, last: Mapping[Place, int]) -> Progress:
        """Note that rows of this version are written from now on; a commit after the snapshot flushes what it holds."""
        progress = begin_progress(self._config, self._views, tuple(last[place] for place in sorted(last)))
        generations = {view.name: generation_of(view, epoch=self._epoch) for view in self._views}
        versions = {name: version_of(number, progress.offset) for name, number in generations.items()}
        mark_started(self._config, versions, self._identities.get(self._table))
        return progress

    def _write(
        self,
        filling: Filling,
        pages: Pages,
        progress: Progress,
        without: DataFrame | None,
        pace: Pace,
        sink: SinkPlace,
    ) -> None:
        while ranges := pages.take(pace.pages(_FIRST_PAGES, _BATCH_ROWS), _TASKS):
            self._let_live_rows_go_first(sink)
            rows = self._count(ranges)
            fetched = replace(filling.postgres, fetch_rows=fetch_rows(ranges, rows))
            replace(filling, postgres=fetched).write(self._spark, self._config.kafka.bootstrap, ranges, without)
            done = sum(each.pages for each in ranges)
            progress = replace(progress, pages=progress.pages + done)
            mark_progress(self._config, list(progress.contracts), progress.as_json())
            pace.did(done, rows)

    def _let_live_rows_go_first(self, sink: SinkPlace) -> None:
        """Wait until the views' topics hold little that Cassandra does not have."""
        topics = [view.topic for view in self._views]
        watch = ConnectorWatch(self._config.connect.url, self._config.names.sink)
        patience = Patience(self._on_progress, math.inf, watch.look)
        while (behind := sink.behind_ends(topics)) > _AHEAD * len(topics):
            patience.spend(behind, f"Cassandra has {behind:,} more records")
            time.sleep(_POLL_S)

    def _count(self, ranges: Sequence[Range]) -> int:
        with connect(self._config.reading) as connection, connection.cursor() as cursor:
            return count_rows(cursor, ranges)
