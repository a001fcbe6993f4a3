"""Fresh tables: one without a row needs no fill, since change events will bring every row."""

from __future__ import annotations

from collections.abc import Sequence

from penstock_views.aggregates.run import runs_folder
from penstock_views.declaration.totals import Aggregate
from penstock_views.declaration.views import View
from penstock_views.snapshot.held import hold_snapshot
from psycopg2.errors import InsufficientPrivilege

from penstock.cassandra.table import empty_tables
from penstock.config import Config
from penstock.layout import Layout
from penstock.local_spark import read_by_spark
from penstock.names import quoted
from penstock.pipeline.fence import OnProgress
from penstock.pipeline.fills import ids_in_cassandra, mark_filled, started_fills
from penstock.pipeline.identities import Identities
from penstock.pipeline.stalled import ViewStopped, stopped_views
from penstock.postgres.connection import connect
from penstock.postgres.record import read_known
from penstock.project.generation import epoch_of
from penstock.views.lane import take_backlog


def settle_empty(
    config: Config, views: Sequence[View], *, identities: Identities, on_progress: OnProgress
) -> list[View]:
    """Count views as filled whose source and table have no row, and whose topics bring none; return them.

    :param views: that the jobs run with. What is committed from here on comes to them, if the source knows the table.
    """
    with connect(config) as connection:
        sent = read_known(connection)
    started = started_fills(config, ids_in_cassandra(config))
    tables = {view.table for view in views}
    filled = {table for table in tables if table not in sent or _has_rows(config, table)}
    unused = [
        view
        for view in views
        if view.table not in filled and view.name not in started and not _is_counted(config, view)
    ]
    if not unused:
        return []
    stopped = stopped_views(config)
    written = [view for view in unused if not isinstance(view, Aggregate) and view.name not in stopped]
    try:
        take_backlog(config, written, on_progress=on_progress)
    except ViewStopped:
        return []  # the fill says why
    rowless = empty_tables(config, [view.name for view in unused])
    empty = [view for view in unused if view.name in rowless]
    mark_filled(config, empty, epoch=epoch_of(config), identities=identities)
    return empty


def _has_rows(config: Config, table: str) -> bool:
    """Return whether a table may have a row; while somebody writes to it, it may.

    A commit is in the log, and perhaps past the jobs, before others see its rows: until it lets go of its locks.
    """
    with hold_snapshot(read_by_spark(config), table=table) as held:
        if held.began:
            return True
    with connect(config.reading) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {quoted(table)})")  # noqa: S608 - quoted
        except InsufficientPrivilege:
            return True  # the fill says why
        return cursor.fetchone() != (False,)


def _is_counted(config: Config, view: View) -> bool:
    """Return whether the view is an aggregate that counts: its next run finds what has gone."""
    return isinstance(view, Aggregate) and runs_folder(Layout.of(config).aggregates, view.name).exists()
